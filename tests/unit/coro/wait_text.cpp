// tests/unit/coro/wait_text.cpp: words and numbers one behind the other, and no more than there is room for.
#include <weir/coro/wait_text.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <limits>
#include <string>

using namespace weir;

TEST_CASE("words and numbers are added in turn") {
    wait_text text;
    CHECK(text.words().empty());
    text.add("recv on fd ").add(12).add(", ").add(0u).add(" of ").add(-7);
    CHECK(text.words() == "recv on fd 12, 0 of -7");
    wait_text wide;
    wide.add(std::numeric_limits<std::uint64_t>::max()).add(" ").add(std::numeric_limits<std::int64_t>::min());
    CHECK(wide.words() == "18446744073709551615 -9223372036854775808");
}

TEST_CASE("what is too long is cut, and what comes then is dropped") {
    wait_text text;
    std::string const long_words(1000, 'w');
    text.add("begin ").add(long_words).add(" end").add(5);
    CHECK(text.words().starts_with("begin www"));
    CHECK(text.words().ends_with('w'));
    CHECK(text.words().size() < 200);
}
