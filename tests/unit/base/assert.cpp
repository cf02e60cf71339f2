// tests/unit/base/assert.cpp: a programmer's error ends the program with a sentence that says which.
#include "dies.hpp"

#include <weir/base/assert.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

TEST_CASE("a fatal error aborts with its sentence, file and line") {
    int const line = __LINE__ + 1;
    auto const end = dies([] { WEIR_FATAL("the sky fell"); });
    CHECK(end.aborted);
    CHECK(end.words.find("weir: the sky fell (") != std::string::npos);
    CHECK(end.words.find("assert.cpp:" + std::to_string(line) + ")") != std::string::npos);
}

TEST_CASE("an assertion that holds does nothing, and is a single expression") {
    bool const yes = true;
    if (yes) WEIR_ASSERT(yes, "never said");
    else FAIL("an else behind an assertion belongs to the if before it");
    SUCCEED();
}

TEST_CASE("an assertion that fails ends a build without NDEBUG and is not evaluated in the others") {
    int looked = 0;
    auto const look = [&looked] {
        ++looked;
        return true;
    };
    WEIR_ASSERT(look(), "never said");
    auto const end = dies([] { WEIR_ASSERT(1 + 1 == 3, "arithmetic, with a comma"); });
#if defined(NDEBUG)
    CHECK(looked == 0);
    CHECK_FALSE(end.aborted);
    CHECK(end.words.empty());
#else
    CHECK(looked == 1);
    CHECK(end.aborted);
    CHECK(end.words.find("weir: arithmetic, with a comma (") != std::string::npos);
#endif
}
