// tests/docs/queue_between_threads.cpp: the code of docs/guide/queue_between_threads.md, run.
#include "support/watchdog.hpp"

#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/mpmc.hpp>
#include <weir/queue/spsc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("two threads and a ring that wakes and ends") {
    weir::test::watchdog const end{30};
    //! [pair]
    weir::blocking_queue<weir::spsc<int>> samples{1024};

    std::thread producer{[&] {
        for (int n = 1; n <= 100'000; ++n)
            if (!samples.blocking_push(int{n})) return; // the consumer has closed it
        samples.close(); // what is in it is still taken
    }};

    std::int64_t sum = 0;
    while (auto const one = samples.blocking_pop()) sum += *one; // nothing: closed, and drained
    producer.join();
    //! [pair]
    CHECK(sum == std::int64_t{100'000} * 100'001 / 2);
}

TEST_CASE("many values by one call") {
    weir::test::watchdog const end{30};
    weir::blocking_queue<weir::mpmc<int>> jobs{256};
    constexpr int each = 10'000;
    std::vector<std::thread> producers;
    for (int n = 0; n < 2; ++n)
        producers.emplace_back([&] {
            for (int i = 1; i <= each; ++i) jobs.blocking_push(int{i});
        });
    std::int64_t sum = 0;
    std::thread consumer{[&] {
        //! [bulk]
        std::array<int, 64> some;
        while (std::size_t const got = jobs.blocking_pop_n(some)) // waits for one, and takes what else is there
            sum = std::accumulate(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(got), sum);
        //! [bulk]
    }};
    for (auto& one : producers) one.join();
    jobs.close();
    consumer.join();
    CHECK(sum == 2 * (std::int64_t{each} * (each + 1) / 2));
}

TEST_CASE("a wait with an end") {
    weir::blocking_queue<weir::mpmc<int>> jobs{8};
    bool idle = false;
    //! [until]
    auto const next = jobs.blocking_pop_for(5ms);
    if (!next && next.error() == weir::errc::timed_out) idle = true;
    //! [until]
    CHECK(idle);
}

TEST_CASE("a ring that nobody waits for") {
    //! [bare]
    weir::spsc<int> ring{4};
    bool const full = !(ring.try_push(1) && ring.try_push(2) && ring.try_push(3) && ring.try_push(4)) ||
                      !ring.try_push(5); // false: full, and the value is untouched
    auto const first = ring.try_pop();   // nothing when it is empty
    //! [bare]
    CHECK(full);
    CHECK(first == 1);
}
