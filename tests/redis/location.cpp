// tests/redis/location.cpp: URLs of Redis, good ones and bad ones.
#include <redis/location.hpp>
#include <redis/redis_errc.hpp>

#include <catch2/catch_test_macros.hpp>

using redis::location;
using redis::redis_errc;

TEST_CASE("a URL says where Redis is and how to log in") {
    auto const plain = location::parse("redis://localhost").value();
    CHECK(plain.host == "localhost");
    CHECK(plain.port == "6379");
    CHECK(plain.database == 0);
    CHECK_FALSE(plain.logs_in());
    CHECK_FALSE(plain.is_path());
    CHECK(plain.to_string() == "redis://localhost:6379");

    auto const full = location::parse("redis://me:p%40ss%3Aword@[::1]:7000/12").value();
    CHECK(full.host == "::1");
    CHECK(full.port == "7000");
    CHECK(full.user == "me");
    CHECK(full.password == "p@ss:word");
    CHECK(full.database == 12);
    CHECK(full.to_string() == "redis://me@[::1]:7000/12"); // for logs: without the password

    auto const only_password = location::parse("redis://:secret@10.0.0.1/").value();
    CHECK(only_password.user == "default");
    CHECK(only_password.password == "secret");

    auto const local = location::parse("unix://u:p@/run/my%20redis.sock?db=2").value();
    CHECK(local.is_path());
    CHECK(local.path == "/run/my redis.sock");
    CHECK(local.user == "u");
    CHECK(local.database == 2);
    CHECK(local.to_string() == "unix://u@/run/my redis.sock?db=2");
}

TEST_CASE("what is no location is refused, and so is TLS, by another name") {
    for (auto const* text : {"", "localhost", "http://localhost", "redis://", "redis://:6379", "redis://h:",
                             "redis://h:0",
                             "redis://h:65536", "redis://h:6a", "redis://h/x", "redis://h/1/2", "redis://user@h",
                             "redis://user:@h", "redis://u:%4@h", "redis://u:%00@h", "redis://u:%zz@h", "redis://[::1",
                             "redis://[::1]6379", "redis://h/-1", "unix://", "unix:///", "unix://host/p",
                             "unix:///path?x=1", "unix:///path?db=", "unix:///path?db=a"}) {
        CAPTURE(text);
        CHECK(location::parse(text).error() == redis_errc::bad_location);
    }
    CHECK(location::parse("rediss://localhost").error() == weir::errc::unsupported);
}

TEST_CASE("an error of Redis has a code by its first word") {
    CHECK(redis::code_of("WRONGTYPE Operation against a key") == redis_errc::wrong_type);
    CHECK(redis::code_of("NOAUTH Authentication required.") == redis_errc::not_allowed);
    CHECK(redis::code_of("LOADING") == redis_errc::not_ready);
    CHECK(redis::code_of("OOM command not allowed") == redis_errc::out_of_memory);
    CHECK(redis::code_of("ERR syntax error") == redis_errc::refused);
    CHECK(redis::code_of("") == redis_errc::refused);
    for (int n = 1; n <= static_cast<int>(redis_errc::refused); ++n)
        CHECK(make_error_code(static_cast<redis_errc>(n)).message().find("unknown") == std::string::npos);
    CHECK(make_error_code(redis_errc{99}).message().find("99") != std::string::npos);
}
