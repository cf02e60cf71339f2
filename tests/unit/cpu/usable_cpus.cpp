// tests/unit/cpu/usable_cpus.cpp: the number of workers follows the mask, the cpuset and the quota.
#include <weir/cpu/usable_cpus.hpp>

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <thread>

using namespace weir;

namespace {

cpu_grant quota(double cpus) {
    cpu_grant granted;
    granted.quota = cpus;
    return granted;
}

cpu_grant only(cpu_set const& cpus) {
    cpu_grant granted;
    granted.cpus = cpus;
    return granted;
}

} // namespace

TEST_CASE("without a limit every CPU of the mask is worth a worker") {
    CHECK(usable_cpus(cpu_set{0, 1, 2, 1'500}, {}) == 4);
}

TEST_CASE("a quota is rounded up, and never below one worker") {
    cpu_set const eight{0, 1, 2, 3, 4, 5, 6, 7};
    CHECK(usable_cpus(eight, quota(1.5)) == 2);
    CHECK(usable_cpus(eight, quota(2)) == 2);
    CHECK(usable_cpus(eight, quota(0.01)) == 1);
    CHECK(usable_cpus(eight, quota(64)) == 8);
    CHECK(usable_cpus(eight, quota(9e18)) == 8);
    CHECK(usable_cpus(cpu_set{}, {}) == 1);
}

TEST_CASE("CPUs count that are both in the mask and in the cpuset") {
    CHECK(usable_cpus(cpu_set{0, 1, 2, 3}, only({2, 3, 4, 5})) == 2);
    CHECK(usable_cpus(cpu_set{0, 1}, only({0, 1, 2, 3})) == 2);
}

TEST_CASE("a cpuset of another machine's numbers does not overrule the mask") {
    CHECK(usable_cpus(cpu_set{0, 1, 2}, only({40, 41})) == 3);
}

TEST_CASE("this process may use a CPU, and no more than its mask has") {
    auto const mask = this_thread_cpus().value();
    CHECK(usable_cpus() >= 1);
    CHECK(usable_cpus() <= mask.size());
}

TEST_CASE("a pinned thread counts one") {
    std::size_t counted = 0;
    auto const first = this_thread_cpus().value().numbers().front();
    std::thread([&] {
        if (pin_this_thread(first)) counted = usable_cpus();
    }).join();
    CHECK(counted == 1);
}
