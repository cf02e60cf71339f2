// tests/unit/io/signals.cpp: a signal is a value that is awaited, one at a time, and none is lost by a cancel.
#include "support/backends.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/signals.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <csignal>
#include <unistd.h>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Made before the runtime, whose threads inherit that the signals are held back.
class signals_first {
public:
    io::signal_set& operator*() noexcept { return set_; }

private:
    io::signal_set set_{SIGUSR1, SIGUSR2};
};

} // namespace

TEST_CASE("a signal that comes before it is awaited, or while it is, is handed out by its number") {
    signals_first signals;
    backend_runtime rt;
    rt->block_on(
        [](io::signal_set& from) -> task<> {
            ::kill(::getpid(), SIGUSR1);
            auto const early = co_await from.next();
            REQUIRE(early.has_value());
            CHECK(*early == SIGUSR1);
            auto const wait = [](io::signal_set& set) -> task<int> {
                auto const got = co_await set.next();
                co_return got ? *got : 0;
            };
            auto const raise = []() -> task<> {
                static_cast<void>(co_await sleep_for(2ms));
                ::kill(::getpid(), SIGUSR2);
            };
            auto const both = co_await when_all(wait(from), raise());
            CHECK(std::get<0>(both) == SIGUSR2);
        },
        std::ref(*signals));
}

TEST_CASE("a cancelled wait for a signal takes none") {
    signals_first signals;
    backend_runtime rt;
    rt->block_on(
        [](io::signal_set& from) -> task<> {
            for (int round = 0; round < 50; ++round) {
                auto const nothing = co_await timeout(from.next(), std::chrono::microseconds{round * 4});
                REQUIRE(!nothing.has_value());
                CHECK(nothing.error() == errc::timed_out);
            }
            ::kill(::getpid(), SIGUSR1);
            auto const got = co_await timeout(from.next(), 5s);
            REQUIRE(got.has_value());
            CHECK(*got == SIGUSR1);
        },
        std::ref(*signals));
}
