// tests/unit/base/immovable.cpp: what derives from immovable stays where it was made.
#include <weir/base/immovable.hpp>

#include <catch2/catch_test_macros.hpp>

#include <type_traits>

namespace {

struct anchored : weir::immovable {
    int value = 7;
};
struct holds_one {
    anchored member;
};

static_assert(!std::is_copy_constructible_v<anchored> && !std::is_move_constructible_v<anchored>);
static_assert(!std::is_copy_assignable_v<anchored> && !std::is_move_assignable_v<anchored>);
static_assert(!std::is_move_constructible_v<holds_one> && !std::is_move_assignable_v<holds_one>);

anchored make() { return anchored{}; } // elided: made where it stays

} // namespace

TEST_CASE("an immovable value is made in place, returned from a function too, and costs no room") {
    anchored const one = make();
    CHECK(one.value == 7);
    CHECK(sizeof(anchored) == sizeof(int));
}
