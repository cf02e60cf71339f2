// tests/model/channel.cpp: send, receive, reserve, stop, close and destruction of a channel in every order: no value
// lost, none doubled, nobody stranded, and nothing touched after the end.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/base/slot.hpp>
#include <weir/channel/channel.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// One receives, one sends, one stops the receiver; who finds the value later is finally asked.
class hand_over_meets_stop {
public:
    void thread(int number) {
        if (number == 0) receives(where_, *this);
        else if (number == 1) check(values_.try_send(7), "there was room");
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver went on not once");
        check(values_.size() + static_cast<std::size_t>(received_) == 1, "a value was lost or doubled");
    }

private:
    static walk receives(context const&, hand_over_meets_stop& self) {
        auto const got = co_await self.values_.recv();
        ++self.ended_;
        if (got) self.received_ += *got == 7;
        else check(self.stop_.stop_requested(), "a wait ended for nothing");
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    channel<int> values_{1};
    int ended_ = 0;
    int received_ = 0;
};

// Two send into one place, the second may be stopped; one receives, one or many at a time.
class two_send_one_receives {
public:
    explicit two_send_one_receives(bool many) : many_{many} {}
    void thread(int number) {
        if (number == 0) sends(where_, *this, 1);
        else if (number == 1) sends(stoppable_, *this, 2);
        else if (number == 2) receives(where_, *this);
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        values_.close();
        desk_.run_all();
        check(senders_ended_ == 2 && receivers_ended_ == 1, "a coroutine was stranded");
        for (std::size_t n = 0; n < sent_.size(); ++n)
            check(sent_[n] == received_[n], "a value was lost, doubled, or not what the send said");
        check(sent_[1] == 1, "a send failed for nothing");
    }

private:
    static walk sends(context const&, two_send_one_receives& self, int value) {
        auto const sent = co_await self.values_.send(value);
        ++self.senders_ended_;
        if (sent) ++self.sent_[static_cast<std::size_t>(value)];
        else check(self.stop_.stop_requested(), "a wait ended for nothing");
    }
    static walk receives(context const&, two_send_one_receives& self) {
        std::array<int, 2> out{};
        for (;;) {
            if (self.many_) {
                auto const got = co_await self.values_.recv_many(out);
                if (!got) break;
                for (std::size_t n = 0; n < *got; ++n) ++self.received_[static_cast<std::size_t>(out[n])];
            } else {
                auto const got = co_await self.values_.recv();
                if (!got) break;
                ++self.received_[static_cast<std::size_t>(*got)];
            }
        }
        ++self.receivers_ended_;
    }
    bool const many_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    channel<int> values_{1};
    std::array<int, 3> sent_{};
    std::array<int, 3> received_{};
    int senders_ended_ = 0;
    int receivers_ended_ = 0;
};

// One reserves and sends through the place, or drops it; one receives until the end; one closes.
class reserve_meets_close {
public:
    explicit reserve_meets_close(bool uses) : uses_{uses} {}
    void thread(int number) {
        if (number == 0) reserves(where_, *this);
        else if (number == 1) values_.close();
        else receives(where_, *this);
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded");
        check(received_ == (uses_ ? placed_ : 0), "a value was lost, doubled, or came after the end");
    }

private:
    static walk reserves(context const&, reserve_meets_close& self) {
        auto got = co_await self.values_.reserve();
        ++self.ended_;
        if (!got) co_return;
        auto held = *std::move(got);
        ++self.placed_;
        if (self.uses_) held.send(3);
    }
    static walk receives(context const&, reserve_meets_close& self) {
        for (;;) {
            auto const got = co_await self.values_.recv();
            if (!got) break;
            ++self.received_;
        }
        ++self.ended_;
    }
    bool const uses_;
    desk desk_;
    context const where_{desk_};
    channel<int> values_{1};
    int placed_ = 0;
    int received_ = 0;
    int ended_ = 0;
};

// A place is given back while one waits to send, one waits to reserve, and one of them is stopped.
class place_goes_back {
public:
    place_goes_back() {
        held_ = values_.try_reserve();
        sends(stoppable_, *this);
        reserves(where_, *this);
    }
    void thread(int number) {
        if (number == 0) held_ = {};
        else if (number == 1) stop_.request_stop();
        else taken_ += values_.try_recv().has_value();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        taken_ += values_.try_recv().has_value();
        desk_.run_all();
        check(ended_ == 2, "a coroutine was stranded");
        check(taken_ == sent_, "a value was lost or doubled");
        check(static_cast<bool>(values_.try_reserve()), "room was lost");
    }

private:
    static walk sends(context const&, place_goes_back& self) {
        auto const sent = co_await self.values_.send(1);
        ++self.ended_;
        if (sent) ++self.sent_;
    }
    static walk reserves(context const&, place_goes_back& self) {
        auto const got = co_await self.values_.reserve();
        ++self.ended_;
        check(got.has_value(), "a wait ended for nothing");
    }
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    channel<int> values_{1};
    channel<int>::place held_;
    int sent_ = 0;
    int taken_ = 0;
    int ended_ = 0;
};

// Who receives the last value destroys the channel, while the call that sent it may not have returned.
template <class Channel>
class ends_when_received {
public:
    explicit ends_when_received(bool waits) : waits_{waits} { values_.construct(std::size_t{1}); }
    void thread(int number) {
        if (number == 0) {
            if (waits_) receives(where_, *this);
            else polls();
        } else {
            check(values_.value().try_send(4), "there was room");
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver was stranded");
    }

private:
    static walk receives(context const&, ends_when_received& self) {
        auto const got = co_await self.values_.value().recv();
        check(got && *got == 4, "a wait ended for nothing");
        self.end();
    }
    void polls() {
        while (!values_.value().try_recv()) weir::pause();
        end();
    }
    void end() {
        ++ended_;
        values_.destroy();
    }
    bool const waits_;
    desk desk_;
    context const where_{desk_};
    slot<Channel> values_;
    int ended_ = 0;
};

// Who is woken by the close destroys the channel.
class ends_when_closed {
public:
    ends_when_closed() { values_.construct(std::size_t{1}); }
    void thread(int number) {
        if (number == 0) receives(where_, *this);
        else values_.value().close();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 1, "the receiver was stranded");
    }

private:
    static walk receives(context const&, ends_when_closed& self) {
        auto const got = co_await self.values_.value().recv();
        check(!got, "a value came from nowhere");
        ++self.ended_;
        self.values_.destroy();
    }
    desk desk_;
    context const where_{desk_};
    slot<channel<int>> values_;
    int ended_ = 0;
};

// What the copies below, with a mistake each, have in common: one value, and those who wait for it.
class mistaken {
    struct node : waiter {
        using waiter::waiter;
        std::optional<int> value;
    };
    class wait : public weir::detail::guarded_wait<wait, node> {
        using base = weir::detail::guarded_wait<wait, node>;

    public:
        explicit wait(mistaken& of) noexcept : base{of.lock_, of.waiting_}, of_{of} {}
        result<int> await_resume() noexcept {
            auto const waited = this->finish();
            if (this->value) return *this->value;
            return waited.error();
        }

    private:
        friend base;
        bool settle(wake_list&) noexcept {
            this->value = std::exchange(of_.value_, std::nullopt);
            return this->value.has_value();
        }
        mistaken& of_;
    };

public:
    enum class mistake { gives_to_who_leaves, tells_before_it_gives, wakes_under_the_lock };
    static inline mistake made{};

    explicit mistaken(std::size_t) {}
    wait recv() noexcept { return wait{*this}; }
    std::optional<int> try_recv() noexcept {
        spin_guard const locked{lock_};
        return std::exchange(value_, std::nullopt);
    }
    std::size_t size() const noexcept { return value_.has_value(); }
    bool try_send(int value) noexcept {
        wake_list woken;
        lock_.lock();
        node* const one = waiting_.pop_front();
        if (!one) {
            value_ = value;
        } else if (made == mistake::gives_to_who_leaves) {
            if (one->claim()) {
                one->value = value;
                woken.add(*one);
            } // and otherwise the value is nobody's
        } else if (one->claim()) {
            if (made == mistake::wakes_under_the_lock) {
                one->value = value;
                one->wake();
            } else {
                lock_.unlock();
                one->wake();
                lock_.lock();
                one->value = value;
            }
        } else {
            value_ = value;
        }
        lock_.unlock();
        woken.wake_all();
        return true;
    }

private:
    spin_lock lock_;
    std::optional<int> value_;
    intrusive_list<node> waiting_;
};

class mistaken_meets_stop {
public:
    void thread(int number) {
        if (number == 0) receives(where_, *this);
        else if (number == 1) values_.try_send(7);
        else stop_.request_stop();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(values_.size() + static_cast<std::size_t>(received_) == 1, "a value was lost or doubled");
    }

private:
    static walk receives(context const&, mistaken_meets_stop& self) {
        auto const got = co_await self.values_.recv();
        if (got) ++self.received_;
    }
    desk desk_;
    stop_source stop_;
    context const where_ = context{desk_}.with_stop(stop_.token());
    mistaken values_{1};
    int received_ = 0;
};

#if defined(__OPTIMIZE__)
constexpr bool quick = !weir::test::sanitized;
#else
constexpr bool quick = false;
#endif

} // namespace

TEST_CASE("a value that is handed over meets a stop: it is received or stays (T7, C4)") {
    holds("channel: hand over, stop", explorer::explore<hand_over_meets_stop>(3, options{.preemptions = 3}));
}

TEST_CASE("two send into one place and one receives, with a stop of a sender (T7, C1, C2)") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("channel: two send, one receives, stop", explorer::explore<two_send_one_receives>(4, limits, false));
    holds("channel: two send, one receives many, stop", explorer::explore<two_send_one_receives>(4, limits, true));
}

TEST_CASE("a place is had before the close, or not at all; and receivers wait for it (C3)") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("channel: reserve and send, close, receive", explorer::explore<reserve_meets_close>(3, limits, true));
    holds("channel: reserve and drop, close, receive", explorer::explore<reserve_meets_close>(3, limits, false));
}

TEST_CASE("a place that goes back meets a stop: the room goes to the next (T7, C1)") {
    options const limits{.preemptions = quick ? 3 : 2, .executions = 3'000'000};
    holds("channel: a place goes back, stop, receive", explorer::explore<place_goes_back>(3, limits));
}

TEST_CASE("who was given the last value, or the close, may destroy the channel at once") {
    options const limits{.preemptions = 3};
    holds("channel: ends when received", explorer::explore<ends_when_received<channel<int>>>(2, limits, true));
    holds("channel: ends when polled", explorer::explore<ends_when_received<channel<int>>>(2, limits, false));
    holds("channel: ends when closed", explorer::explore<ends_when_closed>(2, limits));
}

TEST_CASE("copies with a mistake are found") {
    mistaken::made = mistaken::mistake::gives_to_who_leaves;
    is_found("channel: a copy that gives to who leaves", explorer::explore<mistaken_meets_stop>(3, {}));
    mistaken::made = mistaken::mistake::tells_before_it_gives;
    is_found("channel: a copy that tells before it gives", explorer::explore<mistaken_meets_stop>(3, {}));
    mistaken::made = mistaken::mistake::wakes_under_the_lock;
    is_found("channel: a copy that wakes under its lock", explorer::explore<ends_when_received<mistaken>>(2, {}, true));
}
