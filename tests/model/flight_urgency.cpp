// tests/model/flight_urgency.cpp: callers who join at once, and a loader that looks meanwhile: nobody's time is lost.
#include "desk.hpp"

#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/flight_urgency.hpp>

#include <chrono>

using namespace weir;
using namespace weir::model;

namespace {

context asking(int hours, priority level) {
    context where = context{}.with_deadline(time_point{std::chrono::hours{hours}});
    where.priority = level;
    return where;
}

// A lock that is none.
struct no_lock {
    void lock() noexcept {}
    void unlock() noexcept {}
};

// As a flight keeps it: joined under the shard's lock.
template <class Lock>
class flight {
public:
    flight() { urgency_.is_given(priority::low); }
    void join(context const& caller) {
        lock_.lock();
        urgency_.serves(caller);
        lock_.unlock();
    }
    // What its loader is given.
    context work() const {
        context here;
        here.priority = priority::low;
        here.origin = urgency_.origin();
        return here;
    }

private:
    Lock lock_;
    detail::flight_urgency urgency_;
};

// The third to ask has the most time, the second is the most urgent; the loader looks twice.
template <class Lock>
class three_join {
public:
    three_join() { flight_.join(asking(1, priority::low)); }
    void thread(int number) {
        if (number == 0) {
            flight_.join(asking(2, priority::high));
            check(deadline_of(here_) >= time_point{std::chrono::hours{2}}, "who has joined is not served");
        } else if (number == 1) {
            flight_.join(asking(3, priority::normal));
            check(priority_of(here_) <= priority::normal, "who has joined is not served");
        } else {
            time_point const until = deadline_of(here_);
            priority const level = priority_of(here_);
            check(deadline_of(here_) >= until, "time was taken back");
            check(priority_of(here_) <= level, "urgency was taken back");
        }
    }
    void finally() {
        check(deadline_of(here_) == time_point{std::chrono::hours{3}}, "a caller's time is lost");
        check(priority_of(here_) == priority::high, "a caller's urgency is lost");
    }

private:
    flight<Lock> flight_;
    context const here_ = flight_.work();
};

} // namespace

TEST_CASE("callers who join at once are all served, and what the loader sees never goes back") {
    holds("flight urgency: two join, the loader looks",
          explorer::explore<three_join<spin_lock>>(3, options{.preemptions = 3}));
}

TEST_CASE("joins without the lock are found: one undoes the other's") {
    is_found("flight urgency: joined without a lock", explorer::explore<three_join<no_lock>>(3, {}));
}
