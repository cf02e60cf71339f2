// tests/unit/runtime/profile.cpp: stacks add up, and are written so that tools can read them.
#include <weir/runtime/profile.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <string>

using namespace weir;
using Catch::Matchers::ContainsSubstring;

namespace {

profile three() {
    profile one;
    one.add("t;main;left", 3);
    one.add("t;main;right<int&>", 6);
    one.add("t;main", 1);
    one.add("t;main;left", 2);
    return one;
}

std::size_t count(std::string const& text, std::string const& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

} // namespace

TEST_CASE("folded stacks are a line each, with what was added up") {
    CHECK(three().folded() == "t;main 1\nt;main;left 5\nt;main;right<int&> 6\n");
    CHECK(three().samples() == 12);
    CHECK(profile{}.folded().empty());
}

TEST_CASE("a name is counted once a stack, and only as a whole") {
    auto one = three();
    one.add("t;fib;fib;fib", 4);
    CHECK(one.samples_with("fib") == 4);
    CHECK(one.samples_with("main") == 12);
    CHECK(one.samples_with("t") == 16);
    CHECK(one.samples_with("lef") == 0);
}

TEST_CASE("the picture stands alone: a box with a title for each place, as wide as its share, and no script") {
    auto const picture = three().svg("a & b");
    CHECK_THAT(picture, ContainsSubstring("<svg xmlns="));
    CHECK_THAT(picture, ContainsSubstring(">a &amp; b</text>"));
    CHECK(count(picture, "<title>") == 5); // all, t, main, left, right
    CHECK(count(picture, "<g>") == count(picture, "</g>"));
    CHECK_THAT(picture, ContainsSubstring("<title>right&lt;int&amp;&gt; (6 samples, 50.00 %)</title>"));
    CHECK_THAT(picture, ContainsSubstring("<title>main (12 samples, 100.00 %)</title>"));
    CHECK_THAT(picture, ContainsSubstring("x=\"0.0\" y=\"40\" width=\"499.7\"")); // left: 5 of 12, on top
    CHECK_THAT(picture, ContainsSubstring("x=\"500.0\" y=\"40\" width=\"599.7\"")); // right, beside it
    CHECK(count(picture, "script") == 0);
    CHECK(count(picture, "http") == 1); // the name of the format
}

TEST_CASE("a box too narrow to be seen is left out, and a long name is cut") {
    profile one;
    one.add("wide;" + std::string(400, 'x'), 1'000'000);
    one.add("wide;narrow", 1);
    auto const picture = one.svg("");
    CHECK(count(picture, "narrow") == 0);
    CHECK_THAT(picture, ContainsSubstring("xx..</text>"));
    CHECK_THAT(profile{}.svg("nothing"), ContainsSubstring("</svg>"));
}

TEST_CASE("control characters of a name do not reach the picture") {
    profile one;
    one.add("a\x01" "b");
    CHECK_THAT(one.svg(""), ContainsSubstring("<title>a b (1"));
}
