// tests/unit/base/cache_line.cpp: fields that are aligned by cache_line share no line.
#include <weir/base/cache_line.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace {

struct two_writers {
    alignas(weir::cache_line) int producer;
    alignas(weir::cache_line) int consumer;
};

static_assert(std::has_single_bit(weir::cache_line));
static_assert(sizeof(two_writers) == 2 * weir::cache_line);

} // namespace

TEST_CASE("two aligned fields lie on different lines, on the heap and on the stack") {
    auto const line = [](int const& field) { return reinterpret_cast<std::uintptr_t>(&field) / weir::cache_line; };
    two_writers const here{};
    auto* const there = new two_writers{};
    CHECK(line(here.producer) != line(here.consumer));
    CHECK(line(there->producer) != line(there->consumer));
    delete there;
}
