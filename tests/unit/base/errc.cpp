// tests/unit/base/errc.cpp: the library's reasons are error codes like any others.
#include <weir/base/errc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <set>
#include <string>
#include <system_error>

using namespace weir;

TEST_CASE("an errc becomes an error code that compares equal to it and to no other") {
    std::error_code const code = errc::cancelled;
    CHECK(code == errc::cancelled);
    CHECK(code != errc::timed_out);
    CHECK(code);
    CHECK(&code.category() == &category());
    CHECK(std::string(code.category().name()) == "weir");
}

TEST_CASE("no reason is the number zero, which means none") {
    for (auto const reason : {errc::cancelled, errc::timed_out, errc::closed, errc::overloaded, errc::self_deadlock,
                              errc::shut_down, errc::end_of_stream, errc::too_long, errc::no_reply, errc::unsupported,
                              errc::circuit_open})
        CHECK(make_error_code(reason));
}

TEST_CASE("each reason has words of its own, and an unknown one names its number") {
    std::set<std::string> words;
    int const last = static_cast<int>(errc::circuit_open);
    for (int value = 1; value <= last; ++value) {
        auto const message = category().message(value);
        CHECK(message.find("unknown") == std::string::npos);
        words.insert(message);
    }
    CHECK(words.size() == static_cast<std::size_t>(last));
    CHECK(category().message(last + 1).find(std::to_string(last + 1)) != std::string::npos);
    CHECK(category().message(0).find("unknown") != std::string::npos);
}

TEST_CASE("an errno becomes the system's code") {
    CHECK(system_error_code(EPIPE) == std::errc::broken_pipe);
    CHECK(system_error_code(ECANCELED) != errc::cancelled); // the number may be equal, the category is not
    CHECK(system_error_code(1) != errc::cancelled);
    CHECK_FALSE(system_error_code(0));
}
