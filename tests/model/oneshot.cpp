// tests/model/oneshot.cpp: two halves that meet and leave in every order: one value or none, each learns of the other's
// end, and who leaves last frees what they shared.
#include "desk.hpp"

#include <weir/channel/oneshot.hpp>

#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// How many of these are alive.
class counted_int {
public:
    explicit counted_int(int number) noexcept : value{number} { ++alive; }
    counted_int(counted_int&& other) noexcept : value{other.value} { ++alive; }
    ~counted_int() { --alive; }
    int const value;
    static inline int alive = 0;
};

// One sends, or leaves without; one receives, with a stop, and leaves when that has ended.
class send_meets_stop {
public:
    explicit send_meets_stop(bool sends) : sends_{sends} {
        auto halves = oneshot<counted_int>();
        sender_ = std::move(halves.first);
        receiver_ = std::move(halves.second);
    }
    void thread(int number) {
        if (number == 0) receives(where_, *this);
        else if (number == 1 && sends_) sent_ = sender_.send(counted_int{5});
        else if (number == 1) sender_ = {};
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver went on not once");
        check(!received_ || sent_, "a value came from nowhere");
        check(received_ || stop_came_ || !sends_, "a wait ended for nothing");
        sender_ = {};
        check(counted_int::alive == 0, "a value was lost or doubled");
    }

private:
    static walk receives(context const&, send_meets_stop& self) {
        auto const got = co_await self.receiver_.recv();
        ++self.ended_;
        if (got) self.received_ = got->value == 5;
        else if (got.error() == errc::cancelled) self.stop_came_ = true;
        self.receiver_ = {}; // frees, if the sender has left
    }
    bool const sends_;
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    oneshot_sender<counted_int> sender_;
    oneshot_receiver<counted_int> receiver_;
    bool sent_ = false;
    bool received_ = false;
    bool stop_came_ = false;
    int ended_ = 0;
};

// One waits until nobody listens, and then leaves; the other leaves.
class leaves_meets_wait {
public:
    leaves_meets_wait() {
        auto halves = oneshot<counted_int>();
        sender_ = std::move(halves.first);
        receiver_ = std::move(halves.second);
    }
    void thread(int number) {
        if (number == 0) waits(where_, *this);
        else receiver_ = {};
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the sender was stranded");
    }

private:
    static walk waits(context const&, leaves_meets_wait& self) {
        auto const closed = co_await self.sender_.closed();
        check(closed && self.sender_.is_closed(), "a wait ended for nothing");
        ++self.ended_;
        self.sender_ = {};
    }
    desk desk_;
    context const where_{desk_};
    oneshot_sender<counted_int> sender_;
    oneshot_receiver<counted_int> receiver_;
    int ended_ = 0;
};

// Both leave at once, with a value that nobody takes, or none.
class both_leave {
public:
    explicit both_leave(bool sends) : sends_{sends} {
        auto halves = oneshot<counted_int>();
        sender_ = std::move(halves.first);
        receiver_ = std::move(halves.second);
    }
    void thread(int number) {
        if (number == 1) {
            receiver_ = {};
            return;
        }
        counted_int own{6};
        if (sends_) sent_ = sender_.send(std::move(own));
        check(sent_ != static_cast<bool>(sender_), "a sender was used up for nothing, or not used up");
        sender_ = {};
    }
    void finally() { check(counted_int::alive == 0, "a value was lost or doubled"); }

private:
    bool const sends_;
    bool sent_ = false;
    oneshot_sender<counted_int> sender_;
    oneshot_receiver<counted_int> receiver_;
};

} // namespace

TEST_CASE("a send, or its sender's end, meets a stop of the receiver (T7, O1, O2)") {
    holds("oneshot: send, receive, stop", explorer::explore<send_meets_stop>(3, {}, true));
    holds("oneshot: leave, receive, stop", explorer::explore<send_meets_stop>(3, {}, false));
}

TEST_CASE("a receiver that leaves wakes the sender who waits for it (O2, O3)") {
    holds("oneshot: leave, wait for it", explorer::explore<leaves_meets_wait>(2, options{.preemptions = 4}));
}

TEST_CASE("both halves leave at once, and what they shared ends once (O3)") {
    holds("oneshot: send and leave, leave", explorer::explore<both_leave>(2, options{.preemptions = 4}, true));
    holds("oneshot: leave, leave", explorer::explore<both_leave>(2, options{.preemptions = 4}, false));
}
