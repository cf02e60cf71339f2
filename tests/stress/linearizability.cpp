// tests/stress/linearizability.cpp: histories of the queues, recorded under stress, have an order that explains them.
// Each thread does bursts of random calls; all start each burst together. Small capacities and short bursts keep the
// queues near empty and near full, where their ends meet. At the end what is left is taken out, so a lost value shows.
#include "support/history.hpp"
#include "support/linearizable.hpp"
#include "support/scale.hpp"
#include "support/sequential_queues.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/cpu/affinity.hpp>
#include <weir/queue/deque.hpp>
#include <weir/queue/mpmc.hpp>
#include <weir/queue/spsc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

using weir::acquire;
using weir::relaxed;
using weir::release;
using weir::seq_cst;
using weir::steal_status;
using weir::test::deque_call;
using weir::test::fifo;
using weir::test::history;
using weir::test::linearizable;
using weir::test::overlapping;
using weir::test::queue_call;
using weir::test::race;
using weir::test::recorder;
using weir::test::scaled;
using weir::test::stealing;

namespace {

constexpr std::size_t burst = 24; // calls a thread
constexpr auto at_most = std::chrono::milliseconds{1500}; // a history, on a busy machine

// What a thread of a test needs to make calls that nobody else makes.
struct player {
    explicit player(unsigned thread) : random{thread + 1}, last_value{thread << 24} {}

    std::size_t up_to(std::size_t most) { return 1 + random() % most; }
    std::uint32_t next_value() { return ++last_value; }

    std::minstd_rand random;
    std::uint32_t last_value;
};

template <class Queue>
queue_call push_some(Queue& queue, player& self, std::size_t most) {
    std::array<std::uint32_t, queue_call::most> values;
    auto const asked = self.up_to(most);
    auto const first = self.last_value; // of those refused nobody hears, so they may come again
    for (auto& value : std::span{values}.first(asked)) value = self.next_value();
    auto const did = asked == 1 ? queue.try_push(values[0]) : queue.try_push_n(std::span{values}.first(asked));
    self.last_value = first + static_cast<std::uint32_t>(did);
    for (std::size_t n = 0; n < did; ++n) values[n] = first + 1 + static_cast<std::uint32_t>(n); // they were moved from
    return queue_call::of(queue_call::verb::push, asked, did, values.data());
}

template <class Queue>
queue_call pop_some(Queue& queue, player& self, std::size_t most) {
    std::array<std::uint32_t, queue_call::most> values;
    auto const asked = self.up_to(most);
    std::size_t did = 0;
    if (asked > 1) did = queue.try_pop_n(std::span{values}.first(asked));
    else if (auto const value = queue.try_pop()) values[did++] = *value;
    return queue_call::of(queue_call::verb::pop, asked, did, values.data());
}

// The first half of the threads push and the others pop, up to `most` values a call.
template <class Queue>
history<queue_call> played(Queue& queue, unsigned threads, std::size_t rounds, std::size_t most) {
    std::vector<player> players;
    for (unsigned thread = 0; thread < threads; ++thread) players.emplace_back(thread);
    recorder<queue_call> log{threads, (rounds + 1) * burst};
    race(threads, rounds, at_most, [&](unsigned thread) {
        player self = players[thread];
        for (std::size_t n = 0; n < burst; ++n)
            log.note(thread,
                     [&] { return thread < threads / 2 ? push_some(queue, self, most) : pop_some(queue, self, most); });
        players[thread] = self;
    });
    while (log.note(0, [&] { return pop_some(queue, players[0], 1); }).did != 0) {}
    return log.all();
}

// The owner is thread 0. A steal aims at what the owner may be about to pop.
template <class Deque>
history<deque_call> played(Deque& deque, unsigned threads, std::size_t rounds) {
    recorder<deque_call> log{threads, (rounds + 1) * burst};
    player owner{0};
    auto const pop = [&] {
        auto const value = deque.pop_bottom();
        return value ? deque_call::popped(value) : deque_call::popped_nothing();
    };
    auto const steal = [&] {
        auto const got = deque.steal();
        if (got) return deque_call::stole(got.value);
        return got.status == steal_status::lost ? deque_call::lost() : deque_call::stole_nothing();
    };
    race(threads, rounds, at_most, [&](unsigned thread) {
        for (std::size_t n = 0; n < burst; ++n) {
            if (thread != 0) log.note(thread, steal);
            else if (owner.random() % 5 < 2) log.note(0, pop);
            else
                log.note(0, [&] {
                    auto const value = owner.next_value();
                    deque.push_bottom(value);
                    return deque_call::pushed(value);
                });
        }
    });
    while (log.note(0, pop).got == deque_call::answer::value) {}
    return log.all();
}

// Returns how many calls met another.
template <class Object, class Operation>
std::size_t check(Object const& sequential, history<Operation> const& calls) {
    auto const result = linearizable(sequential, calls);
    INFO(result.why);
    CHECK(result);
    return overlapping(calls);
}

// Without calls that meet there was nothing to check. A single core has few, and on a busy machine a history may.
void check_that_many(std::size_t met) {
    if (auto const cores = weir::this_thread_cpus(); cores && cores->size() > 1) CHECK(met > 100);
}

// Plays a broken queue until the checker has noticed; the first game or two should do, the rest are for a busy machine.
template <class Object, class Play>
bool is_noticed(Object const& sequential, Play const& play) {
    for (int n = 0; n < 100; ++n)
        if (!linearizable(sequential, play())) return true;
    return false;
}

// Lets others step in where a broken queue is open for that, on a single core too.
void dawdle() { std::this_thread::yield(); }

// Between one producer and one consumer, who may be told to do their part in a wrong way.
class broken_ring {
public:
    enum class fault {
        none,
        publishes_first, // the value is written after its index was moved
        frees_first, // the value is read after its index was moved
        looks_seldom, // says empty, after it did, without another look
        drops, // a value now and then
    };
    explicit broken_ring(fault of) : fault_{of} {}

    std::size_t try_push_n(std::span<std::uint32_t>) { return 0; }
    std::size_t try_pop_n(std::span<std::uint32_t>) { return 0; }
    bool try_push(std::uint32_t value) {
        auto const tail = tail_.load(relaxed); // own word
        if (tail - head_.load(acquire) == values_.size()) return false; // [free]
        if (fault_ == fault::drops && value % 1000 == 0) return true;
        if (fault_ == fault::publishes_first) {
            tail_.store(tail + 1, release); // [ready], but it is not
            dawdle();
        }
        values_[tail % values_.size()].store(value, relaxed); // [ready] orders it
        tail_.store(tail + 1, release); // [ready]
        return true;
    }
    std::optional<std::uint32_t> try_pop() {
        auto const head = head_.load(relaxed); // own word
        if (fault_ == fault::looks_seldom && std::exchange(looked_, !looked_)) return std::nullopt;
        if (head == tail_.load(acquire)) return std::nullopt; // [ready]
        looked_ = false;
        if (fault_ == fault::frees_first) {
            head_.store(head + 1, release); // [free], but it is not
            dawdle();
        }
        auto const value = values_[head % values_.size()].load(relaxed); // [ready] ordered it
        head_.store(head + 1, release); // [free]
        return value;
    }

private:
    fault const fault_;
    bool looked_ = false;
    std::array<weir::atomic<std::uint32_t>, 2> values_{};
    alignas(weir::cache_line) weir::atomic<std::size_t> head_{0};
    alignas(weir::cache_line) weir::atomic<std::size_t> tail_{0};
};

// A work-stealing deque whose thieves and owner step over the top without asking whether another did.
class broken_deque {
public:
    enum class fault {
        none,
        thief_stores, // instead of exchanging when nobody else has
        owner_stores, // likewise, for the last value
        gives_up, // a thief says lost when it was not
    };
    explicit broken_deque(fault of) : fault_{of} {}

    void push_bottom(std::uint32_t value) {
        auto const bottom = bottom_.load(relaxed); // own word
        values_[static_cast<std::size_t>(bottom) % values_.size()].store(value, relaxed); // [pushed] orders it
        bottom_.store(bottom + 1, release); // [pushed]
    }
    std::uint32_t pop_bottom() {
        auto const bottom = bottom_.load(relaxed) - 1; // own word
        bottom_.store(bottom, seq_cst); // against steal: this store, then that load; there top first, then bottom
        auto const top = top_.load(seq_cst);
        auto const value = values_[static_cast<std::size_t>(bottom) % values_.size()].load(relaxed); // own value
        if (top < bottom) return value;
        bool const taken = top == bottom && step(top, fault_ == fault::owner_stores);
        bottom_.store(bottom + 1, release); // [pushed] again
        return taken ? value : 0;
    }
    weir::stolen<std::uint32_t> steal() {
        auto const top = top_.load(seq_cst);
        if (top >= bottom_.load(seq_cst)) return {steal_status::empty, 0}; // [pushed]
        if (fault_ == fault::gives_up && top % 64 == 0) return {steal_status::lost, 0};
        auto const value = values_[static_cast<std::size_t>(top) % values_.size()].load(relaxed); // [pushed] ordered it
        if (!step(top, fault_ == fault::thief_stores)) return {steal_status::lost, 0};
        return {steal_status::taken, value};
    }

private:
    bool step(std::int64_t top, bool stores) {
        if (!stores) return top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed);
        dawdle();
        top_.store(top + 1, seq_cst);
        return true;
    }

    fault const fault_;
    std::array<weir::atomic<std::uint32_t>, 1 << 16> values_{};
    alignas(weir::cache_line) weir::atomic<std::int64_t> top_{0};
    alignas(weir::cache_line) weir::atomic<std::int64_t> bottom_{0};
};

} // namespace

TEST_CASE("the ring of one producer and one consumer is linearizable", "[stress][linearizability][spsc]") {
    std::size_t met = 0;
    for (std::size_t const capacity : {1u, 2u, 8u}) {
        for (std::size_t const most : {1u, 4u}) {
            CAPTURE(capacity, most);
            weir::spsc<std::uint32_t> queue{capacity};
            met += check(fifo{queue.capacity()}, played(queue, 2, scaled(2500), most));
        }
    }
    check_that_many(met);
}

TEST_CASE("the ring of many is linearizable, but for ends that wait for calls under way",
          "[stress][linearizability][mpmc]") {
    std::size_t met = 0;
    for (std::size_t const capacity : {1u, 2u, 8u}) {
        for (std::size_t const most : {1u, 4u}) {
            CAPTURE(capacity, most);
            weir::mpmc<std::uint32_t> queue{capacity};
            met += check(fifo{queue.capacity(), fifo::answers::in_flight}, played(queue, 4, scaled(1250), most));
        }
    }
    check_that_many(met);
}

TEST_CASE("the deque is linearizable, and a steal lost only to another", "[stress][linearizability][deque]") {
    std::size_t met = 0;
    for (int n = 0; n < 3; ++n) {
        weir::deque<std::uint32_t> deque;
        met += check(stealing{}, played(deque, 3, scaled(2000)));
    }
    check_that_many(met);
}

TEST_CASE("a ring that goes wrong at times is noticed", "[stress][linearizability]") {
    using enum broken_ring::fault;
    auto const play = [](broken_ring::fault fault) {
        return [fault] {
            broken_ring ring{fault};
            return played(ring, 2, 100, 1);
        };
    };
    CHECK(linearizable(fifo{2}, play(none)()));
    for (auto const fault : {publishes_first, frees_first, looks_seldom, drops}) {
        CAPTURE(fault);
        CHECK(is_noticed(fifo{2}, play(fault)));
        CHECK(is_noticed(fifo{2, fifo::answers::in_flight}, play(fault)));
    }
}

TEST_CASE("a deque that gives a value twice, or loses a steal for nothing, is noticed", "[stress][linearizability]") {
    using enum broken_deque::fault;
    auto const play = [](broken_deque::fault fault) {
        return [fault] {
            auto const deque = std::make_unique<broken_deque>(fault);
            return played(*deque, 3, 100);
        };
    };
    CHECK(linearizable(stealing{}, play(none)()));
    for (auto const fault : {thief_stores, owner_stores, gives_up}) {
        CAPTURE(fault);
        CHECK(is_noticed(stealing{}, play(fault)));
    }
}
