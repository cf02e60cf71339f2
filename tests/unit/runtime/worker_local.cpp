// tests/unit/runtime/worker_local.cpp: one resource a thread: made when it is needed, reset, worn out, and ended at home.
#include <weir/runtime/worker_local.hpp>

#include "support/watchdog.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// What happened to the resources of a test.
struct story {
    std::atomic<int> alive{0};
    std::atomic<int> away_from_home{0}; // uses and ends on another thread than the one that made it
};

// It can neither be moved nor copied, and knows where it was made.
class resource : immovable {
public:
    explicit resource(story& in) : in_{in} { ++in_.alive; }
    ~resource() {
        look();
        --in_.alive;
    }
    int use() {
        look();
        return ++uses_;
    }
    void look() {
        if (home_ != std::this_thread::get_id()) ++in_.away_from_home;
    }

private:
    story& in_;
    std::thread::id const home_ = std::this_thread::get_id();
    int uses_ = 0;
};

class resources {
public:
    explicit resources(story& in) : in_{&in} {}
    resource operator()() const { return resource{*in_}; }

private:
    story* in_;
};

constexpr auto no_reset = [](resource&) {};
constexpr auto use_it = [](resource& it) { return it.use(); };

worker_local_options on(blocking_pool& pool) {
    worker_local_options options;
    options.pool = &pool;
    return options;
}
blocking_options with_threads(unsigned threads) {
    blocking_options options;
    options.threads = threads;
    return options;
}

template <class T>
int use_once(worker_local<T>& locals) {
    return sync_wait([](worker_local<T>& of) -> task<int> {
        auto const used = co_await of.with(use_it);
        co_return *used;
    }(locals));
}

template <class Condition>
void until(Condition holds) {
    while (!holds()) std::this_thread::yield(); // the watchdog ends this
}

} // namespace

TEST_CASE("W2: a thread makes its own on the first use, and finds it again") {
    test::watchdog const watched{60};
    story happened;
    {
        blocking_pool pool{with_threads(1)};
        worker_local<resource> locals{resources{happened}, no_reset, on(pool)};
        CHECK(locals.counts().made == 0);
        for (int n = 1; n <= 5; ++n) CHECK(use_once(locals) == n);
        CHECK(locals.counts().made == 1);
        CHECK(locals.counts().reused == 4);
        CHECK(happened.alive == 1);
    }
    CHECK(happened.alive == 0);
    CHECK(happened.away_from_home == 0);
}

TEST_CASE("W1, W7: uses at the same time have different ones, each that of the thread it runs on") {
    test::watchdog const watched{60};
    story happened;
    {
        blocking_pool pool{with_threads(4)};
        worker_local<resource> locals{resources{happened}, no_reset, on(pool)};
        std::latch together{4};
        auto const use = [](worker_local<resource>& of, std::latch& all) -> task<resource*> {
            auto const used = co_await of.with([&all](resource& it) {
                it.use();
                all.arrive_and_wait();
                return &it;
            });
            co_return *used;
        };
        auto const all = sync_wait(
            when_all(use(locals, together), use(locals, together), use(locals, together), use(locals, together)));
        auto const& [a, b, c, d] = all;
        CHECK(std::set{a, b, c, d}.size() == 4);
        CHECK(locals.counts().made == 4);
    }
    CHECK(happened.away_from_home == 0);
}

TEST_CASE("W7: a use inside a use has another one, on another thread") {
    test::watchdog const watched{60};
    story happened;
    blocking_pool pool{with_threads(2)};
    worker_local<resource> locals{resources{happened}, no_reset, on(pool)};
    auto const differ = sync_wait([](worker_local<resource>& of) -> task<bool> {
        auto const got = co_await of.with([&of](resource& outer) {
            resource* inner = nullptr;
            sync_wait([](worker_local<resource>& in, resource*& to) -> task<> {
                static_cast<void>(co_await in.with([&to](resource& it) { to = &it; }));
            }(of, inner));
            return inner != nullptr && inner != &outer;
        });
        co_return *got;
    }(locals));
    CHECK(differ);
}

TEST_CASE("W3: an exception of make goes to who asked, and the next use tries again") {
    test::watchdog const watched{60};
    story happened;
    std::atomic<int> asked{0};
    blocking_pool pool{with_threads(1)};
    worker_local<resource> locals{[&] {
                                      if (++asked == 1) throw std::runtime_error("no engine today");
                                      return resource{happened};
                                  },
                                  no_reset, on(pool)};
    CHECK_THROWS_AS(use_once(locals), std::runtime_error);
    CHECK(locals.counts().made == 0);
    CHECK(use_once(locals) == 1);
    CHECK(locals.counts().made == 1);
}

TEST_CASE("it is reset after each use, also after one that throws, before the caller hears of it") {
    test::watchdog const watched{60};
    story happened;
    std::atomic<int> resets{0};
    blocking_pool pool{with_threads(1)};
    worker_local<resource> locals{resources{happened}, [&](resource& it) {
                                      it.look();
                                      ++resets;
                                      return true;
                                  },
                                  on(pool)};
    CHECK(use_once(locals) == 1);
    CHECK(resets == 1);
    auto const failing = [](worker_local<resource>& of) -> task<> {
        static_cast<void>(co_await of.with([](resource&) -> int { throw std::logic_error("bad script"); }));
    };
    CHECK_THROWS_AS(sync_wait(failing(locals)), std::logic_error);
    CHECK(resets == 2);
    CHECK(use_once(locals) == 2);
    CHECK(happened.away_from_home == 0);
}

TEST_CASE("one whose reset fails is thrown away, and the caller has its value all the same") {
    test::watchdog const watched{60};
    story happened;
    bool throws = false;
    SECTION("by saying no") { throws = false; }
    SECTION("by an exception") { throws = true; }
    blocking_pool pool{with_threads(1)};
    worker_local<resource> locals{resources{happened}, [throws](resource&) -> bool {
                                      if (throws) throw std::runtime_error("cannot reset");
                                      return false;
                                  },
                                  on(pool)};
    CHECK(use_once(locals) == 1);
    CHECK(happened.alive == 0);
    CHECK(use_once(locals) == 1); // a new one
    auto const counts = locals.counts();
    CHECK(counts.made == 2);
    CHECK(counts.reused == 0);
    CHECK(counts.discarded == 2);
    CHECK(counts.reset_failures == 2);
}

TEST_CASE("one that is worn or too old is thrown away") {
    test::watchdog const watched{60};
    story happened;
    blocking_pool pool{with_threads(1)};
    auto options = on(pool);
    SECTION("after so many uses") {
        options.max_uses = 3;
        worker_local<resource> locals{resources{happened}, no_reset, options};
        for (int n = 0; n < 7; ++n) CHECK(use_once(locals) == n % 3 + 1);
        CHECK(locals.counts().made == 3);
        CHECK(locals.counts().discarded == 2);
        CHECK(locals.counts().reset_failures == 0);
    }
    SECTION("after so long a time, which is looked at before a use") {
        options.max_age = 5ms;
        worker_local<resource> locals{resources{happened}, no_reset, options};
        CHECK(use_once(locals) == 1);
        std::this_thread::sleep_for(6ms);
        CHECK(use_once(locals) == 1);
        CHECK(locals.counts().made == 2);
        CHECK(locals.counts().discarded == 1);
    }
}

TEST_CASE("W8: what a thread has ends with it, when it has been idle for long enough") {
    test::watchdog const watched{60};
    story happened;
    auto how = with_threads(2);
    how.keep_alive = 3ms;
    blocking_pool pool{how};
    worker_local<resource> locals{resources{happened}, no_reset, on(pool)};
    static_cast<void>(use_once(locals));
    until([&] { return happened.alive == 0; });
    CHECK(locals.counts().destroyed == 1);
    CHECK(locals.counts().discarded == 0);
    CHECK(happened.away_from_home == 0);
    CHECK(use_once(locals) == 1);
}

TEST_CASE("what a worker_local leaves behind ends on its own threads, at once where they are idle") {
    test::watchdog const watched{60};
    story happened;
    blocking_pool pool{with_threads(2)};
    auto locals = std::make_unique<worker_local<resource>>(resources{happened}, no_reset, on(pool));
    // Another one on the same threads is not touched.
    worker_local<std::unique_ptr<int>> others{[] { return std::make_unique<int>(5); }, [](std::unique_ptr<int>&) {},
                                              on(pool)};
    std::latch together{2};
    auto const use = [](worker_local<resource>& of, std::latch& all) -> task<int> {
        co_return *co_await of.with([&all](resource& it) {
            all.arrive_and_wait();
            return it.use();
        });
    };
    static_cast<void>(sync_wait(when_all(use(*locals, together), use(*locals, together))));
    auto const read = [](worker_local<std::unique_ptr<int>>& of) -> task<int> {
        co_return *co_await of.with([](std::unique_ptr<int>& it) { return (*it)++; });
    };
    CHECK(sync_wait(read(others)) == 5);
    CHECK(happened.alive == 2);
    locals.reset();
    until([&] { return happened.alive == 0; });
    CHECK(happened.away_from_home == 0);
    CHECK(pool.counts().threads == 2);
    CHECK(others.counts().destroyed == 0);
}

TEST_CASE("a worker_local that ends while its thread is busy: the thread ends what it has after its job") {
    test::watchdog const watched{60};
    story happened;
    blocking_pool pool{with_threads(1)};
    auto locals = std::make_unique<worker_local<resource>>(resources{happened}, no_reset, on(pool));
    static_cast<void>(use_once(*locals));
    std::latch in{1}, out{1};
    std::thread other{[&] {
        sync_wait([](blocking_pool& there, std::latch& begun, std::latch& go_on) -> task<> {
            static_cast<void>(co_await blocking(there, [&] {
                begun.count_down();
                go_on.wait();
            }));
        }(pool, in, out));
    }};
    in.wait();
    locals.reset();
    CHECK(happened.alive == 1); // not from this thread
    out.count_down();
    until([&] { return happened.alive == 0; });
    CHECK(happened.away_from_home == 0);
    other.join();
}

TEST_CASE("W9: resources lie on cache lines of their own") {
    test::watchdog const watched{60};
    blocking_pool pool{with_threads(2)};
    worker_local<int> locals{[] { return 0; }, [](int&) {}, on(pool)};
    std::latch together{2};
    auto const where = [](worker_local<int>& of, std::latch& all) -> task<std::uintptr_t> {
        co_return *co_await of.with([&all](int& it) {
            all.arrive_and_wait();
            return reinterpret_cast<std::uintptr_t>(&it);
        });
    };
    auto const both = sync_wait(when_all(where(locals, together), where(locals, together)));
    auto const& [a, b] = both;
    CHECK(a / 64 != b / 64);
}
