// tests/unit/cpu/cpu_set.cpp: sets of CPUs, and the kernel's notation for them.
#include <weir/cpu/cpu_set.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using namespace weir;

TEST_CASE("a set holds what was inserted, beyond 1024 too") {
    cpu_set some{3, 0, 64, 5'000, 3};
    CHECK(some.size() == 4);
    CHECK(some.numbers() == std::vector<unsigned>{0, 3, 64, 5'000});
    CHECK(some.contains(5'000));
    CHECK_FALSE(some.contains(5'001));
    CHECK_FALSE(some.contains(cpu_set::limit));
    CHECK(cpu_set{}.empty());
    CHECK_FALSE(some.empty());
}

TEST_CASE("sets are equal by what they hold and not by how much room they have") {
    cpu_set const wide{1, 900};
    CHECK((wide & cpu_set{1}) == cpu_set{1});
    CHECK((wide & cpu_set{1, 2, 63}) == cpu_set{1});
    auto const narrowed = wide & cpu_set{1, 901};
    CHECK(narrowed == cpu_set{1});
    CHECK(cpu_set{1} == narrowed);
    CHECK_FALSE(wide == cpu_set{1});
    CHECK_FALSE(cpu_set{1} == wide);
    CHECK((wide & cpu_set{}) == cpu_set{});
}

TEST_CASE("the kernel's notation is read") {
    CHECK(cpu_set::parse("").value().empty());
    CHECK(cpu_set::parse("\n").value().empty());
    CHECK(cpu_set::parse("0\n").value() == cpu_set{0});
    CHECK(cpu_set::parse("0-3,8,10-11\n").value() == cpu_set{0, 1, 2, 3, 8, 10, 11});
    CHECK(cpu_set::parse("5,5,4-6").value() == cpu_set{4, 5, 6});
    CHECK(cpu_set::parse("0-2047").value().size() == 2'048);
}

TEST_CASE("what is no list of CPUs is refused") {
    for (char const* const text :
         {"x", "1-", "-1", "3-1", "1,", ",1", "1 2", "1-2-3", "0x1", "4294967296", "1048576", "0-99999999", "1,,2"}) {
        INFO(text);
        CHECK(cpu_set::parse(text).error() == std::errc::invalid_argument);
    }
}
