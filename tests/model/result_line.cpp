// tests/model/result_line.cpp: results are given while their taker waits, is stopped or leaves, and room while the feeder
// waits for it.
#include "desk.hpp"

#include <weir/channel/result_line.hpp>

#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// A parcel of which it is known how many are alive.
class counted : public parcel {
public:
    explicit counted(int content) noexcept : parcel{content} { ++alive; }
    counted(counted&& other) noexcept : parcel{std::move(other)} { ++alive; }
    ~counted() { --alive; }
    static inline int alive = 0;
};

using line = detail::result_line<counted>;
using detail::result_order;

// Two makers, of which the second has the result that comes first in order, and the taker.
class give_give_take {
public:
    explicit give_give_take(result_order order) : order_{order}, line_{*new line{2, order}} {
        line_.begin();
        line_.begin();
    }
    void thread(int number) {
        if (number == 0) line_.give(1, counted{1});
        else if (number == 1) line_.give(0, counted{0});
        else takes(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "the taker went on not once");
        takes(where_, *this);
        check(went_on_ == 2 && sum_ == 1, "a result is lost, or was had twice");
        check(ordered_, "results came in another order");
        line_.leave_feeder();
        line_.leave_taker();
    }

private:
    static walk takes(context const&, give_give_take& self) {
        auto const got = co_await self.line_.take();
        ++self.went_on_;
        if (!got) co_return;
        self.sum_ += got->content();
        if (self.order_ == result_order::as_read) self.ordered_ &= got->content() == self.went_on_ - 1;
    }
    result_order const order_;
    places seen_;
    desk desk_;
    context const where_{desk_};
    line& line_;
    bool ordered_ = true;
    int went_on_ = 0;
    int sum_ = 0;
};

// The last result, or the end without one, meets a taker, who may be stopped, and leaves when its wait has ended.
class end_take_stop {
public:
    explicit end_take_stop(bool gives) : gives_{gives}, line_{*new line{1, result_order::as_read}} {
        if (gives) line_.begin();
    }
    void thread(int number) {
        if (number == 0) {
            if (gives_) line_.give(0, counted{5});
            line_.leave_feeder();
        } else if (number == 1) {
            takes(where_, *this);
        } else {
            stop_.request_stop();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "the taker went on not once");
        check(had_ || stopped_ || !gives_, "a wait ended for nothing");
        check(counted::alive == 0, "the line was not freed, with a result that nobody took");
    }

private:
    static walk takes(context const&, end_take_stop& self) {
        auto const got = co_await self.line_.take();
        ++self.went_on_;
        if (got) self.had_ = got->content() == 5;
        else self.stopped_ = got.error() == errc::cancelled;
        self.line_.leave_taker(); // frees, if the feeder has left
    }
    bool const gives_;
    places seen_;
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    line& line_;
    bool had_ = false;
    bool stopped_ = false;
    int went_on_ = 0;
};

// The feeder waits for room in a full line, is stopped by the taker who leaves, and leaves; or gets the room.
class room_take_leave {
public:
    explicit room_take_leave(bool takes) : takes_{takes}, line_{*new line{1, result_order::as_read}} {
        line_.give(line_.begin(), counted{5});
    }
    void thread(int number) {
        if (number == 0) feeds(where_, *this);
        else if (takes_) takes(taker_where_, *this);
        else line_.leave_taker();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "the feeder was forgotten");
        check(room_ == takes_, "room was told of that was none, or not told of");
        if (takes_) line_.leave_taker();
    }

private:
    static walk feeds(context const&, room_take_leave& self) {
        auto const room = co_await self.line_.room();
        ++self.went_on_;
        self.room_ = room.has_value();
        if (room) self.line_.give(self.line_.begin(), counted{6});
        self.line_.leave_feeder(); // frees, if the taker has left
    }
    static walk takes(context const&, room_take_leave& self) {
        auto const got = co_await self.line_.take();
        check(got && got->content() == 5, "another result");
    }
    bool const takes_;
    places seen_;
    desk desk_;
    context const taker_where_{desk_};
    line& line_;
    context const where_ = taker_where_.with_stop(line_.stop());
    bool room_ = false;
    int went_on_ = 0;
};

// The end meets one who waits for just that.
class end_meets_join {
public:
    end_meets_join() : line_{*new line{1, result_order::as_read}} {}
    void thread(int number) {
        if (number == 0) line_.leave_feeder();
        else joins(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(went_on_ == 1, "who waits for the end was forgotten");
    }

private:
    static walk joins(context const&, end_meets_join& self) {
        static_cast<void>(co_await self.line_.end());
        ++self.went_on_;
        self.line_.leave_taker(); // frees
    }
    places seen_;
    desk desk_;
    context const where_{desk_};
    line& line_;
    int went_on_ = 0;
};

} // namespace

TEST_CASE("two results are given while the taker begins to wait: both are had, in order where that was asked (J2, J4)") {
    holds("result_line: give, give, take in order", explorer::explore<give_give_take>(3, {}, result_order::as_read));
    holds("result_line: give, give, take as they come", explorer::explore<give_give_take>(3, {}, result_order::as_done));
}

TEST_CASE("the end meets a taker who leaves then, and may be stopped: who is last frees the line (T7, J2, J6)") {
    holds("result_line: give and end, take", explorer::explore<end_take_stop>(2, options{.preemptions = 4}, true));
    holds("result_line: end, take", explorer::explore<end_take_stop>(2, options{.preemptions = 4}, false));
    holds("result_line: give and end, take, stop", explorer::explore<end_take_stop>(3, {}, true));
    holds("result_line: end, take, stop", explorer::explore<end_take_stop>(3, {}, false));
}

TEST_CASE("room, or the end of the taker, reaches the feeder who waits for room (J3, J6)") {
    holds("result_line: wait for room, take", explorer::explore<room_take_leave>(2, options{.preemptions = 4}, true));
    holds("result_line: wait for room, leave", explorer::explore<room_take_leave>(2, options{.preemptions = 4}, false));
}

TEST_CASE("who waits for the end hears of it (J3, J6)") {
    holds("result_line: end, wait for it", explorer::explore<end_meets_join>(2, options{.preemptions = 4}));
}
