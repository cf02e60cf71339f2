// tests/unit/flow/loader.cpp: askers of one key share a flight, and the keys of different flights share a call.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/loader.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using weir::context;
using weir::errc;
using weir::event;
using weir::loader;
using weir::loader_options;
using weir::replies;
using weir::stop_source;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;

namespace {

using value = std::unique_ptr<std::string>; // can only be moved
using users = loader<int, value>;
using asked = started<decltype(std::declval<users&>().get(0))>;
using calls = std::vector<std::vector<int>>;

// Finds what is even, once `open` is set.
struct table {
    event open;
    calls seen;

    auto function() {
        return [this](std::span<int> keys, replies<value>& out) -> task<> {
            seen.emplace_back(keys.begin(), keys.end());
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < keys.size(); ++n) {
                if (keys[n] % 2 == 0) out.set(n, std::make_unique<std::string>(std::to_string(keys[n])));
                else out.fail(n, errc::too_long);
            }
        };
    }
};

} // namespace

TEST_CASE("S1: many who ask for a few keys make one call, in which each key is once", "[loader]") {
    manual_executor loop;
    table rows;
    rows.open.set();
    users u{rows.function()};
    std::deque<asked> callers;
    std::vector<int> const keys{4, 2, 4, 3, 2, 4};
    for (int const key : keys) callers.emplace_back(u.get(int{key}), context{loop});
    loop.run_all();
    CHECK(rows.seen == calls{{4, 2, 3}});
    std::string const* four = nullptr;
    for (std::size_t n = 0; n < keys.size(); ++n) {
        auto const got = callers[n].take();
        if (keys[n] == 3) {
            CHECK(got.error() == errc::too_long);
            continue;
        }
        CHECK(***got == std::to_string(keys[n]));
        if (keys[n] != 4) continue;
        if (!four) four = (*got)->get();
        CHECK((*got)->get() == four); // the same object for all
    }
    CHECK(u.flights().leads == 3);
    CHECK(u.flights().joins == 3);
    CHECK(u.batches().items == 3);
    CHECK(u.batches().batches == 1);
}

TEST_CASE("who asks while a call is under way joins its key, and other keys go next together", "[loader]") {
    manual_executor loop;
    table rows;
    users u{rows.function()};
    std::deque<asked> callers;
    callers.emplace_back(u.get(0), context{loop});
    loop.run_all();
    for (int const key : {2, 0, 4, 2}) callers.emplace_back(u.get(int{key}), context{loop});
    loop.run_all();
    CHECK(rows.seen == calls{{0}});
    rows.open.set();
    loop.run_all();
    CHECK(rows.seen == calls{{0}, {2, 4}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B7: with its last asker a key is withdrawn, and nobody else's", "[loader]") {
    manual_executor loop;
    table rows;
    users u{rows.function()};
    asked first{u.get(0), context{loop}};
    loop.run_all();
    stop_source leaves;
    asked gone{u.get(2), context{loop}.with_stop(leaves.token())};
    asked gone_too{u.get(2), context{loop}.with_stop(leaves.token())};
    asked shared{u.get(4), context{loop}.with_stop(leaves.token())};
    asked stays{u.get(4), context{loop}};
    loop.run_all();
    leaves.request_stop();
    loop.run_all();
    rows.open.set();
    loop.run_all();
    CHECK(rows.seen == calls{{0}, {4}});
    CHECK(first.take());
    CHECK(gone.take().error() == errc::cancelled);
    CHECK(gone_too.take().error() == errc::cancelled);
    CHECK(shared.take().error() == errc::cancelled);
    CHECK(stays.take());
    CHECK(u.batches().withdrawn == 1);
}

TEST_CASE("B6: a call that throws fails its keys, and is bisected where that is asked for", "[loader]") {
    manual_executor loop;
    loader_options options;
    options.batches.on_error = weir::on_batch_error::bisect;
    int made = 0;
    loader<int, int> l{[&](std::span<int> keys, replies<int>& out) -> task<> {
                           ++made;
                           co_await weir::yield();
                           for (int const key : keys)
                               if (key == 5) throw std::runtime_error("row");
                           for (std::size_t n = 0; n < keys.size(); ++n) out.set(n, keys[n]);
                       },
                       options};
    std::deque<started<decltype(l.get(0))>> callers;
    for (int key = 0; key < 8; ++key) callers.emplace_back(l.get(int{key}), context{loop});
    loop.run_all();
    for (int key = 0; key < 8; ++key) {
        auto& one = callers[static_cast<std::size_t>(key)];
        if (key == 5) CHECK_THROWS_AS(one.take(), std::runtime_error);
        else CHECK(**one.take() == key);
    }
    CHECK(made == 7);
}

TEST_CASE("the options of both reach them", "[loader]") {
    manual_executor loop;
    table rows;
    loader_options options;
    options.flights.max_waiters = 1;
    options.batches.max_items = 1;
    users u{rows.function(), options};
    asked first{u.get(0), context{loop}};
    asked refused{u.get(0), context{loop}};
    asked second{u.get(2), context{loop}};
    rows.open.set();
    loop.run_all();
    CHECK(refused.take().error() == errc::overloaded);
    CHECK(first.take());
    CHECK(second.take());
    CHECK(rows.seen == calls{{0}, {2}});
}

TEST_CASE("B13: a loader that is closed turns all away, joins what is under way, and may then be destroyed", "[loader]") {
    manual_executor loop;
    table rows;
    auto u = std::make_unique<users>(rows.function());
    asked waits{u->get(0), context{loop}};
    loop.run_all();
    started closer{u->close(), context{loop}};
    asked late{u->get(2), context{loop}};
    loop.run_all();
    CHECK(waits.take().error() == errc::closed);
    CHECK(late.take().error() == errc::closed);
    CHECK(!closer.done()); // the call is under way
    rows.open.set();
    loop.run_all();
    REQUIRE(closer.done());
    closer.take();
    u.reset();
    CHECK(rows.seen == calls{{0}});
}
