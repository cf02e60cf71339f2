// tests/gateway/postgres.cpp: the client of PostgreSQL, against a server that answers, hesitates, dies and comes back.
#if __has_include(<libpq-fe.h>)

#include "gateway/postgres_client.hpp"
#include "gateway/postgres_server.hpp"
#include "support/scale.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using test::count_right;
using test::impatient;
using test::postgres_server;
using client = test::postgres_client;

TEST_CASE("a number of base 36 is the five characters of an SQLSTATE") {
    for (auto const text : {"08006", "57P01", "XX000", "ZZZZZ", "00001"}) {
        char back[6];
        postgres::write_text(postgres::state(text), back);
        CHECK(std::string{back} == text);
    }
    CHECK(postgres::state("12") == postgres::state("XX000"));
    CHECK(postgres::state("abcde") == postgres::state("XX000"));
    CHECK(postgres::make_error_code(postgres::disk_full).message().find("53100") != std::string::npos);
    CHECK(postgres::may_recover(postgres::connection_failure));
    CHECK(postgres::may_recover(postgres::disk_full));
    CHECK(postgres::may_recover(postgres::state("57P03"))); // starting up
    CHECK_FALSE(postgres::may_recover(postgres::unique_violation));
    CHECK_FALSE(postgres::may_recover(make_error_code(std::errc::io_error)));
}

TEST_CASE("settings that libpq cannot read are refused at once, with its words") {
    runtime rt;
    CHECK_THROWS_AS(postgres::pool("postgresql://%zz", rt.get_executor()), std::invalid_argument);
    CHECK_THROWS_AS(postgres::pool("host=a nonsense=1", rt.get_executor()), std::invalid_argument);
}

TEST_CASE("a query brings rows, by the socket and by a name that is looked up") {
    auto& server = postgres_server::running();
    for (auto const& where : {server.by_socket(), server.by_name()}) {
        client c{where};
        auto got = c.ask("SELECT n, 'x' || n, NULL FROM generate_series($1::int, $2::int) n", 3, 5);
        REQUIRE(got.has_value());
        CHECK(got->size() == 3);
        CHECK(got->columns() == 3);
        CHECK(got->affected() == 3);
        CHECK(got->integer(2, 0) == 5);
        CHECK(got->text(1, 1) == "x4");
        CHECK_FALSE(got->text(0, 2).has_value());
        CHECK_FALSE(got->integer(0, 1).has_value());
    }
}

TEST_CASE("a parameter arrives as what it was, awkward ones too") {
    client c{postgres_server::running().by_socket()};
    std::vector<std::string> const words{"plain", "", "NULL", "a\"b\\c", "{,}", "zwölf"};
    auto const literal = postgres::array_literal(std::span{words}, [](std::string const& each) -> auto& { return each; });
    auto got = c.ask("SELECT $1::text, $2::bool, $3::bigint, $4::text IS NULL, array_length($5::text[], 1), "
                     "($5::text[])[4] = $6, ($5::text[])[3] IS NULL, $7::float8 = 0.1",
                     "it's", true, std::int64_t{-9'000'000'000}, std::optional<int>{}, literal, words[3], 0.1);
    INFO(got.message());
    REQUIRE(got.has_value());
    CHECK(got->text(0, 0) == "it's");
    CHECK(got->text(0, 1) == "t");
    CHECK(got->integer(0, 2) == -9'000'000'000);
    CHECK(got->text(0, 3) == "t");
    CHECK(got->integer(0, 4) == 6);
    CHECK(got->text(0, 5) == "t");
    CHECK(got->text(0, 6) == "f");
    CHECK(got->text(0, 7) == "t");
    auto const cut = c.ask("SELECT $1::text", std::string{"a\0b", 3});
    CHECK(cut.error() == postgres::state("22021"));
}

TEST_CASE("an error carries the SQLSTATE and the server's words, and its neighbours in the pipeline do not notice") {
    postgres::pool_options options;
    options.connections = 1;
    client c{postgres_server::running().by_socket(), options};
    auto const all = c.run([](postgres::pool& from) -> task<std::vector<postgres::answer>> {
        std::vector<task<postgres::answer>> asked;
        for (int n = 0; n < 30; ++n) asked.push_back(from.query("SELECT 10 / ($1::int % 3)", n));
        co_return co_await when_all(std::move(asked));
    });
    for (std::size_t n = 0; n < all.size(); ++n) {
        auto& one = const_cast<postgres::answer&>(all[n]);
        if (n % 3 == 0) {
            CHECK(one.error() == postgres::state("22012"));
            CHECK(one.message().find("division by zero") != std::string::npos);
        } else {
            REQUIRE(one.has_value());
            CHECK(one->integer(0, 0) == 10 / static_cast<int>(n % 3));
        }
    }
    CHECK(c->figures().opened == 1);
    CHECK(c.ask("SELEC 1").error() == postgres::state("42601"));
}

TEST_CASE("what fails only at the commit is no success") {
    auto& server = postgres_server::running();
    server.ask("DROP TABLE IF EXISTS late; CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    client c{server.by_socket()};
    CHECK(c.ask("INSERT INTO late VALUES (1)").has_value());
    auto const twice = c.ask("INSERT INTO late VALUES (1)");
    CHECK(twice.error() == postgres::unique_violation);
    CHECK(server.ask("SELECT count(*) FROM late") == "1");
}

TEST_CASE("many callers on two threads each get the answer to their own question") {
    client c{postgres_server::running().by_socket()};
    int const each = static_cast<int>(test::scaled(200));
    auto const right = c.run([each](postgres::pool& from) -> task<int> {
        co_return co_await in_scope([](scope& all, postgres::pool* of, int count) -> task<int> {
            std::vector<child_value<int>> parts;
            for (int n = 0; n < 16; ++n) parts.push_back(all.start(&count_right, std::ref(*of), n * 1000, count));
            int sum = 0;
            for (auto& one : parts) {
                auto const got = co_await one.get();
                sum += *got;
            }
            co_return sum;
        }, &from, each);
    });
    CHECK(right == 16 * each);
    CHECK(c->figures().opened >= 2);
    CHECK(c->figures().opened <= 4);
}

TEST_CASE("answers larger than a socket's buffer arrive whole while as much is sent") {
    postgres::pool_options options;
    options.connections = 1;
    client c{postgres_server::running().by_socket(), options};
    auto const sizes = c.run([](postgres::pool& from) -> task<std::size_t> {
        std::vector<task<postgres::answer>> asked;
        std::string const large(std::size_t{3} << 20, 'x');
        for (int n = 0; n < 8; ++n) asked.push_back(from.query("SELECT $1::text", large));
        auto answers = co_await when_all(std::move(asked));
        std::size_t sum = 0;
        for (auto& one : answers) sum += one ? one->text(0, 0)->size() : 0;
        co_return sum;
    });
    CHECK(sizes == (std::size_t{24} << 20));
}

TEST_CASE("the server ends what runs for longer than the statement timeout") {
    postgres::pool_options options;
    options.statement_timeout = 50ms;
    client c{postgres_server::running().by_socket(), options};
    auto const got = c.ask("SELECT pg_sleep(30)");
    CHECK(got.error() == postgres::query_canceled);
    CHECK(got.message().find("statement timeout") != std::string::npos);
}

TEST_CASE("a server that dies fails what is under way, and the pool is good again when it is back") {
    auto& server = postgres_server::running();
    client c{server.by_socket(), impatient()};
    REQUIRE(c.ask("SELECT 1").has_value());
    auto const ends = c.run([&server](postgres::pool& from) -> task<std::vector<postgres::answer>> {
        auto const die = [](postgres_server* one) -> task<postgres::answer> {
            static_cast<void>(co_await sleep_for(100ms));
            one->kill();
            co_return postgres::failure{std::error_code{}};
        };
        std::vector<task<postgres::answer>> all;
        for (int n = 0; n < 20; ++n) all.push_back(from.query("SELECT pg_sleep(30)"));
        all.push_back(die(&server));
        co_return co_await when_all(std::move(all));
    });
    for (std::size_t n = 0; n + 1 < ends.size(); ++n) {
        CHECK(postgres::may_recover(ends[n].error()));
        CHECK_FALSE(ends[n].message().empty());
    }
    auto const begun = weir::clock::now();
    auto away = c.ask("SELECT 1");
    // Of a connection that is not seen to be lost yet, or whose server process has not seen that it is alone.
    for (int n = 0; n < 20 && away.error() != postgres::cannot_connect && postgres::may_recover(away.error()); ++n)
        away = c.ask("SELECT 1");
    CHECK(away.error() == postgres::cannot_connect);
    CHECK(away.message().find("connect") != std::string::npos);
    CHECK(weir::clock::now() - begun < 5s);
    server.start();
    bool back = false;
    for (int n = 0; n < 100 && !back; ++n) back = c.ask("SELECT 1").has_value();
    CHECK(back);
    CHECK(c->figures().failed >= 1);
}

TEST_CASE("what was acknowledged is there after a server was killed under load again and again") {
    auto& server = postgres_server::running();
    server.ask("DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int PRIMARY KEY)");
    client c{server.by_socket(), impatient()};
    atomic<bool> over{false};
    std::vector<int> kept;
    std::thread load{[&] {
        kept = c.run([&over](postgres::pool& to) -> task<std::vector<int>> {
            auto const write = [](postgres::pool& its, atomic<bool>& end, int first) -> task<std::vector<int>> {
                std::vector<int> done;
                for (int n = first; !end.load(relaxed); n += 8) { // a flag
                    auto const got = co_await timeout(its.query("INSERT INTO kept VALUES ($1)", n), 10s);
                    if (got) done.push_back(n);
                    else if (got.error() == errc::timed_out) done.push_back(-1); // a request that hangs
                }
                co_return done;
            };
            std::vector<task<std::vector<int>>> all;
            for (int n = 0; n < 8; ++n) all.push_back(write(to, over, n));
            auto const lists = co_await when_all(std::move(all));
            std::vector<int> whole;
            for (auto const& list : lists) whole.insert(whole.end(), list.begin(), list.end());
            co_return whole;
        });
    }};
    for (int n = 0; n < 3; ++n) {
        std::this_thread::sleep_for(150ms);
        server.kill();
        std::this_thread::sleep_for(50ms);
        server.start();
    }
    std::this_thread::sleep_for(150ms);
    over.store(true, relaxed); // a flag
    load.join();
    CHECK(std::count(kept.begin(), kept.end(), -1) == 0);
    CHECK(kept.size() > 50);
    auto const literal = postgres::array_literal(std::span<int const>{kept}, [](int n) { return n; });
    auto const lost = "SELECT count(*) FROM unnest('" + literal + "'::int[]) n WHERE n NOT IN (SELECT n FROM kept)";
    CHECK(server.ask(lost) == "0");
}

TEST_CASE("a pool that is closed answers what was asked before, and turns away what comes after") {
    client c{postgres_server::running().by_socket(), impatient()};
    c.open = false;
    auto ends = c.run([](postgres::pool& from) -> task<std::vector<std::error_code>> {
        auto const slow = [](postgres::pool& of) -> task<std::error_code> {
            auto const got = co_await of.query("SELECT pg_sleep(0.1)");
            co_return got.error();
        };
        auto const late = [](postgres::pool& of) -> task<std::error_code> {
            static_cast<void>(co_await sleep_for(20ms));
            auto const closed = [](postgres::pool& its) -> task<> { co_await its.close(); };
            auto const asked = [](postgres::pool& its) -> task<std::error_code> {
                static_cast<void>(co_await sleep_for(10ms));
                auto const got = co_await its.query("SELECT 1");
                co_return got.error();
            };
            auto both = co_await when_all(closed(of), asked(of));
            co_return std::get<1>(both);
        };
        auto both = co_await when_all(slow(from), late(from));
        std::vector<std::error_code> all;
        all.push_back(std::get<0>(both));
        all.push_back(std::get<1>(both));
        co_return all;
    });
    CHECK_FALSE(ends[0]);
    CHECK(ends[1] == errc::closed);
}

#endif
