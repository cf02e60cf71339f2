// tests/unit/runtime/stall_watch.cpp: a job that does not come to an end is reported once, and one that waits is not.
#include "support/watchdog.hpp"

#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

class reports {
public:
    runtime_options options(unsigned workers, std::chrono::milliseconds limit) {
        runtime_options told;
        told.workers = workers;
        told.name = "slow";
        told.stall_limit = limit;
        told.on_stall = [this](stall_report const& one) {
            std::scoped_lock const locked{guard_};
            all_.emplace_back(one.worker, one.so_far);
        };
        return told;
    }
    std::vector<std::pair<std::string, duration>> all() {
        std::scoped_lock const locked{guard_};
        return all_;
    }
    void wait_for(std::size_t count) {
        while (all().size() < count) std::this_thread::sleep_for(1ms);
    }

private:
    std::mutex guard_;
    std::vector<std::pair<std::string, duration>> all_;
};

} // namespace

TEST_CASE("a job that holds its worker is reported while it runs, by its worker's name, and once") {
    test::watchdog const watched{20};
    reports seen;
    runtime rt{seen.options(1, 20ms)};
    rt.block_on([](reports& heard) -> task<> {
        heard.wait_for(1); // this very job: it is reported before it ends
        std::this_thread::sleep_for(50ms);
        co_return;
    }, std::ref(seen));
    rt.block_on([](reports& heard) -> task<> {
        heard.wait_for(2); // another one is another stall
        co_return;
    }, std::ref(seen));
    auto const all = seen.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].first == "slow-0");
    CHECK(all[0].second >= 20ms);
}

TEST_CASE("a worker that waits, and one whose tasks give way, are not reported") {
    test::watchdog const watched{20};
    reports seen;
    runtime rt{seen.options(2, 200ms)};
    rt.block_on([]() -> task<> {
        static_cast<void>(co_await sleep_for(500ms));
        auto const until = clock::now() + 500ms;
        while (clock::now() < until) co_await yield();
    });
    CHECK(seen.all().empty());
}

TEST_CASE("the runtime of the current thread is watched, too") {
    test::watchdog const watched{20};
    reports seen;
    auto options = seen.options(1, 10ms);
    options.current_thread = true;
    runtime rt{options};
    rt.block_on([](reports& heard) -> task<> {
        heard.wait_for(1);
        co_return;
    }, std::ref(seen));
    CHECK(seen.all().size() == 1);
}
