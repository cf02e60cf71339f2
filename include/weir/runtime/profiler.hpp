// weir/runtime/profiler.hpp: looks at every thread of the process now and then, and tells where they were.
//     profiler looks;
//     looks.start().value();
//     ...
//     std::string const picture = looks.stop().svg("the server at noon");
// A stack begins with its thread's name; where the thread ran a coroutine, then come those who await it, the outermost
// first, and then the coroutine and what it has called. What the scheduler does in between is left out.
// Threads:  start and stop one at a time. One profiler of the process may run.
// Cost:     nothing while it does not run. Else each sample takes its thread some ten microseconds, and 50 KiB a thread.
//           A start reads the tables of symbols, which takes milliseconds; a program without one shows no awaiters.
// Signals:  SIGPROF, whose handler stays afterwards, as one that is under way would end the program. A system call that
//           the system does not restart gives EINTR, with profiled_time::wall also where the thread slept.
// Not:      exact in time: the kernel looks at a thread's CPU time when its clock ticks, 100 to 1000 times a second.
//           Awaiters are found in optimised code; without optimisation they may be missing.
//           Nor under a thread sanitizer, which holds signals back until the thread enters the kernel: there stacks say
//           where that was. A thread that blocks SIGPROF is not seen, nor surely one that lives for less than 100 ms.
#pragma once

#include <weir/base/errc.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/base/result.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/cpu/system_text.hpp>
#include <weir/queue/spsc.hpp>
#include <weir/runtime/profile.hpp>
#include <weir/runtime/quiet_thread.hpp>
#include <weir/runtime/stack_sample.hpp>
#include <weir/runtime/symbols.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if WEIR_LINUX
#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

enum class profiled_time : unsigned char {
    cpu,  // while a thread runs
    wall, // also while it waits
};

class profiler_options {
public:
    profiler_options() noexcept {}

    profiled_time time = profiled_time::cpu;
    std::chrono::microseconds period{10'000}; // from one look at a thread to the next; at least 1000
};

class profiler : immovable {
public:
    profiler() = default;
    ~profiler() {
        if (runs_) static_cast<void>(stop());
    }

    // Begins to look, at the threads there are and at those that come.
    // Errors: EBUSY when a profiler runs, or somebody else has a handler for SIGPROF; EINVAL for a period that is too
    //         short; errc::unsupported; or why the system gives no timer or thread.
    result<void> start(profiler_options options = {});
    // Ends that.  Returns: what was seen since; nothing where it was not running.  Cost: reads tables of symbols.
    profile stop();
    bool running() const noexcept { return runs_ != nullptr; }

private:
    class session;
    std::unique_ptr<session> runs_;
};

#if WEIR_LINUX

// The work between a start and a stop.
// P1: `now_` points to a session from when its handler may act until its stop; a handler looks at it only while it is
//     counted in `inside_`, and stop waits until none is, so a handler never sees a session that has ended.
// P2: a signal carries the round of its session and the number of its thread, not a pointer, as it may come late.
// P3: a thread's samples are written by its own handler, which does not interrupt itself, and read by the collector.
class profiler::session : immovable {
public:
    explicit session(profiler_options options) : options_{options} {}

    std::error_code begin();
    profile end();

private:
    using stack = std::vector<std::uintptr_t>; // the number of calls, these, and the awaiters

    class seat : immovable {
    public:
        explicit seat(pid_t of) : thread{of} {}
        pid_t const thread;
        timer_t timer{};
        std::string name;
        spsc<stack_sample> samples{ring};
        atomic<std::uint64_t> lost{0}; // by the handler
        std::map<stack, std::uint64_t> seen; // by the collector
    };
    static constexpr std::size_t ring = 64;
    static constexpr std::size_t most_threads = 4096; // a power of two
    static constexpr auto collects_every = std::chrono::milliseconds{20};
    static constexpr unsigned looks_around_every = 5; // collections: for new threads

    static void handle(int, siginfo_t* info, void* where) noexcept;
    static std::error_code install() noexcept;
    void take(std::size_t number, void const* where) noexcept;
    std::error_code seat_threads(pid_t but = 0);
    std::error_code seat_thread(pid_t thread);
    static std::string name_of(pid_t thread);
    void collect();
    void watch();
    std::string written(std::string const& thread, stack const& from);

    static inline atomic<session*> now_{nullptr};
    static inline posters inside_;
    static inline atomic<std::uint64_t> rounds_{0};

    profiler_options const options_;
    std::uint64_t const round_ = rounds_.fetch_add(1, relaxed) + 1; // only a number
    symbols names_; // before and after the collector
    std::vector<std::uintptr_t> coroutines_; // does not change while handlers run
    std::array<atomic<seat*>, most_threads> by_number_{};
    std::vector<std::unique_ptr<seat>> seats_; // by the collector, and before and after it
    std::mutex mutex_;
    std::condition_variable wakes_;
    bool over_ = false; // under mutex_
    pthread_t collector_{};
};

inline std::error_code profiler::session::install() noexcept {
    struct sigaction mine {};
    mine.sa_sigaction = &handle;
    mine.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigfillset(&mine.sa_mask);
    struct sigaction before {};
    if (::sigaction(SIGPROF, nullptr, &before) != 0) return system_error_code(errno);
    bool const ours = (before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction == &handle;
    bool const free =
        (before.sa_flags & SA_SIGINFO) == 0 && (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN);
    if (!ours && !free) return system_error_code(EBUSY);
    return ::sigaction(SIGPROF, &mine, nullptr) == 0 ? std::error_code{} : system_error_code(errno);
}

inline void profiler::session::handle(int, siginfo_t* info, void* where) noexcept {
    int const error = errno; // whom we interrupt may be about to read it
    {
        posters::visit const counted{inside_};
        store_load_fence(); // [profiled] counted, then a look whether it still runs
        session* const runs = now_.load(acquire); // [session]
        auto const word = reinterpret_cast<std::uintptr_t>(info->si_value.sival_ptr);
        if (runs && info->si_code == SI_TIMER && word / most_threads == runs->round_) // keeps P2
            runs->take(word % most_threads, where);
    }
    errno = error;
}

inline void profiler::session::take(std::size_t number, void const* where) noexcept {
    seat* const mine = by_number_[number].load(acquire); // [seat]
    if (!mine) return;
    auto const place = mine->samples.claim(1);
    if (place.empty()) {
        mine->lost.fetch_add(1, relaxed); // a number
        return;
    }
    place.front().take(where, coroutines_);
    mine->samples.commit(1); // keeps P3
}

inline std::string profiler::session::name_of(pid_t thread) {
    auto const text = system_text::read("/proc/self/task/" + std::to_string(thread) + "/comm");
    return text ? std::string{system_text::trimmed(*text)} : std::string{};
}

inline std::error_code profiler::session::seat_thread(pid_t thread) {
    auto const number = seats_.size();
    if (number == most_threads) return {};
    auto fresh = std::make_unique<seat>(thread);
    sigevent tells{};
    tells.sigev_notify = SIGEV_THREAD_ID;
    tells.sigev_signo = SIGPROF;
    tells.sigev_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(round_ * most_threads + number));
    tells._sigev_un._tid = thread;
    // The kernel's name for the CPU time of any thread of ours: its number's complement, a thread's, as scheduled.
    auto const cpu_time = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | 6);
    auto const time = options_.time == profiled_time::cpu ? cpu_time : CLOCK_MONOTONIC;
    if (::timer_create(time, &tells, &fresh->timer) != 0) return system_error_code(errno);
    by_number_[number].store(fresh.get(), release); // [seat] before its first signal
    auto const each = std::chrono::nanoseconds{options_.period}.count();
    itimerspec when{};
    when.it_interval = {static_cast<time_t>(each / 1'000'000'000), static_cast<long>(each % 1'000'000'000)};
    when.it_value = when.it_interval;
    seats_.push_back(std::move(fresh));
    if (::timer_settime(seats_.back()->timer, 0, &when, nullptr) != 0) return system_error_code(errno);
    return {};
}

// Finds threads that it does not know. One that ends meanwhile is no error.
inline std::error_code profiler::session::seat_threads(pid_t but) {
    struct closer {
        void operator()(DIR* open) const noexcept { ::closedir(open); }
    };
    std::unique_ptr<DIR, closer> const all{::opendir("/proc/self/task")};
    if (!all) return system_error_code(errno);
    std::error_code first;
    while (dirent const* const entry = ::readdir(all.get())) {
        auto const number = system_text::to_number(entry->d_name);
        if (!number) continue;
        auto const thread = static_cast<pid_t>(*number);
        auto const known =
            std::find_if(seats_.begin(), seats_.end(), [&](auto const& one) { return one->thread == thread; });
        auto name = name_of(thread);
        if (known != seats_.end()) {
            if (!name.empty()) (*known)->name = std::move(name); // it may have got one since
            continue;
        }
        if (thread == but) continue;
        if (auto const error = seat_thread(thread)) {
            if (!first) first = error;
        } else {
            seats_.back()->name = std::move(name);
        }
    }
    return seats_.empty() ? first : std::error_code{};
}

inline std::error_code profiler::session::begin() {
    if (options_.period < std::chrono::microseconds{1000}) return system_error_code(EINVAL);
    coroutines_ = names_.coroutines();
    session* nobody = nullptr;
    if (!now_.compare_exchange_strong(nobody, this, acq_rel, relaxed)) return system_error_code(EBUSY); // [session]
    stack_sample::prime();
    auto error = install();
    if (!error) error = seat_threads();
    if (!error) {
        auto const started = start_quiet_thread([](void* self) -> void* {
            static_cast<session*>(self)->watch();
            return nullptr;
        }, this);
        if (started) collector_ = *started;
        else error = started.error();
    }
    if (error) static_cast<void>(end());
    return error;
}

inline void profiler::session::collect() {
    for (auto const& each : seats_) {
        for (auto ready = each->samples.peek(); !ready.empty(); ready = each->samples.peek()) {
            for (auto const& one : ready) {
                stack key{one.call_count};
                key.insert(key.end(), one.calls.begin(), one.calls.begin() + one.call_count);
                key.insert(key.end(), one.awaiters.begin(), one.awaiters.begin() + one.awaiter_count);
                ++each->seen[std::move(key)];
            }
            each->samples.consume(ready.size());
        }
    }
}

inline void profiler::session::watch() {
    name_this_thread("weir-profiler");
    auto const self = static_cast<pid_t>(::syscall(SYS_gettid));
    std::unique_lock locked{mutex_};
    for (unsigned turn = 1; !wakes_.wait_for(locked, collects_every, [this] { return over_; }); ++turn) {
        if (turn % looks_around_every == 0) static_cast<void>(seat_threads(self));
        collect();
    }
}

inline std::string profiler::session::written(std::string const& thread, stack const& from) {
    std::string out = thread;
    auto const append = [&](std::string name) {
        std::replace(name.begin(), name.end(), ';', ',');
        out += ';' + name;
    };
    std::size_t const calls = from[0];
    for (std::size_t n = from.size(); n-- > 1 + calls;) append(names_.name_of(from[n]));
    for (std::size_t n = calls; n-- > 0;) append(names_.name_of(from[1 + n] - (n == 0 ? 0 : 1)));
    return out;
}

inline profile profiler::session::end() {
    now_.store(nullptr, seq_cst); // [session]
    store_load_fence(); // [profiled] nobody comes any more, then a look who is there
    if (collector_) {
        {
            std::scoped_lock const locked{mutex_};
            over_ = true;
        }
        wakes_.notify_one();
        ::pthread_join(collector_, nullptr);
    }
    for (auto const& each : seats_) ::timer_delete(each->timer);
    inside_.wait_for_none(); // keeps P1
    collect();
    profile all;
    for (auto const& each : seats_) {
        auto const thread = each->name.empty() ? "thread" : each->name;
        all.add_lost(each->lost.load(relaxed)); // a number
        for (auto const& [from, times] : each->seen)
            if (from[0] > 0) all.add(written(thread, from), times);
    }
    return all;
}

inline result<void> profiler::start(profiler_options options) {
    if (runs_) return system_error_code(EBUSY);
    auto fresh = std::make_unique<session>(options);
    if (auto const error = fresh->begin()) return error;
    runs_ = std::move(fresh);
    return {};
}

inline profile profiler::stop() {
    auto const ends = std::exchange(runs_, nullptr);
    return ends ? ends->end() : profile{};
}

#else

class profiler::session {};
inline result<void> profiler::start(profiler_options) { return errc::unsupported; }
inline profile profiler::stop() { return {}; }

#endif

} // namespace weir
