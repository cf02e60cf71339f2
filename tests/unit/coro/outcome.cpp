// tests/unit/coro/outcome.cpp: an ending is kept, moved and taken without loss.
#include "support/counted.hpp"

#include <weir/coro/outcome.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <stdexcept>

using namespace weir;
using weir::test::counted;

TEST_CASE("a value is kept once and goes with its outcome") {
    {
        outcome<counted> first;
        CHECK(!first.ready());
        first.set_value(counted{3});
        outcome<counted> second{std::move(first)};
        CHECK(second.ready());
        CHECK(second.take().value == 3);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a reference comes back as the same object, an rvalue reference too") {
    int target = 1;
    outcome<int&> by_reference;
    by_reference.set_value(target);
    CHECK(&by_reference.take() == &target);
    auto owned = std::make_unique<int>(2);
    outcome<std::unique_ptr<int>&&> by_rvalue;
    by_rvalue.set_value(owned);
    std::unique_ptr<int> const moved = by_rvalue.take();
    CHECK(*moved == 2);
    CHECK(!owned);
}

TEST_CASE("an exception is thrown again, as often as it is asked for") {
    outcome<int> failed;
    try {
        throw std::runtime_error("kept");
    } catch (...) {
        failed.set_current_exception();
    }
    CHECK(failed.failed());
    outcome<int> moved{std::move(failed)};
    CHECK_THROWS_AS(moved.take(), std::runtime_error);
    CHECK_THROWS_AS(moved.take(), std::runtime_error);
}

TEST_CASE("an assignment that throws leaves the outcome unset, so that the exception can be kept") {
    struct throws {
        throws() = default;
        throws(throws&&) { throw std::runtime_error("move"); }
    };
    outcome<throws> into;
    throws value;
    CHECK_THROWS_AS(into.set_value(std::move(value)), std::runtime_error);
    CHECK(!into.ready());
    into.set_error(std::make_exception_ptr(std::logic_error("kept")));
    CHECK_THROWS_AS(into.take(), std::logic_error);
}
