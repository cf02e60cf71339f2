// tests/model/unbounded_channel.cpp: nobody sleeps while something is there, although the queue may miss what lies in it.
#include "desk.hpp"

#include "support/scale.hpp"

#include <weir/channel/unbounded_channel.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

using namespace weir;
using namespace weir::model;

namespace {

// Stands in for the queue, whose insides are no subject here. Like it, a pop misses values that lie behind a push that is
// under way, or when another pop is faster; and what was pushed completely comes out to whoever tries often enough.
class ticket_ring {
public:
    bool try_push(int&& value) {
        if (value == refused) return false; // as when memory is out
        auto const at = static_cast<std::size_t>(tail_.fetch_add(1, relaxed)); // [full] publishes
        places_[at].value.set(value);
        places_[at].full.store(1, release); // [full]
        return true;
    }
    std::optional<int> try_pop() {
        int head = head_.load(relaxed);
        auto& oldest = places_[static_cast<std::size_t>(head)];
        if (!oldest.full.load(acquire)) { // [full]
            ++misses;
            return std::nullopt;
        }
        if (!head_.compare_exchange_strong(head, head + 1, relaxed, relaxed)) return std::nullopt;
        return oldest.value.get();
    }

    static constexpr int refused = -1;
    static inline int misses = 0; // pops that found nothing

private:
    struct place {
        plain<int> value;
        atomic<int> full{0};
    };
    atomic<int> head_{0};
    atomic<int> tail_{0};
    std::array<place, 4> places_;
};

using channel_of_int = unbounded_channel<int, ticket_ring>;

// Two send; one receives both.
class two_send_one_receives {
public:
    void thread(int number) {
        if (number == 2) receives(where_, *this);
        else check(values_.send(1 << number), "a send was refused");
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(sum_ == 3, "a receiver sleeps while a value is there");
    }

private:
    static walk receives(context const&, two_send_one_receives& self) {
        for (int n = 0; n < 2; ++n) {
            auto const got = co_await self.values_.recv();
            self.sum_ += *got;
        }
    }
    desk desk_;
    context const where_{desk_};
    channel_of_int values_;
    int sum_ = 0;
};

// One sends two values; two receive one each, and their pops get in each other's way.
template <class Channel>
class one_sends_two_receive {
public:
    void thread(int number) {
        if (number < 2) receives(where_, *this);
        else check(values_.send(1) && values_.send(2), "a send was refused");
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(sum_ == 3, "a receiver sleeps while a value is there");
    }

private:
    static walk receives(context const&, one_sends_two_receive& self) {
        for (bool woken_for_nothing = true; woken_for_nothing;) { // which the copy below may be
            auto const got = co_await self.values_.recv();
            self.sum_ += *got;
            woken_for_nothing = *got == 0;
        }
    }
    desk desk_;
    context const where_{desk_};
    Channel values_;
    int sum_ = 0;
};

// Two receive, one of them with a stop; one sends a value, or two.
class stop_meets_send {
public:
    explicit stop_meets_send(int values) : count_{values} {}
    void thread(int number) {
        if (number == 0) {
            receives(stoppable_, *this);
            receives(where_, *this);
        } else if (number == 1) {
            for (int n = 0; n < count_; ++n) check(values_.send(1), "a send was refused");
        } else {
            stop_.request_stop();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        while (values_.try_recv()) ++received_;
        check(received_ == count_, "a value was lost or doubled");
        values_.close();
        desk_.run_all();
        check(ended_ == 2, "a receiver was stranded");
    }

private:
    static walk receives(context const&, stop_meets_send& self) {
        auto const got = co_await self.values_.recv();
        ++self.ended_;
        if (got) ++self.received_;
    }
    int const count_;
    desk desk_;
    stop_source stop_;
    context const where_{desk_};
    context const stoppable_ = where_.with_stop(stop_.token());
    channel_of_int values_;
    int received_ = 0;
    int ended_ = 0;
};

// One sends, one closes, one receives until the end, and one may take a value in between.
class close_meets_send {
public:
    void thread(int number) {
        if (number == 0) sent_ += values_.send(1);
        else if (number == 1) closes();
        else if (number == 2) receives(where_, *this);
        else taken_ += values_.try_recv().has_value();
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_, "the receiver was stranded");
        check(received_ + taken_ == sent_, "what was sent and what was received differ at the end");
        check(!values_.try_recv(), "a value came after the end");
    }

private:
    void closes() {
        reason_.set(9);
        values_.close();
    }
    static walk receives(context const&, close_meets_send& self) {
        for (;;) {
            auto const got = co_await self.values_.recv();
            if (!got) break;
            ++self.received_;
        }
        check(self.reason_.get() == 9, "the end came before what was done before the close");
        self.ended_ = true;
    }
    desk desk_;
    context const where_{desk_};
    channel_of_int values_;
    plain<int> reason_;
    int sent_ = 0;
    int received_ = 0;
    int taken_ = 0;
    bool ended_ = false;
};

// Two receive; one sends a value, or fails to; one closes. Who hears the end knows what was done before the close,
// whoever has told of it.
class two_hear_the_end {
public:
    explicit two_hear_the_end(int value) : value_{value} {}
    void thread(int number) {
        if (number == 0) {
            receives(where_, *this);
            receives(where_, *this);
        } else if (number == 1) {
            sent_ = values_.send(int{value_});
        } else {
            reason_.set(9);
            values_.close();
        }
        desk_.run_ready();
    }
    void finally() {
        desk_.run_all();
        check(ended_ == 2, "a receiver was stranded");
        check(received_ == sent_, "what was sent and what was received differ at the end");
    }

private:
    static walk receives(context const&, two_hear_the_end& self) {
        auto const got = co_await self.values_.recv();
        ++self.ended_;
        if (got) ++self.received_;
        else check(self.reason_.get() == 9, "the end came before what was done before the close");
    }
    int const value_;
    desk desk_;
    context const where_{desk_};
    channel_of_int values_;
    plain<int> reason_;
    int sent_ = 0;
    int received_ = 0;
    int ended_ = 0;
};

// One sends, and one who does not wait takes the value: it is promised when it was pushed, so the first pop finds it.
class promised_is_there {
public:
    promised_is_there() { ticket_ring::misses = 0; }
    void thread(int number) {
        if (number == 0) check(values_.send(1), "a send was refused");
        else received_ += values_.try_recv().has_value();
    }
    void finally() {
        received_ += values_.try_recv().has_value();
        check(received_ == 1, "a value was lost or doubled");
        check(ticket_ring::misses == 0, "a value was promised that a pop did not find");
    }

private:
    channel_of_int values_;
    int received_ = 0;
};

// A copy that trusts the queue's word: who finds nothing says that it sleeps, looks again, and sleeps; who pushes looks
// for sleepers. Between both are fences, as they should be; only that a look may miss what is there.
class trusts_a_look {
    class wait : public weir::detail::guarded_wait<wait> {
        using base = weir::detail::guarded_wait<wait>;

    public:
        explicit wait(trusts_a_look& of) noexcept : base{of.lock_, of.waiting_}, of_{of} {}
        std::optional<int> await_resume() noexcept {
            static_cast<void>(this->finish());
            if (!value_) value_ = of_.queue_.try_pop();
            return value_ ? value_ : std::optional{0};
        }

    private:
        friend base;
        bool settle(wake_list&) noexcept {
            of_.sleepers_.store(1, relaxed);
            store_load_fence();
            value_ = of_.queue_.try_pop();
            return value_.has_value();
        }
        trusts_a_look& of_;
        std::optional<int> value_;
    };

public:
    wait recv() noexcept { return wait{*this}; }
    bool send(int value) noexcept {
        queue_.try_push(std::move(value));
        store_load_fence();
        if (sleepers_.load(relaxed) == 0) return true;
        wake_list woken;
        {
            spin_guard const locked{lock_};
            weir::detail::claim_all(waiting_, woken);
        }
        woken.wake_all();
        return true;
    }

private:
    ticket_ring queue_;
    atomic<int> sleepers_{0};
    spin_lock lock_;
    intrusive_list<waiter> waiting_;
};

#if defined(__OPTIMIZE__)
constexpr bool quick = !weir::test::sanitized;
#else
constexpr bool quick = false;
#endif

} // namespace

TEST_CASE("two sends and a receiver: it gets both, though the queue misses one behind the other (N2, N3)") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("unbounded channel: two send, one receives", explorer::explore<two_send_one_receives>(3, limits));
}

TEST_CASE("two receivers whose pops get in each other's way both get what was sent (N2, N3)") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("unbounded channel: one sends, two receive",
          explorer::explore<one_sends_two_receive<channel_of_int>>(3, limits));
}

TEST_CASE("a send meets a stop: the value goes to the other receiver, or stays (T7, N1)") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("unbounded channel: one value, two receivers, stop", explorer::explore<stop_meets_send>(3, limits, 1));
    holds("unbounded channel: two values, two receivers, stop", explorer::explore<stop_meets_send>(3, limits, 2));
}

TEST_CASE("a send that succeeded is received before the end is told, whatever the close meets") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("unbounded channel: send, close, receive, try", explorer::explore<close_meets_send>(4, limits));
}

TEST_CASE("who is told of the end by a sender, or by another receiver, knows what was done before the close") {
    options const limits{.preemptions = quick ? 2 : 1, .executions = 3'000'000};
    holds("unbounded channel: two receive, send, close", explorer::explore<two_hear_the_end>(3, limits, 1));
    holds("unbounded channel: two receive, a send that fails, close",
          explorer::explore<two_hear_the_end>(3, limits, ticket_ring::refused));
}

TEST_CASE("a promised value is found by the first pop, unless others pop, too (N3)") {
    holds("unbounded channel: send, try", explorer::explore<promised_is_there>(2, options{.preemptions = 4}));
}

TEST_CASE("a copy that trusts a look at the queue is found to sleep for good") {
    is_found("unbounded channel: a copy that trusts a look",
             explorer::explore<one_sends_two_receive<trusts_a_look>>(3, {}));
}
