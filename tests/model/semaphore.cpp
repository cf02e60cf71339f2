// tests/model/semaphore.cpp: release, acquire and stop in every order: no permit lost, none doubled, nobody stranded.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/sync/semaphore.hpp>

#include <utility>
#include <vector>

using namespace weir;
using namespace weir::model;

namespace {

// One acquires, one releases, one stops.
class acquire_release_stop {
public:
    void thread(int number) {
        if (number == 0) takes(where_, *this);
        else if (number == 1) permits_.release();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the coroutine went on not once");
        check(permits_.available() == 1, "a permit was lost or doubled");
        check(static_cast<bool>(permits_.try_acquire()), "a permit cannot be had");
    }

private:
    static walk takes(context const&, acquire_release_stop& self) {
        auto const got = co_await self.permits_.acquire();
        ++self.ended_;
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    semaphore permits_{0};
    int ended_ = 0;
};

// A large request waits in front of a small one; it is stopped while permits come back.
class large_in_front {
public:
    explicit large_in_front(std::size_t large) : large_{large} {
        takes(stoppable_, *this, large, 1);
        takes(where_, *this, 1, 2);
    }
    void thread(int number) {
        if (number == 0) permits_.release(2);
        else if (number == 1) stop_.request_stop();
        else permits_.release(1);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded or went on twice");
        bool const both = order_ == std::vector{1, 2};
        check(order_ == std::vector{2} || (both && large_ <= 3), "the first was overtaken, or got too much");
        check(permits_.available() == 3, "a permit was lost or doubled");
    }

private:
    static walk takes(context const&, large_in_front& self, std::size_t count, int name) {
        auto const got = co_await self.permits_.acquire(count);
        ++self.ended_;
        if (got) self.order_.push_back(name);
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    std::size_t const large_;
    semaphore permits_{0};
    std::vector<int> order_;
    int ended_ = 0;
};

// Two take the only permit in turn, while a third only tries.
class two_take_one_tries {
public:
    void thread(int number) {
        if (number == 2) {
            auto const got = permits_.try_acquire();
            if (got) enters();
        } else {
            takes(where_, *this);
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded");
        check(permits_.available() == 1, "a permit was lost or doubled");
    }

private:
    static walk takes(context const&, two_take_one_tries& self) {
        auto const got = co_await self.permits_.acquire();
        ++self.ended_;
        self.enters();
    }
    void enters() { inside_.set(inside_.get() + 1); } // a race when two are inside
    desk desk_;
    context const where_{desk_};
    semaphore permits_{1};
    plain<int> inside_;
    int ended_ = 0;
};

// A copy that does not hand on what a stopped waiter in front of the others leaves.
class hands_nothing_on {
public:
    class awaiter : waiter {
    public:
        awaiter(hands_nothing_on& of, std::uint64_t count) noexcept : waiter{&abandon}, of_{of}, count_{count} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            hands_nothing_on& of = of_;
            if (!listen(handle)) return false;
            auto const state = of.queue_.lock();
            bool const suspends = publish();
            if (suspends) of.queue_.push(*this);
            of.queue_.unlock(state);
            return suspends;
        }
        result<void> await_resume() noexcept { return finish(); }

    private:
        friend hands_nothing_on;
        static void abandon(waiter& self) noexcept {
            wait_queue& queue = static_cast<awaiter&>(self).of_.queue_;
            auto const state = queue.lock();
            if (self.linked()) self.unlink();
            queue.unlock(state);
        }
        hands_nothing_on& of_;
        std::uint64_t const count_;
    };
    awaiter acquire(std::uint64_t count) noexcept { return awaiter{*this, count}; }
    void release(std::uint64_t count) noexcept {
        wake_list woken;
        auto state = queue_.lock() + count;
        while (waiter* const first = queue_.front()) {
            auto const wanted = static_cast<awaiter*>(first)->count_;
            if (state < wanted) break;
            first->unlink();
            if (!first->claim()) continue;
            state -= wanted;
            woken.add(*first);
        }
        queue_.unlock(state);
        woken.wake_all();
    }

private:
    wait_queue queue_{0};
};

class stopped_in_front {
public:
    stopped_in_front() {
        takes(stoppable_, *this, 3);
        takes(where_, *this, 1);
    }
    void thread(int number) {
        if (number == 0) permits_.release(1);
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded");
    }

private:
    static walk takes(context const&, stopped_in_front& self, std::uint64_t count) {
        static_cast<void>(co_await self.permits_.acquire(count));
        ++self.ended_;
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    hands_nothing_on permits_;
    int ended_ = 0;
};

} // namespace

TEST_CASE("a permit that meets a stop is used or given back (T7)") {
    holds("semaphore: acquire, release, stop", explorer::explore<acquire_release_stop>(3, {}));
}

TEST_CASE("a large request in front of a small one is stopped while permits come back (T7, T8)") {
#if defined(__OPTIMIZE__)
    options const limits{.preemptions = weir::test::sanitized ? 1 : 2};
#else
    options const limits{.preemptions = 1};
#endif
    holds("semaphore: large in front, stop, two releases", explorer::explore<large_in_front>(3, limits, std::size_t{3}));
    holds("semaphore: larger than what comes back", explorer::explore<large_in_front>(3, limits, std::size_t{4}));
}

TEST_CASE("one permit lets one in at a time") {
    holds("semaphore: two take, one tries", explorer::explore<two_take_one_tries>(3, options{.executions = 3'000'000}));
}

TEST_CASE("a copy that hands nothing on is found to strand who waits behind") {
    is_found("semaphore: a copy that hands nothing on", explorer::explore<stopped_in_front>(2, {}));
}
