// weir/io/hangup_watch.hpp: hears once that a socket's peer has ended or the connection has failed.
// It stands beside an entry that receives many: when bytes and the end come between two looks of such an entry, it takes
// the bytes, finds the socket empty, and sleeps on, so that the end is never told (seen with Linux 6.18).
// Source:   "Recv Multishot misses EOF with AF_UNIX", axboe/liburing, 2026.
// Not:      for epoll, which tells of both by itself.
// For:      authors of primitives.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <utility>

namespace weir::inline v0::io {

class hangup_watch : public op {
public:
    // Calls `fired(result)` on the driver's thread, in the end also when it is called back: the mask of poll(2), or a
    // negated errno.
    using listener = void (*)(hangup_watch&, int result) noexcept;
    hangup_watch(fd_ref socket, listener fired) noexcept : op{table, socket}, fired_{fired} {}

    bool armed() const noexcept { return armed_; }
    void arm(driver& home) noexcept {
        belongs_to(home);
        armed_ = true;
        static_cast<void>(home.submit(*this)); // a poll is never over at once
    }
    void call_back() noexcept {
        if (armed_ && !std::exchange(called_back_, true)) home().cancel(*this);
    }

private:
    static constexpr short mask = POLLRDHUP | POLLHUP | POLLERR;

    attempt try_now() noexcept {
        pollfd asked{file().number(), mask, 0};
        int const count = system_call([&] { return ::poll(&asked, 1, 0); });
        return count == 0 ? -EAGAIN : count < 0 ? count : asked.revents;
    }
    void prepare_entry(io_uring_sqe& entry) const noexcept {
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = file().number();
        entry.poll32_events = static_cast<std::uint32_t>(mask);
    }
    static actions const table;

    listener const fired_;
    bool armed_ = false;
    bool called_back_ = false;
};

constinit inline op::actions const hangup_watch::table{
    [](op& self) noexcept { return static_cast<hangup_watch&>(self).try_now(); },
    [](op& self, io_uring_sqe& entry) noexcept { static_cast<hangup_watch&>(self).prepare_entry(entry); },
    readiness::readable,
    [](op& self, int& result, std::uint32_t) noexcept {
        auto& mine = static_cast<hangup_watch&>(self);
        mine.armed_ = false;
        mine.fired_(mine, result);
        // ---- it may be gone
        return false; // no coroutine waits for it
    }};

} // namespace weir::io
