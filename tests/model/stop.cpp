// tests/model/stop.cpp: requests, callbacks that come and go, and linked sources, in every order.
#include "desk.hpp"

#include <weir/coro/stop.hpp>

#include <optional>

using namespace weir;
using namespace weir::model;

namespace {

// Where a callback leaves its mark; a use of the mark after the callback has died is a race.
struct marks {
    plain<int>* calls;
    void operator()(errc reason) const noexcept {
        check(reason == errc::timed_out || reason == errc::closed, "a reason that nobody gave");
        calls->set(calls->get() + 1);
    }
};

// One of the library; and one whose destructor does not wait for a call that is under way.
class waits_not : stop_listener {
public:
    waits_not(stop_token token, marks what) noexcept
        : stop_listener{&claim, &heard}, source_{token.source()}, what_{what} {
        if (!source_->add(*this)) what_(source_->reason());
    }
    ~waits_not() { source_->remove(*this); }

private:
    static bool claim(stop_listener&) noexcept { return true; }
    static void heard(stop_listener& listener) noexcept {
        auto const& self = static_cast<waits_not&>(listener);
        self.what_(self.source_->reason());
    }
    stop_source* source_;
    marks what_;
};

// Two threads request, one has a callback for a while.
template <class Callback>
class callback_comes_and_goes {
public:
    void thread(int number) {
        if (number == 0) {
            { Callback const mine{source_.token(), marks{&calls_}}; }
            seen_ = calls_.get(); // nobody is in the callback any more
            calls_.set(seen_);
        } else {
            first_ += source_.request_stop(number == 1 ? errc::timed_out : errc::closed);
        }
    }
    void finally() {
        check(first_ == 1, "two requests were the first");
        check(seen_ <= 1, "called twice");
        check(calls_.get() == seen_, "called after the end");
    }

private:
    stop_source source_;
    plain<int> calls_;
    int seen_ = 0;
    int first_ = 0;
};

// Two callbacks, the first of which ends the second, in the middle of a request, while another thread ends the first.
class one_ends_another {
public:
    one_ends_another() {
        first_.emplace(source_.token(), ends_second{this});
        second_.emplace(source_.token(), marks{&calls_});
    }
    void thread(int number) {
        if (number == 0) source_.request_stop(errc::closed);
        else first_.reset();
    }
    void finally() {
        second_.reset();
        first_.reset();
        check(calls_.get() <= 1, "called twice");
    }

private:
    struct ends_second {
        one_ends_another* of;
        void operator()(errc) const noexcept { of->second_.reset(); }
    };
    stop_source source_;
    plain<int> calls_;
    std::optional<stop_callback<ends_second>> first_;
    std::optional<stop_callback<marks>> second_;
};

// A linked source lives for a while, with a callback of its own, while both sources are asked to stop.
class linked {
public:
    void thread(int number) {
        if (number == 0) {
            above_.request_stop(errc::timed_out);
            return;
        }
        {
            linked_stop_source below{above_.token()};
            stop_callback const mine{below.token(), marks{&calls_}};
            if (number == 1) below.request_stop(errc::closed);
            stopped_ = below.stop_requested();
        }
        seen_ = calls_.get();
        calls_.set(seen_);
    }
    void finally() {
        check(stopped_, "a request was lost");
        check(seen_ <= 1, "called twice"); // not at all when it ended before its turn
        check(calls_.get() == seen_, "called after the end");
    }

private:
    stop_source above_;
    plain<int> calls_;
    bool stopped_ = false;
    int seen_ = 0;
};

// A callback destroyed inside its own call, by the thread that requests, while another looks at the source.
class ends_itself {
public:
    ends_itself() { mine_.emplace(source_.token(), resets{this}); }
    void thread(int number) {
        if (number == 0) source_.request_stop(errc::closed);
        else source_.request_stop(errc::timed_out);
    }
    void finally() { check(!mine_ && ended_ == 1, "called not once"); }

private:
    struct resets {
        ends_itself* of;
        void operator()(errc) const noexcept {
            ends_itself& all = *of; // this callable dies with its callback
            all.mine_.reset();
            ++all.ended_;
        }
    };
    stop_source source_;
    std::optional<stop_callback<resets>> mine_;
    int ended_ = 0;
};

// One asks for a stop, another polls, or comes late with a callback: both see what was done before the request.
class what_came_before {
public:
    explicit what_came_before(bool polls) : polls_{polls} {}
    void thread(int number) {
        if (number == 0) {
            payload_.set(5);
            source_.request_stop(errc::closed);
        } else if (polls_) {
            if (source_.token().stop_requested()) look();
        } else {
            stop_callback const late{source_.token(), [this](errc) { look(); }};
        }
    }
    void finally() {}

private:
    void look() {
        check(payload_.get() == 5, "the request came before what was done before it");
        check(source_.reason() == errc::closed, "a reason that nobody gave");
    }
    bool const polls_;
    stop_source source_;
    plain<int> payload_;
};

} // namespace

TEST_CASE("a callback that has died is not called, and its call is over") {
    using real = callback_comes_and_goes<stop_callback<marks>>;
    using broken = callback_comes_and_goes<waits_not>;
    holds("stop: a callback comes and goes, two request", explorer::explore<real>(3, {}));
    is_found("stop: a copy whose destructor does not wait", explorer::explore<broken>(2, {}));
}

TEST_CASE("a callback may end another while a third thread ends the first") {
    holds("stop: one callback ends another", explorer::explore<one_ends_another>(2, options{.preemptions = 3}));
}

TEST_CASE("a linked source hears once, from wherever it comes") {
    holds("stop: above, below, callback", explorer::explore<linked>(2, options{.preemptions = 3}));
}

TEST_CASE("a callback may end itself in its call") {
    holds("stop: a callback ends itself", explorer::explore<ends_itself>(2, options{.preemptions = 3}));
}

TEST_CASE("who sees a request sees what came before it") {
    holds("stop: what came before, polled", explorer::explore<what_came_before>(2, options{.preemptions = 3}, true));
    holds("stop: what came before, by callback",
          explorer::explore<what_came_before>(2, options{.preemptions = 3}, false));
}
