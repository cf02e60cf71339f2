// tests/unit/channel/place.cpp: a place is room that is kept: used once, or given back.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/channel.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

using place = channel<counted>::place;

task<> reserves(channel<counted>& in, std::optional<result<place>>& into) { into.emplace(co_await in.reserve()); }
task<> receives(channel<counted>& from, std::vector<int>& seen) {
    auto const got = co_await from.recv();
    seen.push_back(got ? got->value : -got.error().value());
}

} // namespace

TEST_CASE("a place that is held counts against the room until it is used or given back (C2)", "[channel]") {
    channel<counted> values{2};
    auto first = values.try_reserve();
    auto second = values.try_reserve();
    REQUIRE(first);
    REQUIRE(second);
    CHECK_FALSE(values.try_reserve());
    CHECK_FALSE(values.try_send(counted{1}));
    CHECK(values.size() == 0);
    first.send(counted{5});
    CHECK_FALSE(first);
    CHECK_FALSE(values.try_send(counted{1})); // the value has taken the place's room
    second = place{};
    CHECK(values.try_send(counted{6}));
    CHECK(values.try_recv()->value == 5);
    CHECK(values.try_recv()->value == 6);
}

TEST_CASE("a place moves, and the one assigned to gives back first", "[channel]") {
    channel<counted> values{2};
    auto first = values.try_reserve();
    auto second = values.try_reserve();
    first = std::move(second);
    CHECK(values.try_send(counted{1}));
    CHECK_FALSE(values.try_reserve());
    place third{std::move(first)};
    CHECK_FALSE(first);
    third.send(counted{2});
    CHECK(values.size() == 2);
}

TEST_CASE("who waits for a place gets the one that is given back, before anybody else", "[channel]") {
    manual_executor runs;
    channel<counted> values{1};
    auto held = values.try_reserve();
    std::optional<result<place>> got;
    started waits{reserves(values, got), context{runs}};
    CHECK_FALSE(got);
    held = place{};
    CHECK_FALSE(values.try_reserve());
    CHECK_FALSE(got); // woken, but not inside the call
    runs.run_all();
    REQUIRE(got);
    CHECK(got->has_value());
    got.reset();
    CHECK(values.try_reserve());
}

TEST_CASE("a place that was handed over survives the stop, and goes back when nobody looks (T7)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    auto held = values.try_reserve();
    std::optional<result<place>> got;
    started waits{reserves(values, got), context{runs}.with_stop(stop.token())};
    held = place{};
    stop.request_stop();
    runs.run_all();
    REQUIRE(got);
    CHECK(got->has_value());
    got.reset();
    CHECK(values.try_reserve());
}

TEST_CASE("a stopped wait for a place holds nothing (T7)", "[channel]") {
    manual_executor runs;
    stop_source stop;
    channel<counted> values{1};
    std::optional<result<place>> got;
    {
        auto held = values.try_reserve();
        started waits{reserves(values, got), context{runs}.with_stop(stop.token())};
        stop.request_stop();
        runs.run_all();
        REQUIRE(got);
        CHECK(got->error() == errc::cancelled);
    }
    CHECK(values.try_reserve());
}

TEST_CASE("after a close receivers wait for the places that are held, and for nothing else (C3)", "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<counted> values{2};
    auto used = values.try_reserve();
    auto dropped = values.try_reserve();
    std::optional<result<place>> refused;
    started reserver{reserves(values, refused), where};
    std::vector<int> seen;
    started first{receives(values, seen), where};
    started second{receives(values, seen), where};
    values.close();
    runs.run_all();
    REQUIRE(refused);
    CHECK(refused->error() == errc::closed);
    CHECK(seen.empty());
    used.send(counted{3});
    runs.run_all();
    CHECK(seen == std::vector{3});
    started third{receives(values, seen), where};
    CHECK(seen.size() == 1);
    dropped = place{};
    runs.run_all();
    CHECK(seen == std::vector{3, -static_cast<int>(errc::closed), -static_cast<int>(errc::closed)});
}

TEST_CASE("a place used for a receiver who waits leaves its room to a sender who waits (C1)", "[channel]") {
    manual_executor runs;
    context const where{runs};
    channel<counted> values{1};
    auto held = values.try_reserve();
    std::vector<int> seen;
    started receiver{receives(values, seen), where};
    auto const sends = [](channel<counted>& to) -> task<bool> {
        auto const sent = co_await to.send(counted{9});
        co_return sent.has_value();
    };
    started sender{sends(values), where};
    CHECK_FALSE(sender.done());
    held.send(counted{8});
    runs.run_all();
    CHECK(seen == std::vector{8});
    REQUIRE(sender.done());
    CHECK(sender.take());
    CHECK(values.try_recv()->value == 9);
}
