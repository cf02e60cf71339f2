// tests/unit/support/linearizable.cpp: the linearizability checker accepts what may happen and rejects what may not.
#include "support/linearizable.hpp"
#include "support/scale.hpp"
#include "support/sequential_queues.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

using weir::test::deque_call;
using weir::test::fifo;
using weir::test::history;
using weir::test::linearizable;
using weir::test::queue_call;
using weir::test::scaled;
using weir::test::stealing;

namespace {

using queue_history = history<queue_call>;
using deque_history = history<deque_call>;

auto const found_empty = queue_call::found_empty();
auto const found_full = queue_call::found_full();
queue_call push(std::uint32_t value) { return queue_call::pushed({value}); }
queue_call pop(std::uint32_t value) { return queue_call::popped({value}); }

bool queue_may(queue_history const& calls, std::size_t capacity = fifo::unbounded) {
    return linearizable(fifo{capacity}, calls).holds;
}
bool ring_may(queue_history const& calls, std::size_t capacity) {
    return linearizable(fifo{capacity, fifo::answers::in_flight}, calls).holds;
}
bool deque_may(deque_history const& calls) { return linearizable(stealing{}, calls).holds; }

// A ring of tickets whose threads take turns by chance, one step at a time: two push and two pop.
class simulated_ring {
public:
    // `in_steps`: a call takes its place at one moment and fills or clears it at a later one, as real rings do.
    // `lies`: once in a while a call answers that it found nothing, or no room, wherever it looked.
    struct options {
        std::size_t capacity;
        bool in_steps;
        bool lies = false;
    };
    simulated_ring(unsigned seed, options how) : random_{seed}, how_{how}, places_(how.capacity) {
        for (std::size_t n = 0; n < places_.size(); ++n) places_[n].turn = 2 * n;
    }

    queue_history run(std::size_t calls) {
        queue_history made;
        std::size_t begun = 0;
        for (std::uint64_t time = 0; made.size() < calls; ++time) {
            auto const thread = static_cast<unsigned>(random_() % callers_.size());
            caller& one = callers_[thread];
            switch (one.at) {
                case moment::outside:
                    if (begun == calls) break;
                    ++begun;
                    one.began = time;
                    one.at = moment::before;
                    break;
                case moment::before:
                    one.answer = thread < 2 ? take_place_to_push() : take_place_to_pop();
                    one.ticket = thread < 2 ? tail_ - 1 : head_ - 1;
                    one.at = one.answer.did == 1 ? moment::between : moment::after;
                    if (how_.in_steps || one.answer.did == 0) break;
                    [[fallthrough]];
                case moment::between:
                    places_[one.ticket % how_.capacity].turn = 2 * one.ticket + (thread < 2 ? 1 : 2 * how_.capacity);
                    one.at = moment::after;
                    break;
                case moment::after: made.push_back({one.began, time, thread, one.answer}); one.at = moment::outside;
            }
        }
        return made;
    }

private:
    enum class moment { outside, before, between, after };
    struct caller {
        moment at = moment::outside;
        std::uint64_t began = 0;
        std::size_t ticket = 0;
        queue_call answer = found_empty;
    };
    struct place {
        std::size_t turn = 0; // twice the ticket that may push here; one more when its value is there
        std::uint32_t value = 0;
    };

    bool lies() { return how_.lies && random_() % 100 == 0; }
    queue_call take_place_to_push() {
        place& next = places_[tail_ % how_.capacity];
        if (next.turn != 2 * tail_ || lies()) return found_full;
        next.value = ++last_value_;
        ++tail_;
        return push(next.value);
    }
    queue_call take_place_to_pop() {
        place const& next = places_[head_ % how_.capacity];
        if (next.turn != 2 * head_ + 1 || lies()) return found_empty;
        ++head_;
        return pop(next.value);
    }

    std::minstd_rand random_;
    options const how_;
    std::vector<place> places_;
    std::array<caller, 4> callers_;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::uint32_t last_value_ = 0;
};

} // namespace

TEST_CASE("calls one after the other have one order", "[linearizable]") {
    CHECK(queue_may({}));
    CHECK(queue_may({{1, 2, 0, found_empty},
                     {3, 4, 0, push(1)},
                     {5, 6, 0, push(2)},
                     {7, 8, 1, pop(1)},
                     {9, 10, 1, pop(2)},
                     {11, 12, 1, found_empty}}));
    CHECK(queue_may({{1, 2, 0, push(1)}, {3, 4, 0, found_full}, {5, 6, 1, pop(1)}, {7, 8, 0, push(2)}}, 1));
}

TEST_CASE("calls that overlap may take effect in either order", "[linearizable]") {
    CHECK(queue_may({{1, 3, 0, push(1)}, {2, 4, 1, push(2)}, {5, 6, 2, pop(2)}, {7, 8, 2, pop(1)}}));
    CHECK(queue_may({{1, 4, 0, push(1)}, {2, 3, 1, pop(1)}})); // before the push has returned
    CHECK(queue_may({{1, 4, 0, push(1)}, {2, 3, 1, found_empty}, {5, 6, 1, pop(1)}}));
    CHECK(queue_may({{1, 2, 0, push(1)}, {3, 6, 0, found_full}, {4, 5, 1, pop(1)}}, 1));
    // The first pop began first and took the second value: the other took effect in between.
    CHECK(queue_may({{1, 2, 0, push(1)}, {3, 4, 0, push(2)}, {5, 8, 1, pop(2)}, {6, 7, 2, pop(1)}}));
}

TEST_CASE("a value out of turn, twice, from nowhere or lost is rejected", "[linearizable]") {
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 4, 0, push(2)}, {5, 6, 1, pop(2)}, {7, 8, 1, pop(1)}}));
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 5, 1, pop(1)}, {4, 6, 2, pop(1)}}));
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 4, 1, pop(9)}}));
    CHECK_FALSE(queue_may({{1, 2, 1, pop(1)}, {3, 4, 0, push(1)}})); // before it was pushed
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 4, 0, push(2)}, {5, 6, 1, pop(1)}, {7, 8, 1, found_empty}}));
    // One order is possible for each pair of these pops alone, none for both.
    CHECK_FALSE(queue_may({{1, 3, 0, push(1)}, {2, 4, 1, push(2)}, {5, 6, 2, pop(2)}, {7, 8, 2, found_empty}}));
}

TEST_CASE("empty of a queue that held a value all the time is rejected, and full of one that had room",
          "[linearizable]") {
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 6, 1, found_empty}, {4, 5, 0, push(2)}}));
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 6, 0, found_full}, {4, 5, 1, pop(1)}}, 2));
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 4, 0, push(2)}}, 1)); // nor did a push find room there
}

TEST_CASE("values of one call move together", "[linearizable]") {
    auto const three = queue_call::pushed({1, 2, 3});
    CHECK(queue_may({{1, 2, 0, three}, {3, 4, 1, queue_call::popped({1, 2})}, {5, 6, 1, queue_call::popped({3}, 4)}}));
    CHECK_FALSE(queue_may({{1, 2, 0, three}, {3, 4, 1, queue_call::popped({1, 3})}}));
    CHECK_FALSE(queue_may({{1, 2, 0, three}, {3, 4, 1, queue_call::popped({1, 2}, 3)}})); // three were there
    CHECK_FALSE(queue_may({{1, 6, 0, three}, {2, 3, 1, pop(1)}, {4, 5, 1, found_empty}}));
    CHECK(queue_may({{1, 2, 0, queue_call::pushed({1, 2}, 3)}, {3, 4, 0, found_full}}, 2));
    CHECK_FALSE(queue_may({{1, 2, 0, queue_call::pushed({1, 2}, 3)}}, 4));
}

TEST_CASE("a call that moved less than asked saw the end before it moved", "[linearizable]") {
    // The producer sees one free place; both values are taken, the queue is found empty; then one value is published.
    CHECK(queue_may({{1, 2, 0, push(1)},
                     {3, 8, 0, queue_call::pushed({2}, 2)},
                     {4, 5, 1, pop(1)},
                     {6, 7, 1, found_empty},
                     {9, 10, 1, pop(2)}},
                    2));
    // It cannot have seen that when all was taken before it began.
    CHECK_FALSE(queue_may({{1, 2, 0, push(1)}, {3, 4, 1, pop(1)}, {5, 6, 0, queue_call::pushed({2}, 2)}}, 2));
}

TEST_CASE("a ring may say empty while the first value's push is under way, and only then", "[linearizable]") {
    // 2 was pushed behind 1, whose push goes on.
    CHECK(ring_may(
        {{1, 8, 0, push(1)}, {2, 3, 1, push(2)}, {4, 5, 2, found_empty}, {9, 10, 2, pop(1)}, {11, 12, 2, pop(2)}}, 2));
    CHECK_FALSE(queue_may({{1, 8, 0, push(1)}, {2, 3, 1, push(2)}, {4, 5, 2, found_empty}, {9, 10, 2, pop(1)}}, 2));
    // Nothing overlaps.
    CHECK_FALSE(ring_may({{1, 2, 0, push(1)}, {3, 4, 2, found_empty}}, 2));
    // The push under way began later: it stands behind.
    CHECK_FALSE(ring_may({{1, 2, 0, push(1)}, {3, 8, 1, push(2)}, {4, 5, 2, found_empty}}, 2));
    // The other turned out to be the first, though its push had returned.
    CHECK_FALSE(ring_may({{1, 8, 0, push(1)}, {2, 3, 1, push(2)}, {4, 5, 2, found_empty}, {9, 10, 2, pop(2)}}, 2));
    // The first value was taken, so it had been filled; the second's push had returned.
    CHECK_FALSE(ring_may({{1, 9, 0, push(1)}, {2, 3, 1, push(2)}, {4, 5, 2, pop(1)}, {6, 7, 2, found_empty}}, 2));
    // Excused at one moment of its interval is enough.
    CHECK(ring_may({{1, 5, 0, push(1)}, {2, 3, 1, push(2)}, {4, 7, 2, found_empty}}, 2));
    CHECK_FALSE(ring_may({{1, 4, 0, push(1)}, {2, 3, 1, push(2)}, {5, 7, 2, found_empty}}, 2));
}

TEST_CASE("a ring may say full while the pop of the place in question is under way, and only then", "[linearizable]") {
    queue_history calls{
        {1, 2, 0, push(1)}, {3, 4, 0, push(2)}, {5, 12, 2, pop(1)}, {6, 7, 3, pop(2)}, {8, 9, 0, found_full}};
    CHECK(ring_may(calls, 2));
    CHECK_FALSE(queue_may(calls, 2));
    CHECK_FALSE(ring_may(calls, 3)); // a place was never used
    calls.push_back({13, 14, 0, push(3)});
    CHECK(ring_may(calls, 2));
    // The pop under way is that of the place behind.
    CHECK_FALSE(ring_may(
        {{1, 2, 0, push(1)}, {3, 4, 0, push(2)}, {5, 6, 3, pop(1)}, {7, 10, 2, pop(2)}, {8, 9, 0, found_full}}, 2));
    CHECK_FALSE(ring_may({{1, 2, 0, push(1)}, {3, 4, 3, pop(1)}, {5, 6, 0, found_full}}, 1)); // nothing overlaps
    CHECK(ring_may({{1, 2, 0, push(1)}, {3, 6, 3, pop(1)}, {4, 5, 0, found_full}}, 1));
    CHECK(ring_may({{1, 2, 0, push(1)}, {3, 6, 3, pop(1)}, {4, 5, 0, push(2)}}, 1)); // it is clear before it returns
    // The first place was clear, though its pop goes on, and the second's pop had returned: there was room for both.
    CHECK_FALSE(ring_may({{1, 2, 0, push(1)},
                          {3, 4, 0, push(2)},
                          {5, 12, 2, pop(1)},
                          {6, 7, 3, pop(2)},
                          {8, 9, 0, queue_call::pushed({3}, 2)}},
                         2));
}

TEST_CASE("a deque's owner takes the newest, a thief the oldest", "[linearizable]") {
    using d = deque_call;
    CHECK(deque_may({{1, 2, 0, d::pushed(1)},
                     {3, 4, 0, d::pushed(2)},
                     {5, 6, 0, d::pushed(3)},
                     {7, 8, 0, d::popped(3)},
                     {9, 10, 1, d::stole(1)},
                     {11, 12, 0, d::popped(2)},
                     {13, 14, 0, d::popped_nothing()},
                     {15, 16, 1, d::stole_nothing()}}));
    CHECK_FALSE(deque_may({{1, 2, 0, d::pushed(1)}, {3, 4, 0, d::pushed(2)}, {5, 6, 0, d::popped(1)}}));
    CHECK_FALSE(deque_may({{1, 2, 0, d::pushed(1)}, {3, 4, 0, d::pushed(2)}, {5, 6, 1, d::stole(2)}}));
    CHECK_FALSE(deque_may({{1, 2, 0, d::pushed(1)}, {3, 5, 0, d::popped(1)}, {4, 6, 1, d::stole(1)}})); // twice
    CHECK_FALSE(deque_may({{1, 2, 1, d::stole(7)}}));
    CHECK_FALSE(deque_may({{1, 2, 0, d::pushed(1)}, {3, 4, 1, d::stole_nothing()}}));
    CHECK_FALSE(deque_may({{1, 2, 0, d::pushed(1)}, {3, 4, 0, d::popped_nothing()}}));
    CHECK(deque_may({{1, 2, 0, d::pushed(1)}, {3, 6, 0, d::popped(1)}, {4, 5, 1, d::stole_nothing()}}));
}

TEST_CASE("a steal is lost only to another who took that value meanwhile", "[linearizable]") {
    using d = deque_call;
    deque_call const one = d::pushed(1);
    deque_call const two = d::pushed(2);
    CHECK(deque_may({{1, 2, 0, one}, {3, 6, 1, d::lost()}, {4, 5, 2, d::stole(1)}}));
    CHECK(deque_may({{1, 2, 0, one}, {3, 6, 1, d::lost()}, {4, 5, 0, d::popped(1)}})); // to the owner's last pop
    // The owner's pop has taken effect, or the other thief had not found the deque empty; it has not returned.
    CHECK(deque_may({{1, 2, 0, one}, {3, 8, 0, d::popped(1)}, {4, 5, 2, d::stole_nothing()}, {6, 7, 1, d::lost()}}));
    CHECK_FALSE(
        deque_may({{1, 2, 0, one}, {3, 6, 0, d::popped(1)}, {4, 5, 2, d::stole_nothing()}, {7, 8, 1, d::lost()}}));
    CHECK_FALSE(
        deque_may({{1, 2, 0, one}, {3, 8, 2, d::stole(1)}, {4, 5, 3, d::stole_nothing()}, {6, 7, 1, d::lost()}}));
    CHECK_FALSE(deque_may({{1, 2, 1, d::lost()}})); // there was nothing
    CHECK_FALSE(deque_may({{1, 2, 0, one}, {3, 4, 1, d::lost()}, {5, 6, 2, d::stole(1)}})); // nobody took it
    CHECK_FALSE(deque_may({{1, 2, 0, one}, {3, 4, 2, d::stole(1)}, {5, 6, 1, d::lost()}})); // taken before
    CHECK_FALSE(
        deque_may({{1, 2, 0, one}, {3, 4, 0, two}, {5, 8, 1, d::lost()}, {6, 7, 0, d::popped(2)}})); // not the top
    CHECK_FALSE(deque_may(
        {{1, 2, 0, one}, {3, 8, 1, d::lost()}, {4, 7, 2, d::lost()}, {9, 10, 2, d::stole(1)}})); // to each other
}

TEST_CASE("simulated rings are accepted as what they are, and not as more", "[linearizable]") {
    auto const count = scaled(20'000);
    for (std::size_t const capacity : {1u, 2u, 8u}) {
        for (unsigned seed = 1; seed <= 3; ++seed) {
            CAPTURE(capacity, seed);
            auto const at_once = simulated_ring{seed, {capacity, false}}.run(count);
            CHECK(queue_may(at_once, capacity));
            CHECK(ring_may(at_once, capacity));
            auto const in_steps = simulated_ring{seed, {capacity, true}}.run(count);
            CHECK(ring_may(in_steps, capacity));
            if (capacity == 1) continue; // a place alone is full or empty either way, and some call excuses each lie
            CHECK_FALSE(queue_may(in_steps, capacity));
            CHECK_FALSE(queue_may(simulated_ring{seed, {capacity, false, true}}.run(count), capacity));
            CHECK_FALSE(ring_may(simulated_ring{seed, {capacity, true, true}}.run(count), capacity));
        }
    }
}

TEST_CASE("one wrong answer is found among hundreds of thousands", "[linearizable]") {
    auto calls = simulated_ring{7, {4, true}}.run(scaled(200'000));
    auto const right = linearizable(fifo{4, fifo::answers::in_flight}, calls);
    INFO(right.why);
    CHECK(right.holds);
    CHECK(right.widest < 1000);

    // Two pops near the end, far enough from each other to overlap nothing in common, exchange what they got.
    auto const is_pop = [](auto const& each) { return each.thread == 2 && each.what.did == 1; };
    auto const one = std::find_if(calls.end() - 200, calls.end(), is_pop);
    auto const other = std::find_if(calls.end() - 100, calls.end(), is_pop);
    REQUIRE(other != calls.end());
    std::swap(one->what, other->what);
    CHECK_FALSE(ring_may(calls, 4));
}

TEST_CASE("a rejection shows the call, its neighbours and what was possible before", "[linearizable]") {
    queue_history calls;
    for (std::uint32_t n = 1; n <= 1000; ++n) {
        calls.push_back({10 * n, 10 * n + 1, 0, push(n)});
        calls.push_back({10 * n + 2, 10 * n + 3, 1, pop(n)});
    }
    calls.push_back({20'000, 20'009, 0, push(2001)});
    calls.push_back({20'010, 20'019, 0, push(2002)});
    calls.push_back({20'015, 20'018, 1, pop(2002)});
    auto const wrong = linearizable(fifo{}, calls);
    CHECK_FALSE(wrong);
    CHECK(wrong.why == "no order explains the end of:\n"
                       "  thread 1 [20015, 20018] pop 2002\n"
                       "among these:\n"
                       "  thread 0 [20010, 20019] push 2002\n"
                       "possible before [20015]:\n"
                       "  (2001)\n");
}
