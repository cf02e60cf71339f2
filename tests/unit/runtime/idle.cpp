// tests/unit/runtime/idle.cpp: who is woken for new work, and who must look once more before it sleeps.
#include <weir/runtime/idle.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace weir;

TEST_CASE("nobody is woken while all are awake, or while one searches") {
    idle_workers idle{2};
    CHECK(!idle.pick_sleeper());
    idle.fall_asleep(1, false);
    CHECK(idle.start_searching());
    CHECK(!idle.pick_sleeper());
    CHECK(idle.stop_searching());
    CHECK(idle.pick_sleeper() == 1u);
}

TEST_CASE("one is woken at a time, the last to fall asleep first, and counts as searching") {
    idle_workers idle{4};
    for (unsigned worker = 0; worker < 4; ++worker) idle.fall_asleep(worker, false);
    CHECK(idle.pick_sleeper() == 3u);
    CHECK(!idle.pick_sleeper());
    CHECK(idle.wake_up(3));
    CHECK(idle.stop_searching());
    CHECK(idle.pick_sleeper() == 2u);
}

TEST_CASE("one that wakes by itself does not search and can no longer be picked") {
    idle_workers idle{2};
    idle.fall_asleep(0, false);
    CHECK(!idle.wake_up(0));
    CHECK(!idle.pick_sleeper());
}

TEST_CASE("at most half of the workers search") {
    idle_workers idle{4};
    CHECK(idle.start_searching());
    CHECK(idle.start_searching());
    CHECK(!idle.start_searching());
    CHECK(!idle.stop_searching());
    CHECK(idle.stop_searching());
}

TEST_CASE("the last searcher that falls asleep looks once more") {
    idle_workers idle{4};
    REQUIRE(idle.start_searching());
    REQUIRE(idle.start_searching());
    CHECK(idle.fall_asleep(0, true) == left_behind::searchers);
    CHECK(idle.fall_asleep(1, true) == left_behind::workers);
    CHECK(idle.fall_asleep(2, false) == left_behind::workers);
    CHECK(idle.fall_asleep(3, false) == left_behind::nobody); // nobody is left who could have pushed since
}

TEST_CASE("a push is told of a sleeper exactly while nobody searches") {
    idle_workers idle{2};
    CHECK(!idle.short_handed()); // all are awake
    idle.fall_asleep(1, false);
    CHECK(idle.short_handed());
    CHECK(idle.start_searching());
    CHECK(idle.searches_alone());
    CHECK(!idle.short_handed());
    CHECK(idle.stop_searching());
    CHECK(idle.short_handed());
    CHECK(idle.pick_sleeper() == 1u);
    CHECK(!idle.short_handed()); // that one searches
}

TEST_CASE("one that was not let search looks once more when nobody searches any longer") {
    // 0 searches, so 1 may not. 0 finds a job and runs it. Work that is published now wakes nobody, since both are awake;
    // 0 will not see it until its job ends, and a job may be long: so 1 must not sleep over it.
    idle_workers idle{2};
    REQUIRE(idle.start_searching());
    REQUIRE(!idle.start_searching());
    REQUIRE(idle.stop_searching());
    REQUIRE(!idle.pick_sleeper()); // the publisher
    CHECK(idle.fall_asleep(1, false) == left_behind::workers);
}
