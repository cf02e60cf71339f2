// tests/model/event_count.cpp: threads that look, announce themselves and sleep, against those who make it worth while to
// wake. Deadlines come when the explorer chooses.
#include "desk.hpp"

#include <weir/queue/event_count.hpp>

#include <optional>

using namespace weir;
using namespace weir::model;

namespace {

constexpr auto some_day = futex_deadline::min() + std::chrono::seconds{1}; // comes or does not

// What is waited for: something to take, which orders nothing.
class tokens {
public:
    void give(int number) noexcept { left_.fetch_add(number, relaxed); }
    bool take() noexcept {
        int left = left_.load(relaxed);
        while (left > 0)
            if (left_.compare_exchange_weak(left, left - 1, relaxed, relaxed)) return true;
        return false;
    }

private:
    atomic<int> left_{0};
};

template <class Event>
void take_one(Event& event, tokens& from) {
    while (!from.take()) {
        auto const key = event.prepare_wait();
        if (from.take()) {
            event.cancel_wait();
            return;
        }
        event.wait(key);
    }
}

// As it would be, had somebody trusted the orders of single words.
class without_fences {
public:
    std::uint32_t prepare_wait() noexcept {
        waiters_.fetch_add(1, acq_rel);
        return epoch_.load(acquire);
    }
    void cancel_wait() noexcept { waiters_.fetch_sub(1, relaxed); }
    void wait(std::uint32_t key) noexcept {
        while (epoch_.load(acquire) == key) futex_wait_until(epoch_, key, futex_deadline::max());
        waiters_.fetch_sub(1, relaxed);
    }
    void notify_one() noexcept {
        if (waiters_.load(acquire) == 0) return;
        epoch_.fetch_add(1, release);
        futex_wake_one(&epoch_);
    }

private:
    atomic<std::uint32_t> waiters_{0};
    futex_word epoch_{0};
};

// Two waiters and two tokens: nobody sleeps for ever. How they are given is the notifier's choice.
enum class giving { one_by_one, both_at_once, then_one_each };

template <class Event>
class two_waiters {
public:
    explicit two_waiters(giving how) : how_{how} {}
    void thread(int number) {
        if (number == 1) give();
        else take_one(event_, tokens_);
    }
    void finally() { check(!tokens_.take(), "a token was not taken"); }

private:
    void give() {
        if (how_ == giving::one_by_one) {
            for (int n = 0; n < 2; ++n) {
                tokens_.give(1);
                event_.notify_one();
            }
        } else {
            tokens_.give(2);
            if constexpr (requires { event_.notify_all(); })
                if (how_ == giving::both_at_once) event_.notify_all();
            if (how_ == giving::then_one_each) {
                event_.notify_one();
                event_.notify_one();
            }
        }
    }

    giving const how_;
    Event event_;
    tokens tokens_;
};

// Two givers of one token each.
template <class Event>
class two_notifiers {
public:
    void thread(int number) {
        if (number == 0) {
            take_one(event_, tokens_);
            take_one(event_, tokens_);
        } else {
            tokens_.give(1);
            event_.notify_one();
        }
    }
    void finally() { check(!tokens_.take(), "a token was not taken"); }

private:
    Event event_;
    tokens tokens_;
};

// Who looks, and only then announces itself and sleeps.
class looks_too_early {
public:
    void thread(int number) {
        if (number == 0) {
            while (!tokens_.take()) event_.wait(event_.prepare_wait());
        } else {
            tokens_.give(1);
            event_.notify_one();
        }
    }
    void finally() {}

private:
    event_count event_;
    tokens tokens_;
};

// One token, for a waiter with a deadline and one without. The first hands it back when it got it, or
// has gone before.
class one_is_late {
public:
    one_is_late(int late_one, bool polite) : late_one_{late_one}, polite_{polite} {}
    void thread(int number) {
        if (number == 1) {
            tokens_.give(1);
            event_.notify_one();
        } else if (number == late_one_) {
            if (!try_for_a_while()) return;
            tokens_.give(1);
            event_.notify_one();
        } else {
            take_one(event_, tokens_);
        }
    }
    void finally() { check(!tokens_.take(), "the one who waits without a deadline has not got it"); }

private:
    bool try_for_a_while() {
        auto const key = event_.prepare_wait();
        if (tokens_.take()) {
            event_.cancel_wait();
            return true;
        }
        if (!event_.wait_until(key, some_day)) return false;
        return polite_ && tokens_.take(); // a rude one has been notified and does not look
    }

    int const late_one_;
    bool const polite_;
    event_count event_;
    tokens tokens_;
};

// What came before a notification is ordered before the end of the wait, with nothing else between the two; and the
// event count is the waiter's to end then.
class hands_over {
public:
    hands_over() { event_.emplace(); }
    void thread(int number) {
        if (number == 0) {
            auto const key = event_->prepare_wait();
            announced_.store(1, release);
            bool const notified = event_->wait_until(key, futex_deadline::max());
            check(notified && data_.get() == 7, "a wait without a deadline ended by itself");
            event_.reset();
        } else {
            while (announced_.load(acquire) == 0) weir::pause();
            data_.set(7);
            event_->notify_one();
        }
    }
    void finally() {}

private:
    std::optional<event_count> event_;
    atomic<int> announced_{0};
    plain<int> data_{0};
};

constexpr options deep{.preemptions = 3, .executions = 20'000'000};
constexpr options limits{.preemptions = 2, .executions = 20'000'000};

} // namespace

TEST_CASE("no wake-up is lost between looking and sleeping") {
    for (giving const how : {giving::one_by_one, giving::both_at_once, giving::then_one_each})
        holds("event_count: two waiters, two tokens", explorer::explore<two_waiters<event_count>>(3, limits, how));
    holds("event_count: two notifiers, one waiter for both", explorer::explore<two_notifiers<event_count>>(3, deep));
}

TEST_CASE("who is late takes no notification from another") {
    for (int const late : {0, 2})
        holds("event_count: one of two waiters is late", explorer::explore<one_is_late>(3, limits, late, true));
}

TEST_CASE("a notification hands over what came before it, and the event count itself") {
    holds("event_count: the waiter ends it", explorer::explore<hands_over>(2, deep));
}

TEST_CASE("mistakes around an event count are found") {
    is_found("event_count: a copy without fences", explorer::explore<two_notifiers<without_fences>>(3, deep));
    is_found("event_count: who looks before it announces itself", explorer::explore<looks_too_early>(2, deep));
    is_found("event_count: who is notified, late, and does not look",
             explorer::explore<one_is_late>(3, limits, 0, false));
}
