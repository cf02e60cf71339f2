// tests/fault/runtime.cpp: a runtime that finds no memory or no thread to start with says so, leaves nothing behind, and
// starts the next time; so do drivers and names.
#include "fault/refusal.hpp"
#include "fault/thread_refusal.hpp"
#include "support/counting_new.hpp"
#include "support/sockets.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/backend.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/net/resolve.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace weir;
using namespace weir::test;

namespace {

runtime_options with_workers(unsigned count, io::backend_choice backend = io::backend_choice::automatic) {
    runtime_options options;
    options.workers = count;
    options.backend = backend;
    options.stall_limit = std::chrono::hours{1};
    return options;
}

task<int> seven() { co_return 7; }

// A thread that was joined stands in /proc for a moment longer. Threads of ours come and go only while a test asks.
std::size_t settled_threads() {
    std::size_t fewest = entries_of("task");
    for (auto const until = clock::now() + 50ms; clock::now() < until; std::this_thread::sleep_for(1ms))
        fewest = std::min(fewest, entries_of("task"));
    return fewest;
}
bool settles_at(std::size_t threads) {
    for (auto const until = clock::now() + 20s; entries_of("task") != threads; std::this_thread::sleep_for(1ms))
        if (clock::now() > until) return false;
    return true;
}

// Starts it with little memory.  Returns: whether it runs.
bool starts(runtime& runs, refusal& memory, bool& wrong) {
    bool started = false;
    memory.during([&] {
        try {
            runs.get_executor();
            started = true;
        } catch (std::bad_alloc const&) {
        } catch (...) {
            wrong = true;
        }
    });
    return started;
}

// What the libraries below us keep for themselves at their first use is no leak of ours.
void warm_up() {
    runtime runs{with_workers(2)};
    runs.block_on(&seven);
}

fault start_again(refusal& memory, runtime_options const& options, std::size_t threads) {
    std::size_t const files = entries_of("fd");
    bool wrong = false;
    {
        runtime runs{options};
        bool const started = starts(runs, memory, wrong);
        if (wrong) return "it failed for another reason";
        if (!started && !memory.happened()) return "it failed for nothing";
        if (!started && !settles_at(threads)) return "a thread stayed behind";
        if (runs.block_on(&seven) != 7) return "it does not run";
    }
    return entries_of("fd") == files ? nullptr : "a descriptor stayed behind";
}

} // namespace

TEST_CASE("a runtime that finds no memory to start with throws bad_alloc, and starts the next time", "[runtime]") {
    test::watchdog const watched{60};
    warm_up();
    auto const threads = settled_threads();
    for (auto const backend : {io::backend_choice::automatic, io::backend_choice::epoll}) {
        WEIR_CHECK_REFUSALS(6, [&](refusal& memory) { return start_again(memory, with_workers(2, backend), threads); });
        runtime_options here = with_workers(1, backend);
        here.current_thread = true;
        WEIR_CHECK_REFUSALS(4, [&](refusal& memory) { return start_again(memory, here, threads); });
    }
}

TEST_CASE("who finds no memory to give a running runtime something to do is told so, and may try again", "[runtime]") {
    test::watchdog const watched{60};
    warm_up();
    WEIR_CHECK_REFUSALS(2, [](refusal& memory) -> fault {
        runtime runs{with_workers(2)};
        runs.get_executor();
        int had = 0;
        bool told = false;
        memory.during([&] {
            try {
                had = runs.block_on(&seven);
                static_cast<void>(runs.spawn([]() -> task<> { co_await seven(); }));
            } catch (std::bad_alloc const&) {
                told = true;
            }
        });
        if (told ? !memory.happened() : had != 7) return "it ended in another way";
        if (runs.block_on(&seven) != 7) return "it does not run any more";
        try {
            return runs.shutdown(shutdown_mode::drain).complete() ? nullptr : "a task stayed behind";
        } catch (std::bad_alloc const&) { // of the task that was spawned
            return memory.happened() ? nullptr : "a task failed for nothing";
        }
    });
}

TEST_CASE("a runtime that was never started needs no memory to end", "[runtime]") {
    WEIR_CHECK_REFUSALS(0, [](refusal& memory) -> fault {
        bool failed = false;
        memory.during([&] {
            try {
                runtime const never{with_workers(2)};
            } catch (std::bad_alloc const&) {
                failed = true;
            }
        });
        return failed && !memory.happened() ? "it failed for nothing" : nullptr;
    });
}

TEST_CASE("a runtime for whose nth thread there is no room throws why, joins the others and starts the next time",
          "[runtime]") {
    if (!thread_refusal::works()) SKIP("the sanitizer makes the threads");
    test::watchdog const watched{60};
    warm_up();
    auto const files = entries_of("fd");
    auto const threads = settled_threads();
    for (int n = 0; n < 4; ++n) { // the fourth is that which watches for stalls
        INFO("thread " << n);
        runtime runs{with_workers(3)};
        {
            thread_refusal const refused{n, EAGAIN};
            try {
                runs.block_on(&seven);
                FAIL("it started without a thread");
            } catch (std::system_error const& error) {
                CHECK(error.code() == std::errc::resource_unavailable_try_again);
            }
        }
        CHECK(settles_at(threads));
        CHECK(entries_of("fd") == files);
        CHECK(runs.block_on(&seven) == 7);
    }
    CHECK(settles_at(threads));
}

TEST_CASE("a start whose worker may open no file throws to who started it, and the next one works", "[runtime]") {
    if (!thread_refusal::works()) SKIP("the sanitizers want descriptors of their own");
    test::watchdog const watched{60};
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    auto const seven = []() -> task<int> { co_return 7; };
    for (unsigned const workers : {1u, 2u}) {
        runtime runs{with_workers(workers)};
        auto const open = entries_of("fd");
        auto const none = rlimit{3, before.rlim_max}; // what is open stays open
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
        std::exception_ptr thrown;
        try {
            static_cast<void>(runs.block_on(seven));
        } catch (...) {
            thrown = std::current_exception();
        }
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0); // before a sanitizer looks at it, which opens files
        REQUIRE(thrown);
        std::string said;
        try {
            std::rethrow_exception(thrown);
        } catch (std::runtime_error const& error) {
            said = error.what();
        }
        CHECK(said.starts_with("neither io_uring nor epoll can be had: "));
        CHECK(entries_of("fd") == open);
        CHECK(runs.block_on(seven) == 7);
    }
}

TEST_CASE("P3: a pool whose first thread is refused says so; one that has a thread queues, and runs", "[blocking]") {
    if (!thread_refusal::works()) SKIP("the sanitizer makes the threads");
    test::watchdog const watched{60};
    runtime_options options = with_workers(1);
    options.stall_limit = {};
    runtime runs{options};
    runs.get_executor();
    auto const call = []() -> task<result<int>> { co_return co_await blocking([] { return 7; }); };
    {
        thread_refusal const refused{0, EAGAIN};
        CHECK(runs.block_on(call).error() == std::errc::resource_unavailable_try_again);
    }
    CHECK(runs.block_on(call).value() == 7);
    auto const two = [&]() -> task<int> {
        auto const both = co_await when_all(call(), call());
        co_return std::get<0>(both).value() + std::get<1>(both).value();
    };
    thread_refusal const refused{0, EAGAIN};
    CHECK(runs.block_on(two) == 14);
}

TEST_CASE("a driver for which there is no memory leaves no descriptor", "[io]") {
    std::string refused;
    { auto const warm = io::open_driver(io::backend_choice::automatic, 64, refused); }
    auto const before = entries_of("fd");
    for (auto const backend : {io::backend_choice::automatic, io::backend_choice::epoll})
        WEIR_CHECK_REFUSALS(1, [&](refusal& memory) -> fault {
            bool failed = false;
            {
                std::string why;
                std::unique_ptr<io::driver> made;
                memory.during([&] {
                    try {
                        made = io::open_driver(backend, 64, why);
                    } catch (std::bad_alloc const&) {
                        failed = true;
                    }
                });
                if (failed == (made != nullptr)) return "it was neither made nor refused";
            }
            return entries_of("fd") == before ? nullptr : "a descriptor stayed behind";
        });
}

TEST_CASE("an operation for which there is no memory says so, and the next one works", "[io]") {
    test::watchdog const watched{60};
    for (auto const backend : {io::backend_choice::automatic, io::backend_choice::epoll}) {
        runtime_options options = with_workers(1, backend);
        options.stall_limit = {};
        options.current_thread = true;
        auto const ask = [](refusal* memory) -> task<fault> {
            auto const ends = make_pair_of();
            std::array<std::byte, 8> into{};
            if (::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) != 2) co_return "nothing was sent";
            result<std::size_t> first = errc::closed;
            {
                refusal::shortage const now{*memory};
                first = co_await io::recv(ends.near.ref(), into);
            }
            bool const had = first && *first == 2;
            bool const told = first.error() == std::errc::not_enough_memory && memory->happened();
            if (!had && !told) co_return "it ended in another way";
            if (had && ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) != 2) co_return "nothing more was sent";
            auto const second = co_await io::recv(ends.near.ref(), into);
            if (!second || *second != 2) co_return "the next one does not work";
            co_return nullptr;
        };
        WEIR_CHECK_REFUSALS(0, [&](refusal& memory) -> fault {
            runtime runs{options};
            return runs.block_on(ask, &memory);
        });
    }
}

TEST_CASE("a name for whose look-up there is no memory is told to who asked, and can be asked again", "[resolve]") {
    test::watchdog const watched{60};
    warm_up();
    auto const look_up = [](net::name_query const&) -> result<std::vector<net::address>> {
        return std::vector<net::address>(3, net::address::loopback_v4(80));
    };
    auto const ask = [](net::resolver* names, refusal* memory) -> task<fault> {
        bool had = false;
        bool told = false;
        {
            std::string host = "a name that is too long for the place that a string has for short ones";
            std::string service = "http";
            refusal::shortage const now{*memory};
            try {
                auto const found = co_await names->resolve(std::move(host), std::move(service));
                had = found && found->size() == 3;
            } catch (std::bad_alloc const&) {
                told = memory->happened();
            }
        }
        if (!had && !told) co_return "it ended in another way";
        auto const again = co_await names->resolve("localhost", "http");
        co_await names->close();
        if (!again || again->size() != 3) co_return "who comes later is not served";
        if (names->figures().in_flight != 0) co_return "a look-up stayed behind";
        co_return nullptr;
    };
    WEIR_CHECK_REFUSALS(3, [&](refusal& memory) -> fault {
        runtime_options options = with_workers(1);
        options.stall_limit = {};
        options.current_thread = true;
        runtime runs{options};
        net::resolver names{look_up};
        return runs.block_on(ask, &names, &memory);
    });
}
