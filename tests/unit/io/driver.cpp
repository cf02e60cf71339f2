// tests/unit/io/driver.cpp: waking and mail, on both backends: none is lost, whenever it comes.
#include "support/watchdog.hpp"

#include <weir/base/atomic.hpp>
#include <weir/io/backend.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<io::driver> open_one(io::backend_choice choice) {
    std::string refusal;
    auto made = io::open_driver(choice, 64, refusal);
    if (!refusal.empty()) SKIP("io_uring is refused here: " << refusal);
    return made;
}

class letter : public job {
public:
    letter() : job{[](job& self) noexcept { ++*static_cast<letter&>(self).count; }} {}
    int* count = nullptr;
};

// How many waits it took; the kernel may end one early, but no driver may spin.
int waits_until(io::driver& one, time_point at) {
    int waits = 0;
    for (; clock::now() < at; ++waits) one.wait_until(at);
    return waits;
}

auto each_choice() { return GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll); }

} // namespace

TEST_CASE("a driver that waits for nothing returns at its time") {
    auto const made = open_one(each_choice());
    CHECK(waits_until(*made, clock::now() + 20ms) < 10);
    made->wait_until(clock::now() - 1s);
    made->wait_until(time_point::min());
}

TEST_CASE("a wake before a wait ends it, and only that one") {
    test::watchdog const watched{20};
    auto const made = open_one(each_choice());
    made->wake();
    made->wake();
    made->wait_until(no_deadline);
    CHECK(waits_until(*made, clock::now() + 10ms) < 10);
}

TEST_CASE("a wake survives looks that do not wait") {
    test::watchdog const watched{20};
    auto const made = open_one(each_choice());
    made->wake();
    made->wait_until(time_point::min());
    made->wait_until(time_point::min());
    made->wait_until(no_deadline);
}

TEST_CASE("mail that is posted while the driver sleeps, wakes, or runs, arrives (ten thousand times)") {
    test::watchdog const watched{50};
    auto const made = open_one(each_choice());
    constexpr int count = 10'000;
    int arrived = 0;
    std::vector<letter> letters(count);
    for (auto& each : letters) each.count = &arrived;
    atomic<int> seen{0};
    std::thread sender{[&] {
        for (int i = 0; i < count; ++i) {
            if (i % 3 == 0) // often the driver sleeps again by now, often it is just about to
                while (seen.load(acquire) != i) std::this_thread::yield();
            made->post(letters[static_cast<std::size_t>(i)]);
        }
    }};
    while (arrived < count) {
        made->wait_until(no_deadline);
        seen.store(arrived, release);
    }
    sender.join();
    CHECK(arrived == count);
}

TEST_CASE("a driver that its thread has retired can be destroyed by another") {
    test::watchdog const watched{20};
    auto const choice = each_choice();
    bool const woken = GENERATE(false, true);
    static_cast<void>(open_one(choice));
    std::unique_ptr<io::driver> made;
    std::thread user{[&] {
        std::string refusal;
        made = io::open_driver(choice, 64, refusal);
        made->wait_until(clock::now() + 2ms); // leaves a wake-up's read behind on io_uring
        if (woken) made->wake();
        made->wait_until(clock::now() + 2ms);
        made->retire();
        made->wake(); // from whom it has not told yet
    }};
    user.join();
    auto const begin = clock::now();
    made.reset();
    CHECK(clock::now() - begin < 2s);
}
