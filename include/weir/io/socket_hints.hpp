// weir/io/socket_hints.hpp: what a driver remembers of sockets from one of their operations to the next.
// By number, and only as long as the serial is the same: the number may be another socket's by now.
// Threads:  the driver's own.
// For:      authors of primitives.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/io/fd.hpp>

#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <vector>

namespace weir::inline v0::io {

class socket_hints {
public:
    // Whether its last receive has emptied it. Where that is wrong it costs a look.
    bool drained(fd_ref socket) const noexcept { return knows(socket) && of_[at(socket)].drained == socket.serial(); }
    void note_drained(fd_ref socket, bool drained) noexcept {
        if (has_room(socket)) of_[at(socket)].drained = drained ? socket.serial() : 0;
    }
    // Whether it carries a stream, as far as is known: one whose kind nobody has asked for does not.
    bool streams(fd_ref socket) const noexcept { return knows(socket) && of_[at(socket)].streams == socket.serial(); }
    // Whether what it sends is copied also where the kernel was asked not to.
    bool copies(fd_ref socket) const noexcept { return knows(socket) && of_[at(socket)].copies == socket.serial(); }
    void note_copy(fd_ref socket) noexcept {
        if (has_room(socket)) of_[at(socket)].copies = socket.serial();
    }
    // Asks the kernel for its kind.  Cost: a system call.
    void learn_kind(fd_ref socket) noexcept;

private:
    struct entry {
        std::uint32_t drained = 0; // the serial of which it holds, likewise
        std::uint32_t streams = 0;
        std::uint32_t copies = 0;
    };
    static std::size_t at(fd_ref socket) noexcept { return static_cast<std::size_t>(socket.number()); }
    bool knows(fd_ref socket) const noexcept { return at(socket) < of_.size() && socket.serial() != 0; }
    bool has_room(fd_ref socket) noexcept;

    std::vector<entry> of_;
};

inline bool socket_hints::has_room(fd_ref socket) noexcept {
    if (at(socket) < of_.size()) return true;
    if (socket.number() < 0) return false;
    WEIR_TRY {
        of_.resize(at(socket) + at(socket) / 2 + 1);
        return true;
    }
    WEIR_CATCH_ALL { return false; } // then nothing is remembered
}

inline void socket_hints::learn_kind(fd_ref socket) noexcept {
    int kind = 0;
    socklen_t size = sizeof kind;
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_TYPE, &kind, &size) == 0 && kind == SOCK_STREAM && has_room(socket))
        of_[at(socket)].streams = socket.serial();
}

} // namespace weir::io
