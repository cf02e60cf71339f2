// tests/unit/runtime/place_text.cpp: a place is written short, and a word that is none is not taken for one.
#include <weir/runtime/place_text.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <string>

using namespace weir;

namespace {

std::uintptr_t word_of(std::source_location at) {
    std::uintptr_t word = 0;
    std::memcpy(&word, &at, sizeof word);
    return word;
}

} // namespace

TEST_CASE("a place is the file by its last two names, and the line") {
    auto const here = std::source_location::current();
    auto const expected = "runtime/place_text.cpp:" + std::to_string(here.line());
    CHECK(place_text(here) == expected);
    CHECK(place_text(word_of(here)) == expected);
}

TEST_CASE("an unknown place is no text") {
    CHECK(place_text(std::source_location{}).empty());
    CHECK(place_text(word_of(std::source_location{})).empty());
    CHECK(place_text(std::uintptr_t{0}).empty());
}

TEST_CASE("a word that is no place is not followed to where nothing is") {
    CHECK(place_text(std::uintptr_t{24}).empty());
    CHECK(place_text(~std::uintptr_t{7}).empty());
    CHECK(place_text(std::uintptr_t{0x7fff00000001}).empty()); // no pointer of a compiler's
    // Readable, but what should be names is not.
    std::array<std::uintptr_t, 4> const numbers{7, 8, 9, 10};
    CHECK(place_text(reinterpret_cast<std::uintptr_t>(numbers.data())).empty());
    static char const unprintable[] = "\x01\x02\x03";
    std::array<std::uintptr_t, 3> const binary{reinterpret_cast<std::uintptr_t>(unprintable),
                                               reinterpret_cast<std::uintptr_t>(unprintable), 12};
    CHECK(place_text(reinterpret_cast<std::uintptr_t>(binary.data())).empty());
}
