// tests/unit/flow/retry_budget.cpp: extra calls are a share of the calls, and a few a second.
#include <weir/flow/retry_budget.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>

using namespace weir;
using namespace std::chrono_literals;

namespace {

retry_budget_options only_share(double share, double most_saved) {
    retry_budget_options with;
    with.share = share;
    with.per_second = 1e-6;
    with.most_saved = most_saved;
    return with;
}

} // namespace

TEST_CASE("a tenth of the calls may be made again, and the one of the reserve") {
    retry_budget budget{only_share(0.1, 1000)};
    int extra = 0;
    for (int n = 0; n < 1000; ++n) {
        budget.deposit();
        extra += budget.withdraw();
    }
    CHECK(extra == 101);
}

TEST_CASE("a quiet time saves up no more than the most") {
    retry_budget budget{only_share(0.5, 5)};
    for (int n = 0; n < 1000; ++n) budget.deposit();
    int extra = 0;
    while (budget.withdraw()) ++extra;
    CHECK(extra == 6); // with the one of the reserve
}

TEST_CASE("a service that is called rarely may still try a few again each second") {
    retry_budget_options with;
    with.share = 0;
    with.per_second = 2;
    retry_budget budget{with};
    time_point const start{1000h};
    CHECK(budget.withdraw(start));
    CHECK(budget.withdraw(start));
    CHECK(!budget.withdraw(start));
    CHECK(budget.withdraw(start + 500ms));
    CHECK(!budget.withdraw(start + 500ms));
}
