// tests/model/spsc.cpp: a producer and a consumer on a ring of one or two places, by every door, in every order.
#include "desk.hpp"

#include <weir/cpu/pause.hpp>
#include <weir/queue/spsc.hpp>

#include <array>
#include <optional>

using namespace weir;
using namespace weir::model;

namespace {

constexpr int sent = 3; // more than there are places, so that each place is used again

// How values go in and come out; each gives back how many.
enum class door { single, bulk, in_place };

// Every value comes out once, in order, and no place is used by both threads at a time.
class stream {
public:
    stream(std::size_t capacity, door in, door out) : queue_{capacity}, in_{in}, out_{out} {}
    void thread(int number) {
        if (number == 0) {
            for (int next = 1; next <= sent;) {
                int const count = in_ == door::single ? push(next) : push_n(next);
                if (count == 0) weir::pause();
                next += count;
            }
        } else {
            while (received_ < sent)
                if (!(out_ == door::single ? pop() : out_ == door::bulk ? pop_n() : peek_and_consume())) weir::pause();
            check(queue_.empty() && !queue_.try_pop(), "there is more than was sent");
        }
    }
    void finally() { check(received_ == sent, "a value was lost"); }

private:
    int push(int next) {
        parcel one{next};
        bool const went = queue_.try_push(std::move(one));
        check(one.content() == (went ? 0 : next), "a refused value was touched, or a sent one was not moved");
        return went;
    }
    int push_n(int next) {
        std::array some{parcel{next}, parcel{next + 1}};
        return static_cast<int>(queue_.try_push_n(std::span{some}.first(next == sent ? 1 : 2)));
    }
    bool pop() {
        auto const got = queue_.try_pop();
        if (got) receive(*got);
        return got.has_value();
    }
    bool pop_n() {
        std::array out{parcel{0}, parcel{0}};
        auto const count = queue_.try_pop_n(out);
        for (auto const& one : std::span{out}.first(count)) receive(one);
        return count > 0;
    }
    bool peek_and_consume() {
        auto const values = queue_.peek();
        if (values.empty()) return false;
        for (parcel const& one : values) receive(one);
        queue_.consume(values.size());
        return true;
    }
    void receive(parcel const& one) { check(one.content() == ++received_, "a value is not the next one"); }

    places places_;
    spsc<parcel> queue_;
    door const in_, out_;
    int received_ = 0;
};

// The same with places that are written where they lie.
class in_place {
public:
    explicit in_place(std::size_t capacity) : queue_{capacity} {}
    void thread(int number) {
        if (number == 0) {
            for (int next = 1; next <= sent;) {
                auto const free = queue_.claim(static_cast<std::size_t>(sent - next + 1));
                if (free.empty()) {
                    weir::pause();
                    continue;
                }
                for (int& one : free) places::at(&one).set(next++);
                queue_.commit(free.size());
            }
        } else {
            while (received_ < sent) {
                auto const values = queue_.peek();
                if (values.empty()) {
                    weir::pause();
                    continue;
                }
                for (int const& one : values) check(places::at(&one).get() == ++received_, "a value is not the next one");
                queue_.consume(values.size());
            }
        }
    }
    void finally() { check(queue_.empty(), "there is more than was sent"); }

private:
    places places_;
    spsc<int> queue_;
    int received_ = 0;
};

// Who neither waits nor comes again: what came out is a beginning of what went in, and the rest is still there.
class tries {
public:
    explicit tries(std::size_t capacity) : queue_{capacity} {}
    void thread(int number) {
        if (number == 0) {
            for (int n = 0; n < sent; ++n) {
                parcel one{accepted_ + 1};
                accepted_ += queue_.try_push(std::move(one));
            }
        } else {
            for (int n = 0; n < sent; ++n) {
                auto const got = queue_.try_pop();
                if (got) check(got->content() == ++received_, "a value is not the next one");
            }
        }
    }
    void finally() {
        auto const left = accepted_ - received_;
        check(accepted_ >= static_cast<int>(queue_.capacity()), "an empty place was refused");
        check(static_cast<int>(queue_.size_hint()) == left, "the size is wrong");
        for (int n = 0; n < left; ++n) check(queue_.try_pop()->content() == ++received_, "a value was lost");
        check(!queue_.try_pop(), "a value was doubled");
    }

private:
    places places_;
    spsc<parcel> queue_;
    int accepted_ = 0;
    int received_ = 0;
};

// The ring's end is its producer's, who has heard from the consumer that it is done: what is left is destroyed once.
class left_behind {
public:
    left_behind() { queue_.emplace(2u); }
    void thread(int number) {
        if (number == 0) {
            queue_->try_emplace(1);
            queue_->try_emplace(2);
            while (done_.load(acquire) == 0) weir::pause();
            queue_.reset();
        } else {
            queue_->try_pop();
            done_.store(1, release);
        }
    }
    void finally() {}

private:
    places places_;
    std::optional<spsc<parcel>> queue_;
    atomic<int> done_{0};
};

constexpr options limits{.preemptions = 3};

} // namespace

TEST_CASE("values come out once and in order, and a place is free before it is used again") {
    for (std::size_t const capacity : {1u, 2u}) {
        holds("spsc: single in, single out", explorer::explore<stream>(2, limits, capacity, door::single, door::single));
        holds("spsc: bulk in, bulk out", explorer::explore<stream>(2, limits, capacity, door::bulk, door::bulk));
        holds("spsc: single in, peek and consume",
              explorer::explore<stream>(2, limits, capacity, door::single, door::in_place));
        holds("spsc: bulk in, single out", explorer::explore<stream>(2, limits, capacity, door::bulk, door::single));
    }
}

TEST_CASE("what is claimed and committed is what is peeked at") {
    for (std::size_t const capacity : {1u, 2u})
        holds("spsc: claim and commit, peek and consume", explorer::explore<in_place>(2, limits, capacity));
}

TEST_CASE("what was accepted and not taken is still there") {
    for (std::size_t const capacity : {1u, 2u})
        holds("spsc: three tries on each side", explorer::explore<tries>(2, limits, capacity));
}

TEST_CASE("what is left when the ring ends is destroyed once") {
    holds("spsc: the producer ends the ring", explorer::explore<left_behind>(2, limits));
}
