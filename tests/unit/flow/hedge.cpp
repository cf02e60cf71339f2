// tests/unit/flow/hedge.cpp: a second attempt for what takes long; the first success counts, the loser is joined.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/flow/hedge.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <stdexcept>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// What each attempt does, in order: how long it takes, and how it ends.
struct backend {
    struct act {
        duration takes;
        int gives; // 0: fails; -1: throws
    };
    std::vector<act> acts;
    std::size_t begun = 0;
    int stopped = 0;
    int running = 0;
};

task<result<int>> ask(backend* of) {
    auto const act = of->acts.at(of->begun++);
    ++of->running;
    auto const slept = co_await sleep_for(act.takes);
    --of->running;
    if (!slept) {
        ++of->stopped;
        co_return slept.error();
    }
    if (act.gives < 0) throw std::runtime_error("broken");
    if (act.gives == 0) co_return errc::end_of_stream;
    co_return act.gives;
}

using asked = started<task<result<int>>>;

hedge_options after_an_hour() {
    hedge_options with;
    with.first_delay = 1h;
    with.longest_delay = 100h;
    return with;
}

} // namespace

TEST_CASE("what is quick is asked once") {
    virtual_wheel time;
    manual_executor runs;
    hedger reads{after_an_hour()};
    backend of{{{30min, 7}}};
    asked call{reads.run(ask, &of), context{runs}};
    time.advance_by(40min, runs);
    REQUIRE(call.done());
    CHECK(call.take().value() == 7);
    CHECK(of.begun == 1);
    CHECK(reads.figures().hedged == 0);
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("what takes long is asked again, and whoever answers first wins; the loser is stopped and joined") {
    virtual_wheel time;
    manual_executor runs;
    {
        hedger reads{after_an_hour()};
        backend of{{{10h, 1}, {1h, 2}}};
        asked call{reads.run(ask, &of), context{runs}};
        time.advance_by(61min, runs);
        CHECK(of.begun == 2);
        time.advance_by(2h, runs);
        REQUIRE(call.done());
        CHECK(call.take().value() == 2);
        CHECK(of.stopped == 1);
        CHECK(reads.figures().won == 1);
    }
    {
        hedger reads{after_an_hour()};
        backend of{{{10h, 1}, {100h, 2}}};
        asked call{reads.run(ask, &of), context{runs}};
        time.advance_by(20h, runs);
        REQUIRE(call.done());
        CHECK(call.take().value() == 1);
        CHECK(of.stopped == 1);
        CHECK(of.running == 0);
        CHECK(reads.figures().hedged == 1);
        CHECK(reads.figures().won == 0);
    }
}

TEST_CASE("a failure starts the second attempt at once") {
    virtual_wheel time;
    manual_executor runs;
    hedger reads{after_an_hour()};
    backend of{{{1min, 0}, {1min, 2}}};
    asked call{reads.run(ask, &of), context{runs}};
    time.advance_by(3min, runs);
    REQUIRE(call.done());
    CHECK(call.take().value() == 2);
}

TEST_CASE("a second attempt that fails leaves the first its chance") {
    virtual_wheel time;
    manual_executor runs;
    hedger reads{after_an_hour()};
    backend of{{{10h, 1}, {1min, 0}}};
    asked call{reads.run(ask, &of), context{runs}};
    time.advance_by(2h, runs);
    CHECK(!call.done());
    time.advance_by(10h, runs);
    REQUIRE(call.done());
    CHECK(call.take().value() == 1);
}

TEST_CASE("when both fail the call fails") {
    virtual_wheel time;
    manual_executor runs;
    for (bool const first_is_quick : {true, false}) {
        hedger reads{after_an_hour()};
        backend of{{{first_is_quick ? duration{1min} : duration{10h}, 0}, {1min, 0}}};
        asked call{reads.run(ask, &of), context{runs}};
        time.advance_by(20h, runs);
        REQUIRE(call.done());
        CHECK(call.take().error() == errc::end_of_stream);
        CHECK(of.running == 0);
    }
}

TEST_CASE("an exception ends both") {
    virtual_wheel time;
    manual_executor runs;
    hedger reads{after_an_hour()};
    backend of{{{10h, 1}, {1min, -1}}};
    asked call{reads.run(ask, &of), context{runs}};
    time.advance_by(2h, runs);
    REQUIRE(call.done());
    CHECK_THROWS_AS(call.take(), std::runtime_error);
    CHECK(of.stopped == 1);
}

TEST_CASE("a stop ends whatever is under way") {
    virtual_wheel time;
    manual_executor runs;
    for (duration const when : {duration{1min}, duration{2h}}) {
        stop_source stop;
        hedger reads{after_an_hour()};
        backend of{{{10h, 1}, {10h, 2}}};
        asked call{reads.run(ask, &of), context{runs}.with_stop(stop.token())};
        time.advance_by(when, runs);
        stop.request_stop();
        runs.run_all();
        REQUIRE(call.done());
        CHECK(call.take().error() == errc::cancelled);
        CHECK(of.running == 0);
        CHECK(time.wheel().size() == 0);
    }
}

TEST_CASE("without budget there is no second attempt, and the first decides") {
    virtual_wheel time;
    manual_executor runs;
    retry_budget_options none;
    none.share = 0;
    none.per_second = 1e-9;
    retry_budget budget{none};
    REQUIRE(budget.withdraw());
    hedge_options with = after_an_hour();
    with.budget = &budget;
    for (int const gives : {1, 0}) {
        hedger reads{with};
        backend of{{{10h, gives}, {1min, 2}}};
        asked call{reads.run(ask, &of), context{runs}};
        time.advance_by(20h, runs);
        REQUIRE(call.done());
        auto const answer = call.take();
        CHECK(answer.has_value() == (gives == 1));
        if (gives == 0) CHECK(answer.error() == errc::end_of_stream);
        CHECK(of.begun == 1);
        CHECK(reads.figures().hedged == 0);
    }
}

TEST_CASE("the delay goes to the percentile of what first attempts take") {
    manual_executor runs;
    hedge_options with = after_an_hour();
    with.percentile = 0.9;
    with.least_delay = 1min;
    hedger reads{with};
    jitter chance{11};
    int hedged = 0;
    for (int n = 0; n < 3000; ++n) {
        virtual_wheel time; // begins with the real clock, which sleeps and timeouts are counted from
        backend of{{{chance.below(10h), 1}, {100h, 2}}};
        asked call{reads.run(ask, &of), context{runs}};
        for (int step = 0; step < 44; ++step) time.advance_by(15min, runs);
        REQUIRE(call.done());
        static_cast<void>(call.take());
        if (n >= 1000) hedged += of.begun == 2;
    }
    CHECK(hedged > 2000 * 0.07);
    CHECK(hedged < 2000 * 0.13);
}
