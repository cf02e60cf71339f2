// tests/conformance/sync.cpp: events, locks and counts keep the contract of a wait.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/coro/yield.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/sync/barrier.hpp>
#include <weir/sync/condition.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/latch.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/sync/shared_mutex.hpp>
#include <weir/sync/spawn_limit.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::conformance;

namespace {

struct event_wait {
    static constexpr description row{
        .name = "event::wait", .kind = on_cancel::safe, .value = "the flag is untouched"};
    explicit event_wait(stage&) {}
    task<std::error_code> wait() {
        auto const waited = co_await flag.wait();
        co_return waited.error();
    }
    void complete() { flag.set(); }
    bool whole(std::size_t) { return flag.is_set(); }

    event flag;
};

struct latch_wait {
    static constexpr description row{
        .name = "latch::wait", .kind = on_cancel::safe, .value = "the count is untouched"};
    explicit latch_wait(stage&) {}
    task<std::error_code> wait() {
        auto const waited = co_await gate.wait();
        co_return waited.error();
    }
    void complete() {
        gate.count_down();
        gate.count_down();
    }
    bool whole(std::size_t) { return gate.try_wait(); }

    latch gate{2};
};

// A group of two, of which the other leaves.
struct barrier_arrive {
    static constexpr description row{.name = "barrier::arrive",
                                     .kind = on_cancel::safe,
                                     .value = "the arrival is taken back",
                                     .note = "the others go on waiting for it; `leave` lets them go",
                                     .serves = audience::lone};
    explicit barrier_arrive(stage&) {}
    task<std::error_code> wait() {
        auto const met = co_await group.arrive();
        co_return met.error();
    }
    void complete() { group.leave(); }
    bool whole(std::size_t) { return group.members() == 1; }

    barrier group{2};
};

struct mutex_lock {
    static constexpr description row{.name = "mutex::lock",
                                     .kind = on_cancel::loses_place,
                                     .value = "the lock goes to the next",
                                     .serves = audience::one};
    explicit mutex_lock(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await lock.lock();
        if (got) guard = *std::move(got);
        co_return got.error();
    }
    void complete() { first.unlock(); }
    bool whole(std::size_t completed) {
        bool const is_free = static_cast<bool>(lock.try_lock());
        return completed <= 1 && is_free == (completed == 0) && static_cast<bool>(guard) == (completed == 1);
    }

    mutex lock;
    mutex_guard first = lock.try_lock();
    mutex_guard guard;
};

// Of two permits at a time, so that one that is left alone would show.
struct semaphore_acquire {
    static constexpr description row{.name = "semaphore::acquire",
                                     .kind = on_cancel::loses_place,
                                     .value = "it holds nothing; the permits go to the next",
                                     .serves = audience::one};
    explicit semaphore_acquire(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await permits.acquire(2);
        if (got) held = *std::move(got);
        co_return got.error();
    }
    void complete() { permits.release(2); }
    bool whole(std::size_t completed) {
        return completed <= 1 && permits.available() == 2 * (1 - completed) && held.count() == 2 * completed;
    }

    semaphore permits{0};
    permit held;
};

// Behind one who wants more than there is: what completes the wait is that this one is stopped.
struct semaphore_behind_large {
    static constexpr description row{.name = "semaphore::acquire behind a larger request",
                                     .kind = on_cancel::loses_place,
                                     .value = "the same; when the larger one is stopped, those behind it may go at once",
                                     .serves = audience::one};
    explicit semaphore_behind_large(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        std::call_once(begins, [&] {
            larger.emplace(permits.acquire(2), context{here.executor}.with_stop(gives_up.token()));
        });
        auto got = co_await permits.acquire();
        if (got) held = *std::move(got);
        co_return got.error();
    }
    void complete() { gives_up.request_stop(); }
    task<> close() {
        while (larger && !larger->done()) co_await yield();
    }
    bool whole(std::size_t completed) {
        return completed <= 1 && permits.available() == 1 - completed && held.count() == completed;
    }

    using acquisition = decltype(std::declval<semaphore&>().acquire());
    semaphore permits{1};
    permit held;
    std::once_flag begins;
    stop_source gives_up;
    std::optional<test::started<acquisition>> larger;
};

struct shared_mutex_lock {
    static constexpr description row{.name = "shared_mutex::lock",
                                     .kind = on_cancel::loses_place,
                                     .value = "the lock goes to the next",
                                     .note = "readers who waited behind it go in",
                                     .serves = audience::one};
    explicit shared_mutex_lock(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await lock.lock();
        if (got) held = *std::move(got);
        co_return got.error();
    }
    void complete() { reader.release(); }
    bool whole(std::size_t completed) {
        bool const is_free = static_cast<bool>(lock.try_lock());
        return completed <= 1 && is_free == (completed == 0) && static_cast<bool>(held) == (completed == 1);
    }

    shared_mutex lock;
    permit reader = lock.try_lock_shared();
    permit held;
};

struct shared_mutex_lock_shared {
    static constexpr description row{.name = "shared_mutex::lock_shared",
                                     .kind = on_cancel::loses_place,
                                     .value = "it holds nothing"};
    explicit shared_mutex_lock_shared(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await lock.lock_shared();
        if (got) {
            std::lock_guard const locked{books};
            held.push_back(*std::move(got));
        }
        co_return got.error();
    }
    void complete() { writer.release(); }
    bool whole(std::size_t completed) {
        bool const is_free = static_cast<bool>(lock.try_lock());
        return held.size() == completed && is_free == held.empty() && static_cast<bool>(lock.try_lock_shared());
    }

    shared_mutex lock;
    permit writer = lock.try_lock();
    std::mutex books;
    std::vector<permit> held;
};

// A count that somebody raises; it is part of the completion, so that a notification before the wait is not lost.
struct condition_wait {
    static constexpr description row{.name = "condition::wait",
                                     .kind = on_cancel::loses_place,
                                     .value = "a notification that had reached it goes to the next",
                                     .note = "after a stop the mutex is not held, and need not be waited for",
                                     .serves = audience::one};
    explicit condition_wait(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await lock.lock();
        if (!got) co_return got.error();
        mutex_guard held = *std::move(got);
        while (units == 0) {
            auto const notified = co_await changed.wait(held);
            if (!notified) co_return notified.error();
        }
        --units;
        ++had;
        co_return std::error_code{};
    }
    void complete() {
        mutex_guard held;
        for (backoff wait; !held; held = lock.try_lock()) wait(); // nobody holds it across a suspension
        ++units;
        changed.notify_one(); // who is notified stands in the mutex's queue, until the unlock
        held.unlock();
    }
    bool whole(std::size_t completed) {
        return completed <= 1 && had == completed && units == 1 - completed && static_cast<bool>(lock.try_lock());
    }

    mutex lock;
    condition changed{lock};
    std::size_t units = 0;
    std::size_t had = 0;
};

// One seat, which somebody has who goes when it is told to; who is spawned next stays.
struct limited_spawn {
    static constexpr description row{.name = "spawn_limit::spawn",
                                     .kind = on_cancel::loses_place,
                                     .value = "the child is not begun, and what it was given ends",
                                     .serves = audience::one,
                                     .at_once = false};
    explicit limited_spawn(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) {
            limit.emplace(opened, 1);
            static_cast<void>(limit->try_spawn(&sits, &may_go));
        });
        auto const begun = co_await limit->spawn(&stays, this);
        co_return begun.error();
    }
    void complete() { may_go.set(); }
    task<> close() {
        may_leave.set();
        return children.join();
    }
    bool whole(std::size_t completed) { return completed <= 1 && began == completed; }

private:
    static task<> sits(event* until) { static_cast<void>(co_await until->wait()); }
    static task<> stays(limited_spawn* self) {
        ++self->began;
        co_await sits(&self->may_leave);
    }

    event may_go;
    event may_leave;
    std::size_t began = 0;
    own_scope children;
    std::optional<spawn_limit> limit;
};

using all_sync = std::tuple<event_wait, latch_wait, barrier_arrive, mutex_lock, semaphore_acquire, semaphore_behind_large,
                            shared_mutex_lock, shared_mutex_lock_shared, condition_wait, limited_spawn>;
in_table<all_sync> const lines{group::sync};

} // namespace

TEMPLATE_LIST_TEST_CASE("events, locks and counts keep the contract of a wait", "", all_sync) { conforms<TestType>(); }
