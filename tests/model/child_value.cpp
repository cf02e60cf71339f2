// tests/model/child_value.cpp: a child gives its value while somebody waits for it, is stopped from that, or drops it.
#include "desk.hpp"

#include <weir/coro/child_value.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>

#include <optional>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// Thread 0 runs the child, thread 1 waits for it, thread 2, where there is one, stops the wait.
class give_wait_stop {
public:
    give_wait_stop() { opens(where_, *this); }
    void thread(int number) {
        if (number == 1) waits(stoppable_, *this);
        else if (number == 2) stop_.request_stop();
        desk_.run_ready(); // the child, and who is woken
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "who waited went on not once");
        check(joined_ == 1, "the scope was joined not once");
        check(value_->ready(), "the value was lost");
        if (!had_) {
            check(stop_.stop_requested(), "nobody stopped the wait");
            waits(where_, *this); // what a stop left is there for who asks again
            check(had_, "a value that a stop has left is gone");
        }
        value_.reset();
    }

private:
    static task<parcel> child() { co_return parcel{5}; }
    static walk opens(context const& above, give_wait_stop& self) {
        scope children{above};
        self.value_.emplace(children.start(child));
        co_await scope::join(children);
        ++self.joined_;
    }
    static walk waits(context const&, give_wait_stop& self) {
        auto const got = co_await self.value_->get();
        ++self.went_on_;
        if (!got) co_return;
        self.had_ = true;
        check(got->content() == 5, "another value");
    }
    places seen_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    std::optional<child_value<parcel>> value_;
    int went_on_ = 0;
    int joined_ = 0;
    bool had_ = false;
};

// Thread 0 runs the child, thread 1 drops the handle: whoever is the last frees the place, after the other's last touch.
class give_and_drop {
public:
    give_and_drop() { opens(where_, *this); }
    void thread(int number) {
        if (number == 0) desk_.run_ready();
        else value_.reset();
    }
    void finally() {
        desk_.run_all();
        check(joined_ == 1, "the scope was joined not once");
    }

private:
    static task<parcel> child() { co_return parcel{5}; }
    static walk opens(context const& above, give_and_drop& self) {
        scope children{above};
        self.value_.emplace(children.start(child));
        co_await scope::join(children);
        ++self.joined_;
    }
    places seen_;
    desk desk_;
    context const where_{desk_};
    std::optional<child_value<parcel>> value_;
    int joined_ = 0;
};

// A copy that gives without the lock, so that it may look between a waiter's look and its publish.
class gives_without_the_lock {
public:
    void thread(int number) {
        if (number == 0) {
            given_.store(true, release);
            waiter* const woken = waiting_.load(acquire);
            if (woken && woken->claim()) woken->wake();
        } else {
            waits(where_, *this);
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "who waited was forgotten");
    }

private:
    class awaiter : public waiter {
    public:
        explicit awaiter(gives_without_the_lock& of) noexcept : waiter{[](waiter&) noexcept {}}, of_{of} {}
        bool await_ready() const noexcept { return of_.given_.load(acquire); }
        bool await_suspend(std::coroutine_handle<walk::promise_type> handle) noexcept {
            auto& of = of_;
            if (!listen(handle) || !publish()) return false;
            of.waiting_.store(this, release);
            return true;
        }
        void await_resume() noexcept { static_cast<void>(finish()); }

    private:
        gives_without_the_lock& of_;
    };
    static walk waits(context const&, gives_without_the_lock& self) {
        co_await awaiter{self};
        ++self.went_on_;
    }
    desk desk_;
    context const where_{desk_};
    atomic<bool> given_{false};
    atomic<waiter*> waiting_{nullptr};
    int went_on_ = 0;
};

} // namespace

TEST_CASE("a value meets a waiter and its stop: it is given or it stays (T7)") {
    holds("child_value: give, wait", explorer::explore<give_wait_stop>(2, {}));
    holds("child_value: give, wait, stop", explorer::explore<give_wait_stop>(3, {}));
}

TEST_CASE("a value is given while its handle is dropped: the place is freed once, after the last touch") {
    holds("child_value: give, drop", explorer::explore<give_and_drop>(2, {}));
}

TEST_CASE("a copy that gives without the lock is found to forget who waits") {
    is_found("child_value: a copy without the lock", explorer::explore<gives_without_the_lock>(2, {}));
}
