// weir/io/epoll.hpp: the driver on epoll.
// An operation is tried at once; where it would wait it queues at its descriptor, and is tried again when the kernel says
// that the descriptor is ready. Descriptors are registered once, for both directions and edges, at their first wait.
// What is known of readiness saves the try that would fail: a read that took less than it could has emptied the socket.
// Files are always ready, as far as epoll knows, and then stop their thread; see blocking_op.hpp.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/driver.hpp>
#include <weir/io/op.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace weir::inline v0::io {

class epoll_driver final : public driver {
public:
    // Null, with the reason in `why`, where the kernel refuses.
    static std::unique_ptr<epoll_driver> open(std::string& why);

    backend kind() const noexcept override { return backend::epoll; }
    void retire() noexcept override { wait_until(time_point::min()); } // mail may be the last word of who is gone
    std::optional<int> submit(op& one) noexcept override;
    void cancel(op& one) noexcept override;

protected:
    void reap(time_point until) noexcept override;
    void interrupt() noexcept override;

private:
    // One direction of a descriptor.
    // D1: while an operation waits, the last try met EAGAIN and no edge has come since.
    struct direction {
        bool ready = true; // a try may succeed
        intrusive_list<op> waiting;
    };
    struct entry {
        std::uint32_t serial = 0;
        bool registered = false;
        bool short_read_drains = false; // a TCP connection, which has no messages and, so far, no urgent data
        bool hung_up = false; // the peer has ended or the socket has failed: no further edge may come, so always ready
        direction in;
        direction out;
        direction& of(op const& one) noexcept { return one.waits_for() == readiness::readable ? in : out; }
    };

    epoll_driver() = default;
    // Null when there is no memory for it.
    entry* entry_of(fd_ref file) noexcept;
    static bool is_tcp(int number) noexcept;
    std::optional<int> ended_at_once(op& one, int result) noexcept;
    int wait_for(op& one, entry& at) noexcept;
    void edge(entry& at, std::uint32_t events) noexcept;
    void retry(entry& at, direction& side) noexcept;
    attempt try_once(op& one, entry& at, direction& side) noexcept;
    int kernel_wait(epoll_event* events, int room, time_point until) noexcept;

    static constexpr std::size_t chunk = 256;
    static constexpr int events_at_once = 256;
    static constexpr unsigned at_once_limit = 64;
    static constexpr std::uint64_t wake_up = ~std::uint64_t{0};

    fd file_;
    fd wake_file_;
    std::vector<std::unique_ptr<std::array<entry, chunk>>> entries_; // by number
    unsigned at_once_ = 0; // results given at once since the last reap: a task that never waits must yield at times
    bool precise_ = true;  // epoll_pwait2 is there
};

inline std::unique_ptr<epoll_driver> epoll_driver::open(std::string& why) {
    std::unique_ptr<epoll_driver> made{new epoll_driver};
    made->file_ = fd{::epoll_create1(EPOLL_CLOEXEC)};
    made->wake_file_ = fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET; // an edge for each write; the count is never read
    interest.data.u64 = wake_up;
    if (!made->file_ || !made->wake_file_ ||
        ::epoll_ctl(made->file_.number(), EPOLL_CTL_ADD, made->wake_file_.number(), &interest) < 0) {
        why = std::string{"epoll: "} + std::strerror(errno);
        return nullptr;
    }
    return made;
}

inline epoll_driver::entry* epoll_driver::entry_of(fd_ref file) noexcept {
    auto const number = static_cast<std::size_t>(file.number());
    WEIR_TRY {
        if (number / chunk >= entries_.size()) entries_.resize(number / chunk + 1);
        if (!entries_[number / chunk]) entries_[number / chunk] = std::make_unique<std::array<entry, chunk>>();
    }
    WEIR_CATCH_ALL { return nullptr; }
    entry& at = (*entries_[number / chunk])[number % chunk];
    if (at.serial != file.serial()) {
        // Another file has the number now; the kernel forgot the old one when it was closed.
        for (direction* const side : {&at.in, &at.out}) {
            while (op* const orphan = side->waiting.pop_front()) orphan->complete(-EBADF);
            side->ready = true;
        }
        at.serial = file.serial();
        at.registered = at.hung_up = at.short_read_drains = false;
    }
    return &at;
}

inline attempt epoll_driver::try_once(op& one, entry& at, direction& side) noexcept {
    attempt const tried = one.try_once();
    if (tried.result == -EAGAIN || (tried.exhausted && at.short_read_drains)) side.ready = at.hung_up;
    return tried;
}

inline std::optional<int> epoll_driver::ended_at_once(op& one, int result) noexcept {
    if (++at_once_ < at_once_limit) return result;
    one.complete(result);
    return std::nullopt;
}

inline std::optional<int> epoll_driver::submit(op& one) noexcept {
    if (one.waits_for() == readiness::never_waits) return one.try_once().result;
    if (one.waits_for() == readiness::blocks) {
        auto const in_place = static_cast<blocking_op&>(one).start_elsewhere();
        if (!in_place) return std::nullopt;
        return ended_at_once(one, *in_place);
    }
    if (one.file().number() < 0) return -EBADF;
    entry* const known = entry_of(one.file());
    if (!known) return -ENOMEM;
    entry& at = *known;
    direction& side = at.of(one);
    if (side.ready && side.waiting.empty()) { // behind others it waits for its turn
        attempt const tried = try_once(one, at, side);
        if (tried.result != -EAGAIN) return ended_at_once(one, tried.result);
    }
    int const error = wait_for(one, at);
    if (error) return error;
    return std::nullopt;
}

inline bool epoll_driver::is_tcp(int number) noexcept {
    auto const option = [&](int name) {
        int value = -1;
        socklen_t size = sizeof value;
        return ::getsockopt(number, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
    };
    if (option(SO_TYPE) != SOCK_STREAM) return false;
    int const domain = option(SO_DOMAIN);
    return domain == AF_INET || domain == AF_INET6;
}

inline int epoll_driver::wait_for(op& one, entry& at) noexcept {
    if (!at.registered) {
        epoll_event interest{};
        interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
        interest.data.u64 = std::uint64_t{one.file().serial()} << 32 | static_cast<std::uint32_t>(one.file().number());
        // An edge between the try and here is not lost: adding reports what is ready by then.
        if (::epoll_ctl(file_.number(), EPOLL_CTL_ADD, one.file().number(), &interest) < 0) {
            // Known to the kernel but not to us: a duplicate kept the number alive.
            if (errno != EEXIST || ::epoll_ctl(file_.number(), EPOLL_CTL_MOD, one.file().number(), &interest) < 0)
                return -errno;
        }
        at.registered = true;
        at.short_read_drains = is_tcp(one.file().number());
    }
    at.of(one).waiting.push_back(one); // keeps D1
    return 0;
}

inline void epoll_driver::cancel(op& one) noexcept {
    if (one.waits_for() == readiness::blocks) return static_cast<blocking_op&>(one).call_back();
    if (!one.linked()) return; // completed in this very turn
    one.unlink();
    one.complete(-ECANCELED);
}

inline void epoll_driver::retry(entry& at, direction& side) noexcept {
    while (op* const first = side.waiting.front()) {
        attempt const tried = try_once(*first, at, side);
        if (tried.result == -EAGAIN) return; // keeps D1
        first->unlink();
        first->complete(tried.result);
        if (!side.ready) return;
    }
}

inline void epoll_driver::edge(entry& at, std::uint32_t events) noexcept {
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) at.hung_up = true;
    if (events & EPOLLPRI) at.short_read_drains = false; // a read stops at the urgent mark, with more behind it
    if (events & (EPOLLIN | EPOLLPRI | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        at.in.ready = true;
        retry(at, at.in);
    }
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        at.out.ready = true;
        retry(at, at.out);
    }
}

inline int epoll_driver::kernel_wait(epoll_event* events, int room, time_point until) noexcept {
    if (until == time_point::min()) return ::epoll_wait(file_.number(), events, room, 0);
    if (until == no_deadline) return ::epoll_wait(file_.number(), events, room, -1);
    auto left = std::chrono::nanoseconds{until - clock::now()};
    if (left < left.zero()) left = left.zero();
#if defined(SYS_epoll_pwait2)
    if (precise_) {
        timespec limit{};
        limit.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
        limit.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
        long const got = ::syscall(SYS_epoll_pwait2, file_.number(), events, room, &limit, nullptr, std::size_t{8});
        if (got >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(got);
        precise_ = false; // older than Linux 5.11, or filtered
    }
#endif
    auto const rounded_up = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    constexpr std::int64_t longest = 3'600'000;
    return ::epoll_wait(file_.number(), events, room, static_cast<int>(rounded_up < longest ? rounded_up : longest));
}

inline void epoll_driver::reap(time_point until) noexcept {
    at_once_ = 0;
    std::array<epoll_event, events_at_once> events;
    int const count = kernel_wait(events.data(), events_at_once, until);
    for (int i = 0; i < count; ++i) {
        std::uint64_t const about = events[static_cast<std::size_t>(i)].data.u64;
        if (about == wake_up) continue;
        auto const number = static_cast<std::uint32_t>(about);
        entry& at = (*entries_[number / chunk])[number % chunk];
        if (at.serial == static_cast<std::uint32_t>(about >> 32)) edge(at, events[static_cast<std::size_t>(i)].events);
        // else the news of a file that is closed by now
    }
}

inline void epoll_driver::interrupt() noexcept {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(wake_file_.number(), &one, sizeof one); // full is as good as written
}

} // namespace weir::io
