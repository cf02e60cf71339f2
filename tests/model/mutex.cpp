// tests/model/mutex.cpp: lock, unlock and stop in every order: one inside, nobody stranded, first come first.
#include "desk.hpp"

#include <weir/sync/mutex.hpp>

#include <deque>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::model;

namespace {

// Each thread locks, adds to plain memory, unlocks; one of them may be stopped by another.
class three_lock {
public:
    void thread(int number) {
        adds(number == 0 ? stoppable_ : where_, *this);
        if (number == 2) stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 3, "a coroutine was stranded or went on twice");
        check(sum_.get() == entered_ && entered_ >= 2, "an entry was lost");
        check(static_cast<bool>(lock_.try_lock()), "the lock was lost");
    }

private:
    static walk adds(context const&, three_lock& self) {
        auto const guard = co_await self.lock_.lock();
        ++self.ended_;
        if (guard) {
            ++self.entered_;
            self.sum_.set(self.sum_.get() + 1);
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    mutex lock_;
    plain<int> sum_;
    int ended_ = 0;
    int entered_ = 0;
};

// Two wait in their order behind a holder that unlocks, while the first of them, or both, are stopped.
class unlock_and_stop {
public:
    explicit unlock_and_stop(bool stops_both) : stops_both_{stops_both}, held_{lock_.try_lock()} {
        waits(stoppable_, *this, 1);
        waits(stops_both ? stoppable_ : where_, *this, 2);
    }
    void thread(int number) {
        if (number == 0) held_.unlock();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded or went on twice");
        check(order_ == std::vector{1, 2} || order_ == std::vector{2} || (stops_both_ && order_.size() < 2),
              "not in the order of asking");
        check(static_cast<bool>(lock_.try_lock()), "the lock was lost");
    }

private:
    static walk waits(context const&, unlock_and_stop& self, int name) {
        auto const guard = co_await self.lock_.lock();
        ++self.ended_;
        if (guard) self.order_.push_back(name);
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    bool const stops_both_;
    mutex lock_;
    mutex_guard held_;
    std::vector<int> order_;
    int ended_ = 0;
};

// A lock of flags: unlock looks for waiters and then frees, in two steps. Who queues in between is stranded.
class looks_then_frees {
public:
    class awaiter : waiter {
    public:
        explicit awaiter(looks_then_frees& of) noexcept : waiter{[](waiter&) noexcept {}}, of_{of} {}
        bool await_ready() noexcept {
            bool expected = false;
            if (!of_.held_.compare_exchange_strong(expected, true, acquire, relaxed)) return false;
            complete_unpublished();
            return true;
        }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            looks_then_frees& of = of_;
            if (!listen(handle)) return false;
            auto const state = of.queue_.lock();
            static_cast<void>(publish());
            of.queue_.push(*this);
            of.queue_.unlock(state);
            return true;
        }
        void await_resume() noexcept { static_cast<void>(finish()); }

    private:
        looks_then_frees& of_;
    };
    awaiter lock() noexcept { return awaiter{*this}; }
    void unlock() noexcept {
        auto const state = queue_.lock();
        waiter* const next = queue_.pop_claimed();
        queue_.unlock(state);
        if (next) next->wake();
        else held_.store(false, release);
    }

private:
    atomic<bool> held_{false};
    wait_queue queue_{0};
};

class two_lock_badly {
public:
    void thread(int) {
        adds(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded");
    }

private:
    static walk adds(context const&, two_lock_badly& self) {
        co_await self.lock_.lock();
        ++self.ended_;
        self.lock_.unlock();
    }
    desk desk_;
    context const where_{desk_};
    looks_then_frees lock_;
    int ended_ = 0;
};

} // namespace

TEST_CASE("three that lock go in one at a time, also when one is stopped (T7)") {
    holds("mutex: three lock, one is stopped", explorer::explore<three_lock>(3, options{.executions = 3'000'000}));
}

TEST_CASE("an unlock and a stop of the first waiter: the second gets it, or both in order (T7, T8)") {
    holds("mutex: unlock, stop of the first of two", explorer::explore<unlock_and_stop>(2, options{.preemptions = 3}, false));
    holds("mutex: unlock, stop of both", explorer::explore<unlock_and_stop>(2, options{.preemptions = 3}, true));
}

TEST_CASE("a copy whose unlock looks for waiters before it frees is found to strand one") {
    is_found("mutex: a copy that looks, then frees", explorer::explore<two_lock_badly>(2, {}));
}
