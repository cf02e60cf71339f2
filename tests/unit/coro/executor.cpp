// tests/unit/coro/executor.cpp: jobs, and references to who runs them.
#include "support/manual_executor.hpp"

#include <weir/coro/executor.hpp>

#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

class notes : public job {
public:
    notes(std::vector<int>& into, int number) noexcept
        : job{[](job& self) noexcept {
              auto& mine = static_cast<notes&>(self);
              mine.into_.push_back(mine.number_);
          }},
          into_{into}, number_{number} {}

private:
    std::vector<int>& into_;
    int number_;
};

} // namespace

TEST_CASE("a posted job runs later, and once") {
    manual_executor runs;
    executor_ref const here{runs};
    std::vector<int> ran;
    notes first{ran, 1};
    notes second{ran, 2};
    here.post(first);
    here.post_last(second); // the default: as post
    CHECK(ran.empty());
    runs.run_all();
    CHECK(ran == std::vector<int>{1, 2});
}

TEST_CASE("a reference is empty until it refers to an executor, and equal to those to the same one") {
    manual_executor one;
    manual_executor other;
    CHECK(!executor_ref{});
    CHECK(executor_ref{one});
    CHECK(executor_ref{one} == executor_ref{one});
    CHECK(executor_ref{one} != executor_ref{other});
}
