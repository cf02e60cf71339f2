// tests/unit/channel/unbounded_tally.cpp: what the word says after each step, and who may take what is ready.
#include <weir/channel/unbounded_tally.hpp>

#include <catch2/catch_test_macros.hpp>

using weir::detail::unbounded_tally;

TEST_CASE("what was pushed is ready, and what was not pushed is not", "[unbounded_tally]") {
    unbounded_tally tally;
    REQUIRE(tally.begin_send());
    CHECK(tally.now().ready() == 0);
    CHECK(tally.end_send(true).ready() == 1);
    REQUIRE(tally.begin_send());
    CHECK(tally.end_send(false).ready() == 1);
    CHECK(tally.claim(5) == 1);
    CHECK(tally.claim(5) == 0);
}

TEST_CASE("a claim takes at most what is asked for", "[unbounded_tally]") {
    unbounded_tally tally;
    for (int n = 0; n < 5; ++n) {
        REQUIRE(tally.begin_send());
        CHECK_FALSE(tally.end_send(true).calls()); // nobody waits
    }
    CHECK(tally.claim(2) == 2);
    CHECK(tally.claim(2) == 2);
    CHECK(tally.claim(2) == 1);
}

TEST_CASE("while it is awaited what is ready belongs to those who wait", "[unbounded_tally]") {
    unbounded_tally tally;
    CHECK(tally.await().awaited());
    REQUIRE(tally.begin_send());
    CHECK(tally.end_send(true).calls());
    CHECK(tally.claim(1) == 0);
    CHECK(tally.await().ready() == 1);
    CHECK_FALSE(tally.promise(1).calls());
    tally.nobody_waits();
    REQUIRE(tally.begin_send());
    CHECK_FALSE(tally.end_send(true).calls());
    CHECK(tally.claim(1) == 1);
}

TEST_CASE("nobody begins to wait while something is ready, or when all has ended", "[unbounded_tally]") {
    unbounded_tally tally;
    REQUIRE(tally.begin_send());
    tally.end_send(true);
    CHECK_FALSE(tally.await().awaited());
    CHECK(tally.claim(1) == 1);
    tally.close();
    CHECK_FALSE(tally.await().awaited());
    CHECK(tally.look().ended());
}

TEST_CASE("the end comes when the last send that had begun is over, and what it left is taken", "[unbounded_tally]") {
    unbounded_tally tally;
    REQUIRE(tally.begin_send());
    CHECK(tally.await().awaited());
    CHECK_FALSE(tally.close().ended()); // a send is under way
    CHECK_FALSE(tally.begin_send());
    auto const after = tally.end_send(true);
    CHECK(after.calls());
    CHECK_FALSE(after.ended());
    CHECK(tally.promise(1).ended());
    CHECK(tally.now().closed());
}
