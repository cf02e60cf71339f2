// tests/gateway/limits.cpp: rates of keys, what clients are told of them, and which request ids are taken over.
#include <gateway/admission.hpp>
#include <gateway/request_id.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace std::chrono_literals;

namespace {

weir::time_point at(weir::duration time) { return weir::time_point{1h} + time; }

} // namespace

TEST_CASE("a key that has rested may ask for a minute's worth at once, and then at its rate") {
    gateway::request_rates rates;
    for (int n = 0; n < 30; ++n) {
        auto const said = rates.ask("one", 30, at(0s));
        REQUIRE(said.allowed());
        CHECK(said.limit == 30);
        CHECK(said.remaining == 29 - n);
        CHECK(said.reset == (n + 1) * 2s);
    }
    auto const refused = rates.ask("one", 30, at(0s));
    CHECK_FALSE(refused.allowed());
    CHECK(refused.wait == 2s);
    CHECK(refused.remaining == 0);
    CHECK(refused.reset == 60s);
    CHECK_FALSE(rates.ask("one", 30, at(1999ms)).allowed());
    CHECK(rates.ask("one", 30, at(2s)).allowed());
    CHECK_FALSE(rates.ask("one", 30, at(2s)).allowed());
    CHECK(rates.ask("one", 30, at(120s)).remaining == 29);
}

TEST_CASE("each key has a bucket of its own, whatever their rates") {
    gateway::request_rates rates;
    CHECK(rates.ask("slow", 1, at(0s)).allowed());
    CHECK(rates.ask("slow", 1, at(59s)).wait == 1s);
    CHECK(rates.ask("quick", 6000, at(59s)).remaining == 5999);
    CHECK(rates.ask("slow", 1, at(60s)).allowed());
}

TEST_CASE("a key without a rate is never held up, and told nothing") {
    gateway::request_rates rates;
    http::response response;
    for (int n = 0; n < 1000; ++n) CHECK(rates.ask("one", 0, at(0s)).allowed());
    tell_rate(response, rates.ask("one", 0, at(0s)));
    CHECK(rates.active() == 0);
    std::string written;
    response.write_to(written, {});
    CHECK(written.find("x-ratelimit") == std::string::npos);
}

TEST_CASE("an answer carries the limit, what is left, and until when") {
    gateway::request_rates rates;
    auto const headers = [&] {
        http::response response;
        tell_rate(response, rates.ask("one", 2, at(0s)));
        std::string written;
        response.write_to(written, {});
        return written;
    };
    auto const first = headers();
    CHECK(first.find("x-ratelimit-limit-requests: 2\r\n") != std::string::npos);
    CHECK(first.find("x-ratelimit-remaining-requests: 1\r\n") != std::string::npos);
    CHECK(first.find("x-ratelimit-reset-requests: 30s\r\n") != std::string::npos);
    CHECK(first.find("Retry-After") == std::string::npos);
    static_cast<void>(headers());
    auto const refused = headers();
    CHECK(refused.find("x-ratelimit-remaining-requests: 0\r\n") != std::string::npos);
    CHECK(refused.find("x-ratelimit-reset-requests: 1m0s\r\n") != std::string::npos);
    CHECK(refused.find("Retry-After: 30\r\n") != std::string::npos);
}

TEST_CASE("Retry-After is whole seconds, and never so few that who obeys comes in vain") {
    CHECK(gateway::retry_after(0s) == "1");
    CHECK(gateway::retry_after(1ns) == "1");
    CHECK(gateway::retry_after(1s) == "1");
    CHECK(gateway::retry_after(1001ms) == "2");
}

TEST_CASE("times are written as clients of the API read them") {
    CHECK(gateway::short_text(0ms) == "0ms");
    CHECK(gateway::short_text(999ms) == "999ms");
    CHECK(gateway::short_text(999ms + 1ns) == "1s");
    CHECK(gateway::short_text(1250ms) == "1.25s");
    CHECK(gateway::short_text(1005ms) == "1.005s");
    CHECK(gateway::short_text(6min) == "6m0s");
    CHECK(gateway::short_text(61s) == "1m1s");
}

TEST_CASE("a client's own id is taken over unless it could forge a line") {
    CHECK(gateway::request_id("abc-1.2_3:4/5+6=", "made") == "abc-1.2_3:4/5+6=");
    CHECK(gateway::request_id(std::string(128, 'a'), "made") == std::string(128, 'a'));
    CHECK(gateway::request_id(std::nullopt, "made") == "made");
    for (auto const& wrong : {std::string{}, std::string(129, 'a'), std::string{"two words"}, std::string{"a\"b"},
                              std::string{"a\r\nb"}, std::string{"\xc3\xa4"}, std::string{"a\0b", 3}})
        CHECK(gateway::request_id(wrong, "made") == "made");
}
