// weir/net/datagram_train.hpp: many datagrams handed to the kernel by one call, in few messages.
// Neighbours of one receiver and size, the last of which may be shorter, are one message that the kernel cuts (GSO).
// Source:   W. de Bruijn, E. Dumazet, "Optimizing UDP for content delivery: GSO, pacing and zerocopy", Linux Plumbers
//           Conference, 2018.
// For:      authors of primitives; udp.hpp has what uses it.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/io/op.hpp>
#include <weir/net/address.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::net {

// To be sent; to whom the socket is connected, where it says nobody.
class outgoing_datagram {
public:
    outgoing_datagram() = default;
    outgoing_datagram(std::span<std::byte const> what, address const& whom) noexcept : bytes{what}, to{whom} {}
    explicit outgoing_datagram(std::span<std::byte const> what) noexcept : bytes{what} {}
    std::span<std::byte const> bytes;
    address to;
};

namespace detail {

class datagram_train : immovable {
public:
    static constexpr std::size_t most = 64; // datagrams; the kernel cuts no message into more

    // Sends as many of `next` as one call takes, without waiting.
    // Returns: how many, at least one; or the negated errno of the first message.
    int send_now(int socket, std::span<outgoing_datagram const> next, bool one_by_one) noexcept;
    // Whether that error of the latest call may be that of a message that was to be cut.
    bool cut_refused(int error) const noexcept {
        bool const may_be = error == -EINVAL || error == -EIO || error == -EMSGSIZE || error == -EOPNOTSUPP;
        return may_be && lengths_[0] > 1;
    }

private:
    static constexpr std::size_t most_bytes = 65'000; // of a message, headers aside
    static constexpr std::size_t control_size = CMSG_SPACE(sizeof(std::uint16_t));
    class control {
    public:
        alignas(cmsghdr) std::byte bytes[control_size];
    };

    static std::size_t run_at(std::span<outgoing_datagram const> next) noexcept;
    void add(std::size_t message, std::span<outgoing_datagram const> run, std::size_t first_piece) noexcept;

    std::array<mmsghdr, most> headers_;
    std::array<iovec, most> pieces_;
    std::array<control, most> controls_;
    std::array<std::size_t, most> lengths_{}; // datagrams of each message
};

// How many of the first are one message.
inline std::size_t datagram_train::run_at(std::span<outgoing_datagram const> next) noexcept {
    std::size_t const size = next[0].bytes.size();
    std::size_t count = 1;
    std::size_t sum = size;
    if (size == 0) return 1;
    while (count < std::min(next.size(), most)) {
        auto const& one = next[count];
        if (one.bytes.empty() || one.bytes.size() > size || sum + one.bytes.size() > most_bytes) break;
        if (one.to != next[0].to) break;
        sum += one.bytes.size();
        ++count;
        if (one.bytes.size() < size) break; // none can follow a shorter one
    }
    return count;
}

inline void datagram_train::add(std::size_t message, std::span<outgoing_datagram const> run,
                                std::size_t first_piece) noexcept {
    for (std::size_t n = 0; n < run.size(); ++n) // the kernel does not write there
        pieces_[first_piece + n] = {const_cast<std::byte*>(run[n].bytes.data()), run[n].bytes.size()};
    lengths_[message] = run.size();
    headers_[message] = {};
    msghdr& header = headers_[message].msg_hdr;
    if (run[0].to.length() > 0) {
        header.msg_name = const_cast<sockaddr*>(run[0].to.raw());
        header.msg_namelen = run[0].to.length();
    }
    header.msg_iov = &pieces_[first_piece];
    header.msg_iovlen = run.size();
    if (run.size() == 1) return;
    header.msg_control = controls_[message].bytes;
    header.msg_controllen = control_size;
    cmsghdr* const word = CMSG_FIRSTHDR(&header);
    word->cmsg_level = SOL_UDP;
    word->cmsg_type = UDP_SEGMENT;
    word->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    auto const size = static_cast<std::uint16_t>(run[0].bytes.size());
    std::memcpy(CMSG_DATA(word), &size, sizeof size);
}

inline int datagram_train::send_now(int socket, std::span<outgoing_datagram const> next, bool one_by_one) noexcept {
    next = next.first(std::min(next.size(), most));
    unsigned messages = 0;
    for (std::size_t at = 0; at < next.size();) {
        std::size_t const run = one_by_one ? 1 : run_at(next.subspan(at));
        add(messages++, next.subspan(at, run), at);
        at += run;
    }
    int const taken =
        io::system_call([&] { return ::sendmmsg(socket, headers_.data(), messages, MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (taken < 0) return taken;
    std::size_t sent = 0;
    for (int n = 0; n < taken; ++n) sent += lengths_[static_cast<std::size_t>(n)];
    return static_cast<int>(sent);
}

} // namespace detail

} // namespace weir::net
