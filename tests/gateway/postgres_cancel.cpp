// tests/gateway/postgres_cancel.cpp: callers who leave, what becomes of their queries, and who is not to notice.
#if __has_include(<libpq-fe.h>)

#include "gateway/postgres_client.hpp"
#include "gateway/postgres_server.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <string>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using test::count_right;
using test::impatient;
using test::postgres_server;
using client = test::postgres_client;

TEST_CASE("a query that its caller has left is cancelled, and the connection answers the next") {
    auto& server = postgres_server::running();
    auto options = impatient();
    options.connections = 1;
    client c{server.by_socket(), options};
    REQUIRE(c.ask("SELECT 1").has_value());
    auto const begun = weir::clock::now();
    auto const left = c.run([](postgres::pool& from) -> task<std::error_code> {
        auto const got = co_await timeout(from.query("SELECT pg_sleep(30)"), 30ms);
        co_return got.error();
    });
    CHECK(left == errc::timed_out);
    CHECK(weir::clock::now() - begun < 10s);
    auto next = c.ask("SELECT 2");
    REQUIRE(next.has_value());
    CHECK(next->integer(0, 0) == 2);
    CHECK(weir::clock::now() - begun < 20s);
    CHECK(c->figures().opened == 1);
}

TEST_CASE("a query that its caller has left is cancelled although it goes on sending rows") {
    auto options = impatient();
    options.connections = 1;
    client c{postgres_server::running().by_socket(), options};
    REQUIRE(c.ask("SELECT 1").has_value());
    auto const left = c.run([](postgres::pool& from) -> task<std::error_code> {
        char const* const rows = "SELECT repeat('x', 9999), pg_sleep(0.001) FROM generate_series(1, 60000)"; // for 1 min
        auto const got = co_await timeout(from.query(rows), 30ms);
        co_return got.error();
    });
    CHECK(left == errc::timed_out);
    auto const begun = weir::clock::now();
    CHECK(c.ask("SELECT 2").has_value());
    CHECK(weir::clock::now() - begun < 10s);
    CHECK(c->figures().opened == 1);
}

TEST_CASE("a query that its caller has left runs on while somebody waits behind it, and no longer") {
    auto options = impatient();
    options.connections = 1;
    client c{postgres_server::running().by_socket(), options};
    REQUIRE(c.ask("SELECT 1").has_value());
    auto const ends = c.run([](postgres::pool& from) -> task<std::vector<std::error_code>> {
        auto const ask = [](postgres::pool& of, std::string sql, weir::duration patience) -> task<std::error_code> {
            auto const got = co_await timeout(of.query(std::move(sql)), patience);
            co_return got.error();
        };
        std::vector<std::error_code> all;
        auto const first = co_await when_all(ask(from, "SELECT pg_sleep(0.4)", 30ms), ask(from, "SELECT 2", 20s));
        all.push_back(std::get<0>(first));
        all.push_back(std::get<1>(first));
        auto const second = co_await when_all(ask(from, "SELECT pg_sleep(30)", 30ms), ask(from, "SELECT 3", 300ms));
        all.push_back(std::get<1>(second));
        all.push_back(co_await ask(from, "SELECT 4", 10s));
        co_return all;
    });
    CHECK(ends[0] == errc::timed_out);
    CHECK_FALSE(ends[1]);
    CHECK(ends[2] == errc::timed_out);
    CHECK_FALSE(ends[3]);
    CHECK(c->figures().opened == 1);
}

// The query of one ends about when it is cancelled; that of another runs then, or is asked just then.
TEST_CASE("a cancel that comes too late for its query takes no other along") {
    bool const at_once = GENERATE(true, false);
    auto options = impatient();
    options.connections = 1;
    options.grace = 2ms;
    client c{postgres_server::running().by_socket(), options};
    REQUIRE(c.ask("SELECT 1").has_value());
    auto const failed = c.run([at_once](postgres::pool& from) -> task<int> {
        auto const leave = [](postgres::pool& of, double span) -> task<> {
            static_cast<void>(co_await timeout(of.query("SELECT pg_sleep($1::float8)", span), 1ms));
        };
        auto const stay = [](postgres::pool& of, weir::duration after) -> task<bool> {
            static_cast<void>(co_await sleep_for(after));
            auto const got = co_await of.query("SELECT pg_sleep(0.004)");
            co_return got.has_value();
        };
        int bad = 0;
        for (int n = 0; n < 60; ++n) {
            std::chrono::microseconds const after{at_once ? 0 : 2000 + 100 * n};
            auto const both = co_await when_all(leave(from, 0.002 + 0.0001 * n), stay(from, after));
            bad += !std::get<1>(both);
        }
        co_return bad;
    });
    CHECK(failed == 0);
    CHECK(c->figures().opened == 1);
}

TEST_CASE("callers who leave at random do not shift the answers of those who stay") {
    postgres::pool_options options;
    options.connections = 1;
    client c{postgres_server::running().by_socket(), options};
    auto const wrong = c.run([](postgres::pool& from) -> task<int> {
        int bad = 0;
        for (int n = 0; n < 100; ++n) {
            auto const leave = [](postgres::pool& of, int after) -> task<> {
                std::chrono::microseconds const patience{after};
                static_cast<void>(co_await timeout(of.query("SELECT -1, pg_sleep(0.002)"), patience));
            };
            auto const all = co_await when_all(leave(from, n * 37 % 4000), count_right(from, n, 2),
                                               leave(from, n * 91 % 3000));
            bad += std::get<1>(all) != 2;
        }
        co_return bad;
    });
    CHECK(wrong == 0);
    CHECK(c->figures().opened == 1);
}

#endif
