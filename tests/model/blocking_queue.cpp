// tests/model/blocking_queue.cpp: queues that are waited for: for a value, for room, for the end. Deadlines come when the
// explorer chooses.
#include "desk.hpp"

#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/mpmc.hpp>
#include <weir/queue/spsc.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

using namespace weir;
using namespace weir::model;

namespace {

constexpr auto some_day = futex_deadline::min() + std::chrono::seconds{1}; // comes or does not

// A queue whose calls are one step each, so that the waiting alone is explored. It counts its values, which are all the
// same, and orders nothing.
class one_step {
public:
    using value_type = int;
    // Values are held back until `shown`: as if a push that is under way stood before them.
    explicit one_step(std::size_t capacity, atomic<bool> const* shown = nullptr) noexcept
        : capacity_{capacity}, shown_{shown} {}

    bool try_push(int&& value) noexcept { return try_push_n({&value, 1}) == 1; }
    std::size_t try_push_n(std::span<int> values) noexcept {
        for (auto there = there_.load(relaxed);;) {
            auto const count = std::min(values.size(), capacity_ - there);
            if (count == 0 || there_.compare_exchange_weak(there, there + count, relaxed, relaxed)) return count;
        }
    }
    std::optional<int> try_pop() noexcept {
        int value = 0;
        return try_pop_n({&value, 1}) == 1 ? std::optional{value} : std::nullopt;
    }
    std::size_t try_pop_n(std::span<int> out) noexcept {
        if (shown_ && !shown_->load(relaxed)) return 0;
        for (auto there = there_.load(relaxed);;) {
            auto const count = std::min(out.size(), there);
            if (count == 0 || there_.compare_exchange_weak(there, there - count, relaxed, relaxed)) return count;
        }
    }
    std::size_t capacity() const noexcept { return capacity_; }
    std::size_t size_hint() const noexcept { return there_.load(relaxed); }

private:
    std::size_t const capacity_;
    atomic<bool> const* const shown_;
    atomic<std::size_t> there_{0};
};

// A stream through a queue; the producers close it behind the last value. The values of each come in order.
template <class Queue>
class stream {
public:
    struct shape {
        std::size_t capacity;
        int producers, each;
        bool timed = false; // pushes give up and begin again
    };
    explicit stream(shape const& how) : how_{how}, queue_{how.capacity}, producing_{how.producers} {}
    void thread(int number) {
        if (number > 0) produce(number);
        else consume();
    }
    void finally() {
        check(received_ == sent_, "a value was lost");
        check(queue_.closed() && queue_.empty(), "the end was reported before");
    }

private:
    void produce(int who) {
        for (int n = 1; n <= how_.each; ++n) {
            parcel one{100 * who + n};
            bool const late = how_.timed && !queue_.blocking_push_until(std::move(one), some_day);
            if (late) check(one.content() == 100 * who + n, "a refused value was touched");
            if (late || !how_.timed) check(queue_.blocking_push(std::move(one)), "an open queue says that it is closed");
            ++sent_;
        }
        if (producing_.fetch_sub(1, acq_rel) == 1) queue_.close();
    }
    void consume() {
        while (auto const got = queue_.blocking_pop()) {
            int const who = got->content() / 100, which = got->content() % 100;
            auto& last = last_[static_cast<std::size_t>(who)];
            check(which == last + 1, "a value is not the next one");
            last = which;
            ++received_;
        }
    }

    shape const how_;
    places places_;
    blocking_queue<Queue> queue_;
    atomic<int> producing_;
    std::array<int, max_threads> last_{};
    int sent_ = 0, received_ = 0; // fibers of one thread
};

// An end that comes from elsewhere: what was accepted is taken before the end is told, and close comes before that.
class closed_from_elsewhere {
public:
    explicit closed_from_elsewhere(bool waits) : waits_{waits} {}
    void thread(int number) {
        if (number == 0) {
            reason_.set(1);
            queue_.close();
        } else if (number == 1) {
            for (int n = 1; n <= 2; ++n) {
                parcel one{n};
                if (!(waits_ ? queue_.blocking_push(std::move(one)) : queue_.try_push(std::move(one)))) {
                    check(one.content() == n, "a refused value was touched");
                    if (waits_) check(reason_.get() == 1, "refused, and nobody closed");
                    break;
                }
                ++accepted_;
            }
        } else {
            while (queue_.blocking_pop()) ++received_;
            check(reason_.get() == 1, "told the end, and nobody closed");
        }
    }
    void finally() {
        check(received_ == accepted_ && queue_.empty(), "the end was told while a value was to come");
    }

private:
    bool const waits_;
    places places_;
    plain<int> reason_{0};
    blocking_queue<spsc<parcel>> queue_{1};
    int accepted_ = 0, received_ = 0;
};

// One waits for room that nobody makes, one asks whether it is closed: both learn of the end, and what came before it.
class closed_while_full {
public:
    closed_while_full() { check(queue_.try_push(0), "there is room"); }
    void thread(int number) {
        if (number == 0) {
            reason_.set(1);
            queue_.close();
            return;
        }
        if (number == 1) check(!queue_.blocking_push(0), "there was no room");
        else while (!queue_.closed()) weir::pause();
        check(reason_.get() == 1, "told the end, and nobody closed");
    }
    void finally() { check(queue_.size_hint() == 1, "a refused value was taken"); }

private:
    plain<int> reason_{0};
    blocking_queue<one_step> queue_{1u};
};

// One moves two at a time; two others wait for one value each, or for room for one. Nobody closes, so who was forgotten
// sleeps for ever.
class two_at_a_time {
public:
    explicit two_at_a_time(bool pushes) : pushes_{pushes} {
        std::array<int, 2> values{};
        if (!pushes_) check(queue_.try_push_n(values) == 2, "there is room");
    }
    void thread(int number) {
        std::array<int, 2> values{};
        if (number > 0) check(pushes_ ? queue_.blocking_pop().has_value() : queue_.blocking_push(0), "nobody closed");
        else check((pushes_ ? queue_.try_push_n(values) : queue_.blocking_pop_n(values)) == 2, "two can be moved");
    }
    void finally() { check(queue_.size_hint() == (pushes_ ? 0 : 2), "a value was lost"); }

private:
    bool const pushes_;
    blocking_queue<one_step> queue_{2u};
};

// A value stands behind a push that is under way, and whose own notification goes to somebody else. Of two who wait one
// has a deadline. If it is woken and goes, the other must come; if it gets the value, it hands it back.
class goes_while_it_moves {
public:
    void thread(int number) {
        if (number == 0) {
            check(queue_.try_push(0), "there is room");
            for (int n = 0; n < 2; ++n) weir::pause(); // the first is over when who was woken counts itself out
            shown_.store(true, relaxed);
        } else if (number == 1) {
            if (queue_.blocking_pop_until(some_day)) check(queue_.try_push(0), "there is room");
        } else {
            check(queue_.blocking_pop().has_value(), "nobody closed");
        }
    }
    void finally() { check(queue_.empty(), "the one who waits without a deadline has not got it"); }

private:
    atomic<bool> shown_{false};
    blocking_queue<one_step> queue_{2u, &shown_};
};

// One that does not tell of what stands behind a push that is under way.
class tactless : public mpmc<parcel> {
public:
    using mpmc<parcel>::mpmc;
    std::size_t size_hint() const noexcept { return 0; }
};

// Two producers and two consumers, of whom each wants one value; nobody closes, so nobody else wakes who was forgotten.
template <class Queue>
class two_and_two {
public:
    void thread(int number) {
        if (number >= 2) check(queue_.try_push(parcel{number}), "there is room");
        else received_ += queue_.blocking_pop().has_value();
    }
    void finally() { check(received_ == 2, "a value was lost"); }

private:
    places places_;
    blocking_queue<Queue> queue_{2u};
    int received_ = 0;
};

constexpr options limits{.preemptions = 2, .executions = 20'000'000};
constexpr options wide{.preemptions = 1, .executions = 20'000'000}; // many threads, or long ones
constexpr options narrow{.preemptions = 0, .executions = 20'000'000};

} // namespace

TEST_CASE("the end is told when all that was accepted is taken") {
    for (bool const waits : {false, true})
        holds("blocking: closed from elsewhere", explorer::explore<closed_from_elsewhere>(3, wide, waits));
}

TEST_CASE("the end is told to who waits for room and to who asks") {
    holds("blocking: closed while it is full", explorer::explore<closed_while_full>(3, limits));
}

TEST_CASE("who moves many at a time wakes all who wait for them") {
    holds("blocking: two pushed at a time, two pop", explorer::explore<two_at_a_time>(3, wide, true));
    holds("blocking: two popped at a time, two push", explorer::explore<two_at_a_time>(3, wide, false));
}

TEST_CASE("nobody sleeps next to a value that stands behind a slow push") {
    holds("blocking: mpmc, two and two", explorer::explore<two_and_two<mpmc<parcel>>>(4, narrow));
    is_found("blocking: a queue that hides what stands behind a push",
             explorer::explore<two_and_two<tactless>>(4, wide));
}

TEST_CASE("who is woken for a value behind a slow push and goes passes the wake-up on") {
    holds("blocking: one of two is late", explorer::explore<goes_while_it_moves>(3, narrow));
}

TEST_CASE("a waiting queue carries a stream to its end") {
    using one_to_one = stream<spsc<parcel>>;
    for (std::size_t const capacity : {1u, 2u})
        holds("blocking: spsc, two values", explorer::explore<one_to_one>(2, limits, one_to_one::shape{capacity, 1, 2}));
    holds("blocking: spsc, pushes with deadlines",
          explorer::explore<one_to_one>(2, wide, one_to_one::shape{1, 1, 2, true}));
    // Room for all: two pushes that both spin for a place would keep each other awake for ever in an unfair schedule.
    using many = stream<mpmc<parcel>>;
    holds("blocking: mpmc, two producers", explorer::explore<many>(3, wide, many::shape{2, 2, 1}));
}
