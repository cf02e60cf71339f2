// weir/net/datagram_batch.hpp: datagrams that were received by one call, each with its sender.
// One that was longer than its room is left out and counted: none that was cut ever looks whole.
// Not:      for sending; that takes a span of datagrams that lie anywhere (udp.hpp).
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/io/op.hpp>
#include <weir/net/address.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <span>
#include <sys/socket.h>
#include <vector>

namespace weir::inline v0::net {

class batch_options {
public:
    batch_options() {}
    std::size_t messages = 16;   // at most in one call
    std::size_t room = 2048;     // bytes for each; 65536 where the kernel may join datagrams (udp_options::joined)
};

class datagram_batch : immovable {
public:
    class received {
    public:
        std::span<std::byte const> bytes; // until the next receive
        address from;
    };

    // Needs: at least one message.  Cost: one allocation for all the room, and one for each list.
    explicit datagram_batch(batch_options options = {});

    // What the latest receive has brought, in order.
    std::span<received const> all() const noexcept { return all_; }
    auto begin() const noexcept { return all_.begin(); }
    auto end() const noexcept { return all_.end(); }
    std::size_t size() const noexcept { return all_.size(); }
    bool empty() const noexcept { return all_.empty(); }
    // Datagrams of the latest receive that were longer than their room, and are lost.
    std::size_t truncated() const noexcept { return truncated_; }

    // For the socket: takes what there is without waiting.  Returns: the messages, or the negated errno.
    int receive_now(int socket);

private:
    // The kernel joins datagrams of one sender and size, the last of which may be shorter, and says their size.
    static constexpr std::size_t control_size = CMSG_SPACE(sizeof(int));
    struct slot {
        sockaddr_storage from;
        iovec piece;
        alignas(cmsghdr) std::byte control[control_size];
    };

    void prepare() noexcept;
    void split(slot const& of, mmsghdr const& message);
    static std::size_t joined_size(msghdr const& header) noexcept;

    std::size_t const room_;
    std::unique_ptr<std::byte[]> const bytes_;
    std::vector<slot> slots_;
    std::vector<mmsghdr> headers_;
    std::vector<received> all_;
    std::size_t truncated_ = 0;
};

inline datagram_batch::datagram_batch(batch_options options)
    : room_{options.room}, bytes_{std::make_unique_for_overwrite<std::byte[]>(options.messages * options.room)},
      slots_(options.messages), headers_(options.messages) {
    WEIR_ASSERT(options.messages > 0, "a batch of no messages");
    all_.reserve(options.messages);
}

inline void datagram_batch::prepare() noexcept {
    all_.clear();
    truncated_ = 0;
    for (std::size_t n = 0; n < slots_.size(); ++n) {
        slots_[n].piece = {bytes_.get() + n * room_, room_};
        headers_[n] = {};
        msghdr& header = headers_[n].msg_hdr;
        header.msg_name = &slots_[n].from;
        header.msg_namelen = sizeof slots_[n].from;
        header.msg_iov = &slots_[n].piece;
        header.msg_iovlen = 1;
        header.msg_control = slots_[n].control;
        header.msg_controllen = control_size;
    }
}

inline int datagram_batch::receive_now(int socket) {
    prepare();
    // MSG_TRUNC has the kernel tell the length that a message had, not that of what was left of it.
    auto const messages = static_cast<unsigned>(headers_.size());
    int const count = io::system_call(
        [&] { return ::recvmmsg(socket, headers_.data(), messages, MSG_DONTWAIT | MSG_TRUNC, nullptr); });
    for (int n = 0; n < count; ++n) split(slots_[static_cast<std::size_t>(n)], headers_[static_cast<std::size_t>(n)]);
    return count;
}

inline std::size_t datagram_batch::joined_size(msghdr const& header) noexcept {
    auto& list = const_cast<msghdr&>(header);
    for (cmsghdr* each = CMSG_FIRSTHDR(&list); each; each = CMSG_NXTHDR(&list, each)) {
        if (each->cmsg_level != SOL_UDP || each->cmsg_type != UDP_GRO) continue;
        int size = 0;
        std::memcpy(&size, CMSG_DATA(each), sizeof size);
        return size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return 0;
}

inline void datagram_batch::split(slot const& of, mmsghdr const& message) {
    std::size_t const length = message.msg_len;
    std::size_t const joined = joined_size(message.msg_hdr);
    std::size_t const one = joined ? joined : length;
    received next;
    next.from = address{reinterpret_cast<sockaddr const*>(&of.from), message.msg_hdr.msg_namelen};
    std::size_t at = 0;
    do { // an empty datagram is one, too
        std::size_t const size = std::min(one, length - at);
        if (at + size <= room_) {
            next.bytes = {static_cast<std::byte const*>(of.piece.iov_base) + at, size};
            all_.push_back(next);
        } else {
            ++truncated_;
        }
        at += size;
    } while (at < length);
}

} // namespace weir::net
