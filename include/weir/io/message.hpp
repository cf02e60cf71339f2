// weir/io/message.hpp: what goes with a message besides its bytes: an address, descriptors, words of the protocol.
// Both kinds lie where the caller keeps them, and belong to the kernel while an operation with them is in flight.
// Not:      a stream's bytes; send, send_all and recv are enough for those.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/immovable.hpp>
#include <weir/io/fd.hpp>

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>
#include <type_traits>
#include <utility>

namespace weir::inline v0::io {

namespace detail {

// Room for what the kernel calls control messages: 32 descriptors, or fewer and some words.
class control_room {
public:
    static constexpr std::size_t size = 160;
    std::byte* data() noexcept { return bytes_; }

private:
    alignas(cmsghdr) std::byte bytes_[size] = {};
};

} // namespace detail

// A message to be sent, in pieces that are not copied.
class outgoing : immovable {
public:
    static constexpr std::size_t most_descriptors = 32;

    // Needs: at most IOV_MAX (1024) pieces, which stay, as their bytes do, until it was sent.
    explicit outgoing(std::span<iovec const> pieces) noexcept { set_pieces(pieces); }
    // One piece.
    explicit outgoing(std::span<std::byte const> bytes) noexcept
        : single_{const_cast<std::byte*>(bytes.data()), bytes.size()} { // the kernel does not write there
        set_pieces({&single_, 1});
    }

    // To whom, for a socket that is not connected.  Needs: the address to stay until it was sent.
    outgoing& to(sockaddr const* where, socklen_t length) noexcept {
        header_.msg_name = const_cast<sockaddr*>(where);
        header_.msg_namelen = length;
        return *this;
    }
    // Has the receiver of a Unix socket's message get a descriptor of the same file.
    // Needs: `file` open until it was sent; at most `most_descriptors`, and in a stream at least one byte to go with them.
    outgoing& attach(fd_ref file) noexcept;
    // A word of a protocol: UDP_SEGMENT of SOL_UDP, for instance.  Needs: room; six ints have it.
    template <class Word>
    outgoing& attach(int level, int type, Word const& value) noexcept;

    msghdr const& header() const noexcept { return header_; } // for the operation

private:
    void set_pieces(std::span<iovec const> pieces) noexcept {
        header_.msg_iov = const_cast<iovec*>(pieces.data());
        header_.msg_iovlen = pieces.size();
    }
    cmsghdr& open_room(std::size_t bytes) noexcept;

    msghdr header_{};
    iovec single_{};
    cmsghdr* descriptors_ = nullptr; // the last of the control messages, while it may grow
    detail::control_room control_;
};

inline cmsghdr& outgoing::open_room(std::size_t bytes) noexcept {
    std::size_t const before = header_.msg_controllen;
    if (before + CMSG_SPACE(bytes) > control_.size) WEIR_FATAL("more was attached to a message than it has room for");
    header_.msg_control = control_.data();
    header_.msg_controllen = before + CMSG_SPACE(bytes);
    auto& made = *reinterpret_cast<cmsghdr*>(control_.data() + before);
    made.cmsg_len = CMSG_LEN(bytes);
    return made;
}

inline outgoing& outgoing::attach(fd_ref file) noexcept {
    std::size_t held = 0; // in bytes
    if (descriptors_) { // is opened again, a descriptor longer; the kernel wants all in one
        held = descriptors_->cmsg_len - CMSG_LEN(0);
        header_.msg_controllen -= CMSG_SPACE(held);
    }
    cmsghdr& list = open_room(held + sizeof(int));
    list.cmsg_level = SOL_SOCKET;
    list.cmsg_type = SCM_RIGHTS;
    int const number = file.number();
    std::memcpy(CMSG_DATA(&list) + held, &number, sizeof number);
    descriptors_ = &list;
    return *this;
}

template <class Word>
outgoing& outgoing::attach(int level, int type, Word const& value) noexcept {
    static_assert(std::is_trivially_copyable_v<Word>);
    WEIR_ASSERT(!descriptors_, "words are attached before descriptors");
    cmsghdr& word = open_room(sizeof value);
    word.cmsg_level = level;
    word.cmsg_type = type;
    std::memcpy(CMSG_DATA(&word), &value, sizeof value);
    return *this;
}

// A message that was received. It owns the descriptors that came along until they are taken.
class incoming : immovable {
public:
    incoming() noexcept = default;
    ~incoming() { close_descriptors(); }

    // Of the latest receive, if it succeeded:
    // more came than the buffer held; the rest is lost.
    bool truncated() const noexcept { return header_.msg_flags & MSG_TRUNC; }
    // More came along than there was room for; those descriptors were closed.
    bool control_truncated() const noexcept { return header_.msg_flags & MSG_CTRUNC; }
    // Who sent it, where the protocol tells; the length is 0 where it does not.
    sockaddr_storage const& from() const noexcept { return from_; }
    socklen_t from_length() const noexcept { return filled_ ? header_.msg_namelen : 0; }
    // The next descriptor that came along, close-on-exec; nothing when all are taken.
    fd take_descriptor() noexcept;
    // A word of a protocol, if it came: UDP_GRO of SOL_UDP, for instance.
    template <class Word>
    std::optional<Word> control(int level, int type) const noexcept;

    // For the operation: empties it, and has the next message's bytes go to `into`; and then, when one has come.
    msghdr& prepare(std::span<std::byte> into) noexcept;
    void filled() noexcept { filled_ = true; }

private:
    void close_descriptors() noexcept {
        while (take_descriptor()) {}
    }
    cmsghdr* first() const noexcept { return filled_ ? CMSG_FIRSTHDR(&header_) : nullptr; }
    cmsghdr* after(cmsghdr* one) const noexcept { return CMSG_NXTHDR(const_cast<msghdr*>(&header_), one); }

    msghdr header_{};
    iovec piece_{};
    std::size_t taken_ = 0; // descriptors
    bool filled_ = false;   // else what lies in `control_` is of another message
    sockaddr_storage from_{};
    detail::control_room control_;
};

inline msghdr& incoming::prepare(std::span<std::byte> into) noexcept {
    close_descriptors();
    taken_ = 0;
    filled_ = false;
    piece_ = {into.data(), into.size()};
    header_ = {};
    header_.msg_name = &from_;
    header_.msg_namelen = sizeof from_;
    header_.msg_iov = &piece_;
    header_.msg_iovlen = 1;
    header_.msg_control = control_.data();
    header_.msg_controllen = control_.size;
    return header_;
}

inline fd incoming::take_descriptor() noexcept {
    std::size_t before = 0;
    for (cmsghdr* each = first(); each; each = after(each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        std::size_t const count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (taken_ < before + count) {
            int number;
            std::memcpy(&number, CMSG_DATA(each) + (taken_++ - before) * sizeof number, sizeof number);
            return fd{number};
        }
        before += count;
    }
    return {};
}

template <class Word>
std::optional<Word> incoming::control(int level, int type) const noexcept {
    static_assert(std::is_trivially_copyable_v<Word>);
    for (cmsghdr* each = first(); each; each = after(each)) {
        if (each->cmsg_level != level || each->cmsg_type != type || each->cmsg_len < CMSG_LEN(sizeof(Word))) continue;
        Word value;
        std::memcpy(&value, CMSG_DATA(each), sizeof value);
        return value;
    }
    return std::nullopt;
}

} // namespace weir::io
