// tests/unit/runtime/watchdog.cpp: interrupts that come at the deadline, and none that comes after the work.
#include <weir/runtime/watchdog.hpp>

#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <dirent.h>
#include <memory>
#include <stdexcept>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;

namespace {

// Computes until it is told to stop.
auto endless(std::atomic<bool>& told) {
    return [&told] {
        while (!told.load()) {}
        return clock::now();
    };
}

std::size_t threads_here() {
    std::size_t count = 0;
    DIR* const tasks = ::opendir("/proc/self/task");
    while (dirent const* const each = ::readdir(tasks)) count += each->d_name[0] != '.';
    ::closedir(tasks);
    return count;
}

interrupt_options once() {
    interrupt_options options;
    options.repeat = duration::zero();
    return options;
}

} // namespace

TEST_CASE("work that goes on for too long is interrupted at its deadline, from another thread, and not before") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    for (auto const allowed : {0ms, 1ms, 20ms}) {
        std::atomic<bool> told{false};
        clock::time_point called;
        std::thread::id by;
        auto const at = clock::now() + allowed;
        auto const ended = dog.with_interrupt(at, [&] {
            if (told) return; // it may be called several times, and only the first counts
            by = std::this_thread::get_id();
            called = clock::now();
            told = true;
        }, endless(told));
        CHECK(called >= at);
        CHECK(by != std::this_thread::get_id());
        CHECK(ended - at < (test::sanitized ? 200ms : 50ms)); // much less where the machine is not busy
    }
}

TEST_CASE("work that ends in time is not interrupted, and its value or exception comes through") {
    weir::watchdog dog;
    std::atomic<int> interrupts{0};
    auto const count = [&] { ++interrupts; };
    CHECK(dog.with_interrupt(clock::now() + 1h, count, [] { return 5; }) == 5);
    int here = 0;
    int& same = dog.with_interrupt(clock::now() + 1h, count, [&]() -> int& { return here; });
    CHECK(&same == &here);
    auto owned = dog.with_interrupt(no_deadline, count, [] { return std::make_unique<int>(3); });
    CHECK(*owned == 3);
    dog.with_interrupt(clock::now() + 1h, count, [] {});
    CHECK_THROWS_AS(dog.with_interrupt(clock::now() + 1h, count, [] { throw std::runtime_error("by itself"); }),
                    std::runtime_error);
    std::this_thread::sleep_for(5ms);
    CHECK(interrupts == 0);
}

TEST_CASE("no interrupt comes after the work has returned, however close it comes to its deadline") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    // What the interrupt uses ends with the work: a late one would use it after its end.
    std::atomic<int> came{0};
    auto const worker = [&](int seed) {
        auto const rounds = static_cast<int>(test::scaled(3000));
        for (int n = 0; n < rounds; ++n) {
            auto const used = std::make_unique<int>(0);
            std::atomic<bool> over{false};
            auto const at = clock::now() + std::chrono::microseconds{(n * 37 + seed) % 200};
            dog.with_interrupt(at, [&] {
                if (over) came = -1'000'000;
                ++*used;
                ++came;
            }, [&] {
                while (clock::now() < at) {}
                for (int volatile spin = 0; spin < n * 61 % 3000;) spin = spin + 1;
            }, n % 2 ? interrupt_options{} : once());
            over = true;
        }
    };
    std::thread other{worker, 11};
    worker(0);
    other.join();
    CHECK(came > 0); // some did come, so the race was run
}

TEST_CASE("an interrupt that was forgotten is repeated, until the work is over") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    std::atomic<int> interrupts{0};
    dog.with_interrupt(clock::now(), [&] { ++interrupts; }, [&] {
        while (interrupts < 4) std::this_thread::yield();
    });
    int const then = interrupts;
    std::this_thread::sleep_for(15ms);
    CHECK(interrupts == then);

    interrupts = 0;
    dog.with_interrupt(clock::now(), [&] { ++interrupts; }, [&] { std::this_thread::sleep_for(30ms); }, once());
    CHECK(interrupts == 1);
}

TEST_CASE("an interrupt that is under way is waited for") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    std::atomic<bool> inside{false}, through{false};
    dog.with_interrupt(clock::now(), [&] {
        inside = true;
        std::this_thread::sleep_for(20ms);
        through = true;
    }, [&] {
        while (!inside) std::this_thread::yield();
    }, once());
    CHECK(through);
}

TEST_CASE("a stop is as good as a deadline, before the work and during it") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    stop_source stop;
    interrupt_options options;
    options.stop = stop.token();
    std::atomic<bool> told{false}, working{false};
    std::thread stopper{[&] {
        while (!working) std::this_thread::yield();
        stop.request_stop();
    }};
    auto const tell = [&] { told = true; };
    dog.with_interrupt(no_deadline, tell, [&] {
        working = true;
        while (!told) std::this_thread::yield();
    }, options);
    stopper.join();
    told = false;
    dog.with_interrupt(clock::now() + 1h, tell, endless(told), options); // it was stopped before
    CHECK(told);
}

TEST_CASE("deadlines of several threads come in their own order, and an earlier one is not late behind a later one") {
    test::watchdog const watched{60};
    weir::watchdog dog;
    auto const start = clock::now();
    std::atomic<bool> long_told{false};
    clock::time_point long_end, short_end;
    std::atomic<bool> long_works{false};
    std::thread patient{[&] {
        long_end = dog.with_interrupt(start + 150ms, [&] { long_told = true; }, [&] {
            long_works = true;
            while (!long_told) std::this_thread::sleep_for(1ms);
            return clock::now();
        });
    }};
    while (!long_works) std::this_thread::yield();
    std::this_thread::sleep_for(2ms); // now the dog sleeps for the later one
    std::atomic<bool> told{false};
    short_end = dog.with_interrupt(clock::now() + 5ms, [&] { told = true; }, endless(told));
    patient.join();
    CHECK(short_end < long_end);
    CHECK(short_end - start < 140ms);
    CHECK(long_end - start >= 150ms);
}

TEST_CASE("there is no thread before the first use, and one for all of them") {
    test::watchdog const watched{60};
    auto const before = threads_here();
    {
        weir::watchdog dog;
        CHECK(threads_here() == before);
        for (int n = 0; n < 100; ++n) dog.with_interrupt(clock::now() + 1h, [] {}, [] {});
        CHECK(threads_here() == before + 1);
    }
    while (threads_here() != before) std::this_thread::yield(); // joined, it may still be listed for a moment
}

TEST_CASE("the watchdog of the process serves without being made") {
    test::watchdog const watched{60};
    std::atomic<bool> told{false};
    static_cast<void>(with_interrupt(clock::now() + 1ms, [&] { told = true; }, endless(told)));
    CHECK(told);
}
