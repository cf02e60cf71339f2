// tests/unit/runtime/blocking.cpp: calls that block: where they run, what comes back, and what a stop does to them.
#include <weir/runtime/blocking.hpp>

#include "support/counting_new.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

blocking_options with_threads(unsigned threads) {
    blocking_options options;
    options.threads = threads;
    return options;
}

// Occupies threads of a pool until it is told to let them go.
class plug {
public:
    explicit plug(blocking_pool& pool) : pool_{pool}, runs_{context{on_}} {}
    plug(plug const&) = delete;
    plug& operator=(plug const&) = delete;
    ~plug() { pull(); }

    void put() {
        one_.emplace(held(pool_, *this), runs_);
        entered_.wait();
    }
    void pull() {
        if (!one_) return;
        if (!std::exchange(pulled_, true)) out_.count_down();
        while (!one_->done()) on_.run_all();
    }

private:
    static task<> held(blocking_pool& pool, plug& self) {
        static_cast<void>(co_await blocking(pool, [](plug* of) {
            of->entered_.count_down();
            of->out_.wait();
        }, &self));
    }

    blocking_pool& pool_;
    manual_executor on_;
    context runs_;
    std::latch entered_{1};
    std::latch out_{1};
    bool pulled_ = false;
    std::optional<started<task<>>> one_;
};

template <class T>
T run_to_end(manual_executor& on, started<task<T>>& one) {
    while (!one.done())
        if (on.run_all() == 0) std::this_thread::yield();
    return one.take();
}

} // namespace

TEST_CASE("a call runs on another thread, and its value comes back to the executor of who awaits") {
    test::watchdog const watched{60};
    blocking_pool pool;
    auto const [inside, before, after] = sync_wait([](blocking_pool& on) -> task<std::array<std::thread::id, 3>> {
        auto const first = std::this_thread::get_id();
        auto const there = co_await blocking(on, [] { return std::this_thread::get_id(); });
        co_return std::array{*there, first, std::this_thread::get_id()};
    }(pool));
    CHECK(inside != before);
    CHECK(before == after); // P9
}

TEST_CASE("arguments are moved into the frame, what only moves comes back, and a result stays one") {
    test::watchdog const watched{60};
    blocking_pool pool;
    sync_wait([](blocking_pool& on) -> task<> {
        auto text = std::make_unique<std::string>("abc");
        auto longer = co_await blocking(on, [](std::unique_ptr<std::string> of, int times) {
            of->append(static_cast<std::size_t>(times), 'x');
            return of;
        }, std::move(text), 100);
        CHECK((*longer)->size() == 103);

        result<int> const refused = co_await blocking(on, []() -> result<int> { return errc::closed; });
        CHECK(refused.error() == errc::closed);
        result<void> const nothing = co_await blocking(on, [] {});
        CHECK(nothing.has_value());

        std::string here = "far below";
        auto const by_name = [&here] { return here.size(); };
        auto const size = co_await blocking(on, by_name);
        CHECK(*size == 9);
    }(pool));
}

TEST_CASE("P5: an exception of the call is thrown where it is awaited, and the thread goes on") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(1)};
    sync_wait([](blocking_pool& on) -> task<> {
        std::string what;
        try {
            static_cast<void>(co_await blocking(on, []() -> int { throw std::runtime_error("no such page"); }));
        } catch (std::runtime_error const& error) {
            what = error.what();
        }
        CHECK(what == "no such page");
        auto const next = co_await blocking(on, [] { return 7; });
        CHECK(*next == 7);
    }(pool));
    CHECK(pool.counts().started == 1);
}

TEST_CASE("without a pool named it is that of the thread which awaits") {
    test::watchdog const watched{60};
    blocking_pool pool;
    current_guard<blocking_pool> const installed{&pool};
    auto const value = sync_wait([]() -> task<int> {
        auto const got = co_await blocking([](int n) { return n + 1; }, 41);
        co_return *got;
    }());
    CHECK(value == 42);
    CHECK(pool.counts().started == 1);
}

TEST_CASE("P4: a queued call that is stopped never happens, and who waits has the reason of the stop") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(1)};
    plug held{pool};
    held.put();
    manual_executor on;
    stop_source stop;
    std::atomic<bool> ran{false};
    started waits{[](blocking_pool& there, std::atomic<bool>& sees) -> task<std::error_code> {
                      auto const ended = co_await blocking(there, [](std::atomic<bool>* of) { of->store(true); }, &sees);
                      co_return ended.error();
                  }(pool, ran),
                  context{on}.with_stop(stop.token())};
    CHECK(pool.counts().queued == 1);
    stop.request_stop(errc::timed_out);
    CHECK(pool.counts().queued == 0);
    CHECK(run_to_end(on, waits) == errc::timed_out); // while the thread is still busy
    held.pull();
    CHECK_FALSE(ran);
}

TEST_CASE("P4: a call that has begun is not stopped: its value comes, and the frame it uses stays") {
    test::watchdog const watched{60};
    blocking_pool pool;
    manual_executor on;
    stop_source stop;
    std::latch begun{1}, go_on{1};
    started waits{[](blocking_pool& there, std::latch& in, std::latch& out) -> task<int> {
                      int in_frame = 1;
                      auto const got = co_await blocking(there, [&] {
                          in.count_down();
                          out.wait();
                          return in_frame += 4;
                      });
                      co_return got ? *got + in_frame : -1;
                  }(pool, begun, go_on),
                  context{on}.with_stop(stop.token())};
    begun.wait();
    stop.request_stop();
    CHECK(on.run_all() == 0);
    CHECK_FALSE(waits.done());
    go_on.count_down();
    CHECK(run_to_end(on, waits) == 10);
}

TEST_CASE("a stop that came before keeps the call from being offered") {
    blocking_pool pool;
    manual_executor on;
    stop_source stop;
    stop.request_stop();
    started waits{[](blocking_pool& there) -> task<std::error_code> {
                      auto const ended = co_await blocking(there, [] {});
                      co_return ended.error();
                  }(pool),
                  context{on}.with_stop(stop.token())};
    REQUIRE(waits.done()); // without a turn of the executor
    CHECK(waits.take() == errc::cancelled);
    CHECK(pool.counts().threads == 0);
}

TEST_CASE("P7: after the shutdown a call is refused at once") {
    blocking_pool pool;
    CHECK(pool.shutdown() == 0);
    auto const error = sync_wait([](blocking_pool& there) -> task<std::error_code> {
        auto const ended = co_await blocking(there, [] {});
        co_return ended.error();
    }(pool));
    CHECK(error == errc::shut_down);
    CHECK(pool.counts().started == 0);
}

TEST_CASE("P6: the shutdown ends queued calls without calling them, although the threads are busy") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(1)};
    plug held{pool};
    held.put();
    manual_executor on;
    std::atomic<bool> ran{false};
    started waits{[](blocking_pool& there, std::atomic<bool>& sees) -> task<std::error_code> {
                      auto const ended = co_await blocking(there, [](std::atomic<bool>* of) { of->store(true); }, &sees);
                      co_return ended.error();
                  }(pool, ran),
                  context{on}};
    CHECK(pool.shutdown(clock::now() + 20ms) == 1); // the running one is waited for, as long as that was allowed
    CHECK(run_to_end(on, waits) == errc::shut_down);
    CHECK_FALSE(ran);
    held.pull();
}

TEST_CASE("a full queue refuses the next call, which then has not happened") {
    test::watchdog const watched{60};
    auto options = with_threads(1);
    options.queue_limit = 1;
    blocking_pool pool{options};
    plug held{pool};
    held.put();
    manual_executor on;
    auto const call = [](blocking_pool& there) -> task<std::error_code> {
        auto const ended = co_await blocking(there, [] {});
        co_return ended.error();
    };
    started first{call(pool), context{on}};
    started second{call(pool), context{on}};
    CHECK_FALSE(first.done());
    REQUIRE(second.done());
    CHECK(second.take() == errc::overloaded);
    CHECK(pool.counts().refused == 1);
    held.pull();
    CHECK(run_to_end(on, first) == std::error_code{});
}

TEST_CASE("a call allocates nothing once its thread is there") {
    test::watchdog const watched{60};
    blocking_pool pool;
    auto const made = sync_wait([](blocking_pool& there) -> task<std::size_t> {
        static_cast<void>(co_await blocking(there, [] {}));
        std::size_t const before = blocks_made.load();
        for (int n = 0; n < 100; ++n) static_cast<void>(co_await blocking(there, [](int of) { return of; }, n));
        co_return blocks_made.load() - before;
    }(pool));
    CHECK(made == 0);
}

TEST_CASE("P10: a job may offer jobs to its own pool, even where there is one thread") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(1)};
    class child : public job {
    public:
        explicit child(std::latch& done)
            : job{[](job& self) noexcept { static_cast<child&>(self).done_.count_down(); }}, done_{done} {}

    private:
        std::latch& done_;
    };
    std::latch done{1};
    child inner{done};
    auto const offered = sync_wait([](blocking_pool& there, job* of) -> task<result<bool>> {
        co_return co_await blocking(there, [](blocking_pool* in, job* one) { return !in->offer(*one); }, &there, of);
    }(pool, &inner));
    CHECK(*offered);
    done.wait();
    CHECK(pool.counts().started == 1);
}
