// tests/unit/channel/weight_limit.cpp: what an element weighs, by its bytes or as was said.
#include <weir/channel/weight_limit.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace weir;

static_assert(chunk_limit<no_weight_limit> && chunk_limit<weight_limit<>> && !chunk_limit<int>);

TEST_CASE("what lies in one piece weighs its bytes", "[weight_limit]") {
    weight_limit const bytes{10};
    CHECK(bytes.most() == 10);
    CHECK(bytes.weigh(std::string{"abc"}) == 3);
    CHECK(bytes.weigh(std::vector<std::uint32_t>(3)) == 12);
    std::array<std::uint16_t, 5> const numbers{};
    CHECK(bytes.weigh(std::span{numbers}.first(2)) == 4);
    CHECK(bytes.weigh(std::string{}) == 0);
}

TEST_CASE("an element may weigh what its owner says", "[weight_limit]") {
    weight_limit const tokens{7, [](int element) noexcept { return static_cast<std::size_t>(element * 2); }};
    CHECK(tokens.most() == 7);
    CHECK(tokens.weigh(3) == 6);
}

TEST_CASE("without a limit nothing weighs anything", "[weight_limit]") {
    no_weight_limit const none;
    CHECK(none.most() == std::numeric_limits<std::size_t>::max());
    CHECK(none.weigh(std::string(100, 'x')) == 0);
}
