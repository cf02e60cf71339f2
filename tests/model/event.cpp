// tests/model/event.cpp: set, wait, stop and destruction of an event in every order.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/sync/event.hpp>

using namespace weir;
using namespace weir::model;

namespace {

// A coroutine waits for an event, which ends as soon as it has seen the flag; others set and stop.
class ends_when_seen {
public:
    ends_when_seen() { event_.construct(); }
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1) event_.value().set();
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the coroutine went on not once");
        if (!destroyed_) {
            check(event_.value().is_set(), "a set was lost");
            event_.destroy();
        }
    }

private:
    static walk waits(context const&, ends_when_seen& self) {
        auto const waited = co_await self.event_.value().wait();
        ++self.ended_;
        if (waited) {
            self.destroyed_ = true;
            self.event_.destroy();
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    slot<event> event_;
    int ended_ = 0;
    bool destroyed_ = false;
};

// Two wait, with a stop for one of them.
class two_wait {
public:
    void thread(int number) {
        if (number == 0) {
            waits(where_, *this);
            waits(stoppable_, *this);
        } else if (number == 1) {
            payload_.set(5);
            event_.set();
        } else {
            stop_.request_stop();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was left behind or went on twice");
        check(seen_ >= 1, "a waiter without a stop was not let through");
    }

private:
    static walk waits(context const&, two_wait& self) {
        auto const waited = co_await self.event_.wait();
        ++self.ended_;
        if (waited) {
            ++self.seen_;
            check(self.payload_.get() == 5, "the event came before what was written before it");
        }
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    event event_;
    plain<int> payload_;
    int ended_ = 0;
    int seen_ = 0;
};

// A thread polls the flag and ends the event: the real one, or a copy that unlocks after the flag is visible.
class unlocks_late {
public:
    bool is_set() const noexcept { return raised_.load(acquire); }
    void set() noexcept {
        spin_guard const locked{lock_};
        raised_.store(true, release);
    }

private:
    spin_lock lock_;
    atomic<bool> raised_{false};
};

template <class Event>
class polled {
public:
    polled() { event_.construct(); }
    void thread(int number) {
        if (number == 0) {
            payload_.set(5);
            event_.value().set();
        } else {
            while (!event_.value().is_set()) weir::pause();
            check(payload_.get() == 5, "the event came before what was written before it");
            event_.destroy();
        }
    }
    void finally() {}

private:
    slot<Event> event_;
    plain<int> payload_;
};

// Set and reset race with a wait.
class reset_races {
public:
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else if (number == 1) event_.set();
        else event_.reset();
        desk_.run_ready();
    }
    void finally() {
        event_.set();
        desk_.run_all();
        check(ended_ == 1, "a waiter was stranded");
    }

private:
    static walk waits(context const&, reset_races& self) {
        auto const waited = co_await self.event_.wait();
        check(waited.has_value(), "stopped without a stop");
        ++self.ended_;
    }
    desk desk_;
    context const where_{desk_};
    event event_;
    int ended_ = 0;
};

} // namespace

TEST_CASE("an event may end once its only waiter has seen it") {
    holds("event: set, wait, stop, destruction by who waited", explorer::explore<ends_when_seen>(3, {}));
}

TEST_CASE("two waiters and a stop for one of them: all go on, and see what came before the set") {
    holds("event: two wait, one is stopped", explorer::explore<two_wait>(3, {}));
}

TEST_CASE("an event may end once the flag was seen, and a lock that is released later is found") {
    holds("event: destruction by who polls", explorer::explore<polled<event>>(2, options{.preemptions = 4}));
    is_found("event: a copy that unlocks after the flag is up", explorer::explore<polled<unlocks_late>>(2, {}));
}

TEST_CASE("a reset in between strands nobody") {
    holds("event: set, reset, wait", explorer::explore<reset_races>(3, {}));
}
