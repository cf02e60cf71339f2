// tests/unit/flow/retry.cpp: again as often as allowed, after growing pauses, never beyond deadline, stop or budget.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/flow/retry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Fails with `error` until its `well`-th call; notes when it was called.
struct backend {
    int well = 0;
    errc error = errc::end_of_stream;
    int calls = 0;
};

task<result<int>> ask(backend* of) {
    if (++of->calls < of->well) co_return of->error;
    co_return of->calls;
}

using asked = started<task<result<int>>>;

retry_options patient(unsigned attempts) {
    retry_options with;
    with.attempts = attempts;
    with.first_pause = 1h;
    with.longest_pause = 4h;
    return with;
}

} // namespace

TEST_CASE("what succeeds at last gives its value, what never does its last error") {
    virtual_wheel time;
    manual_executor runs;
    backend third;
    third.well = 3;
    asked lucky{retry(patient(3), ask, &third), context{runs}};
    backend fourth;
    fourth.well = 4;
    asked unlucky{retry(patient(3), ask, &fourth), context{runs}};
    time.advance_by(24h, runs);
    REQUIRE(lucky.done());
    CHECK(lucky.take().value() == 3);
    REQUIRE(unlucky.done());
    CHECK(unlucky.take().error() == errc::end_of_stream);
    CHECK(fourth.calls == 3);
}

TEST_CASE("pauses double up to the longest, and are drawn from all that lies below") {
    jitter chance{5};
    retry_options with = patient(9);
    with.chance = &chance;
    std::vector<duration> const longest{1h, 2h, 4h, 4h, 4h};
    for (unsigned attempt = 1; attempt <= longest.size(); ++attempt) {
        duration most{0};
        duration least = 24h;
        for (int n = 0; n < 1000; ++n) {
            duration const pause = detail::pause_before(attempt + 0, with);
            most = std::max(most, pause);
            least = std::min(least, pause);
        }
        CHECK(most <= longest[attempt - 1]);
        CHECK(most > longest[attempt - 1] * 9 / 10);
        CHECK(least < longest[attempt - 1] / 10);
    }
    CHECK(detail::pause_before(1000, with) <= 4h); // however often
}

TEST_CASE("what another try would not mend is not tried again") {
    virtual_wheel time;
    manual_executor runs;
    for (errc const hopeless : {errc::cancelled, errc::shut_down, errc::closed, errc::self_deadlock, errc::unsupported,
                                errc::overloaded, errc::circuit_open}) {
        backend of;
        of.well = 9;
        of.error = hopeless;
        asked once{retry(patient(5), ask, &of), context{runs}};
        REQUIRE(once.done());
        CHECK(once.take().error() == hopeless);
        CHECK(of.calls == 1);
    }
}

TEST_CASE("an exception is no failure to be retried") {
    virtual_wheel time;
    manual_executor runs;
    auto const throws = [](int* calls) -> task<result<int>> {
        ++*calls;
        throw std::runtime_error("broken");
        co_return 0;
    };
    int calls = 0;
    asked broken{retry(patient(5), throws, &calls), context{runs}};
    REQUIRE(broken.done());
    CHECK_THROWS_AS(broken.take(), std::runtime_error);
    CHECK(calls == 1);
}

TEST_CASE("a stop ends the pause, with the error of the last try") {
    virtual_wheel time;
    manual_executor runs;
    backend of;
    of.well = 9;
    stop_source stop;
    asked leaving{retry(patient(5), ask, &of), context{runs}.with_stop(stop.token())};
    CHECK(!leaving.done());
    stop.request_stop();
    runs.run_all();
    REQUIRE(leaving.done());
    CHECK(leaving.take().error() == errc::end_of_stream);
    CHECK(of.calls == 1);
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a pause that would outlast the deadline is not begun") {
    virtual_wheel time;
    manual_executor runs;
    backend of;
    of.well = 9;
    asked hurried{retry(patient(50), ask, &of), context{runs}.with_deadline(time.origin() + 1ns)};
    REQUIRE(hurried.done());
    CHECK(hurried.take().error() == errc::end_of_stream);
    CHECK(of.calls == 1);
}

TEST_CASE("tries beyond the first come out of the budget, which calls fill by a share") {
    virtual_wheel time;
    manual_executor runs;
    retry_budget_options tenth;
    tenth.share = 0.1;
    tenth.per_second = 1e-6;
    tenth.most_saved = 5;
    retry_budget budget{tenth};
    REQUIRE(budget.withdraw()); // the reserve holds one
    REQUIRE(!budget.withdraw());
    retry_options with = patient(2);
    with.budget = &budget;
    int calls = 0;
    for (int n = 0; n < 1000; ++n) {
        backend of;
        of.well = 9;
        asked failing{retry(with, ask, &of), context{runs}};
        time.advance_by(2h, runs);
        REQUIRE(failing.done());
        static_cast<void>(failing.take());
        calls += of.calls;
    }
    CHECK(calls >= 1099);
    CHECK(calls <= 1100);
}

TEST_CASE("each try gets the same arguments") {
    virtual_wheel time;
    manual_executor runs;
    auto const hold = [](std::shared_ptr<int>& value) -> task<result<int>> {
        if (++*value < 3) co_return errc::end_of_stream;
        co_return static_cast<int>(value.use_count());
    };
    auto value = std::make_shared<int>(0);
    asked shared{retry(patient(3), hold, value), context{runs}};
    time.advance_by(24h, runs);
    REQUIRE(shared.done());
    CHECK(shared.take().value() == 2); // ours and the frame's
}

TEST_CASE("who knows that what was shed is soon let in says so, and it is tried again") {
    virtual_wheel time;
    manual_executor runs;
    backend of;
    of.well = 2;
    of.error = errc::overloaded;
    retry_options with = patient(5);
    with.retryable = [](std::error_code why) { return why == errc::overloaded || worth_retrying(why); };
    asked again{retry(with, ask, &of), context{runs}};
    time.advance_by(24h, runs);
    REQUIRE(again.done());
    CHECK(again.take().value() == 2);
}
