// examples/2_pipeline.cpp: numbers that pass through three threads: one makes them, two square them, one adds up.
// One idea: queues join threads. Between two that know each other a ring is the quickest; where many push, one without a
// bound never holds them up. `close` tells that no more will come, and what is in the queue is still taken.
#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/spsc.hpp>
#include <weir/queue/unbounded.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <thread>

namespace {

using number = std::uint64_t;

// A queue alone never waits: its verbs are try_push and try_pop. `blocking_queue` makes of it one on which threads sleep.
using ring = weir::blocking_queue<weir::spsc<number>>;          // one producer and one consumer, and a bound
using meeting_point = weir::blocking_queue<weir::unbounded<number>>; // any number of both, and none

// Needs: to be the only one who pushes to `into`.
void make(number from, number to, ring& into) {
    for (number n = from; n < to; ++n) static_cast<void>(into.blocking_push(number{n})); // sleeps while it is full
    into.close();
}

// Needs: to be the only one who pops from `from`.
void square(ring& from, meeting_point& into) {
    while (auto const n = from.blocking_pop()) static_cast<void>(into.try_push(*n * *n)); // there is always room
} // nothing came: the ring is closed, and empty

} // namespace

int main() {
    constexpr number count = 1'000'000;
    ring low{1024};
    ring high{1024};
    meeting_point squares;

    std::thread first_maker{make, 0, count / 2, std::ref(low)};
    std::thread second_maker{make, count / 2, count, std::ref(high)};
    std::thread first{square, std::ref(low), std::ref(squares)};
    std::thread second{square, std::ref(high), std::ref(squares)};

    number sum = 0;
    number seen = 0;
    std::thread adder{[&] {
        while (auto const one = squares.blocking_pop()) {
            sum += *one;
            ++seen;
        }
    }};
    first_maker.join();
    second_maker.join();
    first.join();
    second.join();
    squares.close(); // those who push to it have ended
    adder.join();

    number const expected = (count - 1) * count * (2 * count - 1) / 6;
    std::printf("%d squares, their sum is %s\n", static_cast<int>(seen), sum == expected ? "right" : "wrong");
}
