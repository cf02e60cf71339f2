// tests/redis/client.cpp: the client against a real Redis, which hesitates, dies and comes back.
#include "fixture.hpp"
#include "redis_server.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>

#include <atomic>

using namespace redis_test;
using redis::kind;
using redis::redis_errc;
using weir::test::redis_server;

namespace {

// Sets and reads `count` keys of its own; how many came back right.
weir::task<int> round_trips(redis::client& to, int first, int count) {
    int right = 0;
    for (int n = first; n < first + count; ++n) {
        auto const key = "key" + std::to_string(n);
        auto const kept = co_await to.set(key, weir::bytes::copy_of(std::to_string(n * 3)));
        auto const got = co_await to.get(key);
        right += kept && got && *got && (*got)->view() == std::to_string(n * 3);
    }
    co_return right;
}

weir::task<int> many_callers(redis::client& to, int callers, int count) {
    std::vector<weir::task<int>> all;
    for (int n = 0; n < callers; ++n) all.push_back(round_trips(to, n * count, count));
    auto const each = co_await weir::when_all(std::move(all));
    int right = 0;
    for (int const one : each) right += one;
    co_return right;
}

} // namespace

TEST_CASE("a client logs in by socket, port and name, and says why it cannot") {
    redis_server server;
    for (auto const& where : {server.by_socket(), server.by_port(), server.by_name()}) {
        CAPTURE(where);
        fixture store{where};
        auto const pong = store.ask("PING");
        REQUIRE(pong);
        CHECK(pong->string() == "PONG");
        auto const who = store.ask("CLIENT", "INFO");
        REQUIRE(who);
        CHECK(who->string().view().find("resp=3") != std::string::npos);
        bool const named = where == server.by_name();
        CHECK(who->string().view().find(named ? "db=3" : "db=0") != std::string::npos);
        CHECK(who->string().view().find(named ? "user=tester" : "user=default") != std::string::npos);
    }
    fixture turned_away{server.by_wrong_password()};
    CHECK(turned_away.ask("PING").error() == redis_errc::unavailable);
    CHECK(turned_away->last_error() == redis_errc::not_allowed);
}

TEST_CASE("commands of every kind bring what Redis says") {
    redis_server server;
    fixture store{server.by_socket()};
    store.run([](redis::client& to) -> weir::task<> {
        auto const none = co_await to.get("a");
        CHECK((none && !*none));
        auto const set = co_await to.set("a", weir::bytes::literal("x\r\n\0y"));
        CHECK(set);
        auto const got = co_await to.get("a");
        CHECK((got && *got && (*got)->view() == std::string_view{"x\r\n\0y", 5}));
        auto const first = co_await to.set_nx("b", weir::bytes::literal("1"), 10s);
        auto const second = co_await to.set_nx("b", weir::bytes::literal("2"), 10s);
        CHECK((first && *first && second && !*second));
        auto const left = co_await to.command("PTTL", "b");
        CHECK((left && left->integer() > 5000 && left->integer() <= 10000));
        std::vector<std::string> const keys{"b", "none", "a"};
        auto const all = co_await to.mget(keys);
        CHECK((all && all->size() == 3 && (*all)[0]->view() == "1" && !(*all)[1] && (*all)[2]->size() == 5));
        auto const gone = co_await to.del("a");
        auto const again = co_await to.del("a");
        CHECK((gone && *gone && again && !*again));
        auto const pushed = co_await to.command("RPUSH", "list", keys);
        CHECK((pushed && pushed->integer() == 3));
        auto const wrong = co_await to.get("list");
        CHECK(wrong.error() == redis_errc::wrong_type);
        auto const words = co_await to.command("LPUSH", "list");
        REQUIRE((words && words->is_error()));
        CHECK(words->string().view().find("wrong number of arguments") != std::string::npos);
        auto const hash = co_await to.command("HSET", "hash", "k", 1, "l", 2.5);
        auto const map = co_await to.command("HGETALL", "hash");
        CHECK((hash && map && map->kind() == kind::map && map->elements().size() == 4));
        auto const number = co_await to.command("ZADD", "scores", 1.5, "m");
        auto const score = co_await to.command("ZSCORE", "scores", "m");
        CHECK((number && score && score->kind() == kind::number && score->number() == 1.5));
        auto const short_lived = co_await to.set("c", weir::bytes::literal("1"), 20ms);
        auto const slept = co_await weir::sleep_for(60ms);
        auto const expired = co_await to.get("c");
        CHECK((short_lived && slept && expired && !*expired));
    });
}

TEST_CASE("large values go and come whole, beside small ones") {
    redis_server server;
    fixture store{server.by_socket()};
    std::string content(9 * 1024 * 1024 + 1, '\0');
    for (std::size_t n = 0; n < content.size(); ++n) content[n] = static_cast<char>(n * 7 + (n >> 11));
    auto const large = weir::bytes::copy_of(content);
    bool const right = store.run([](redis::client& to, weir::bytes what) -> weir::task<bool> {
        auto const put_get = [](redis::client& of, weir::bytes one, int number) -> weir::task<bool> {
            auto const key = "large" + std::to_string(number);
            auto const part = one.slice(static_cast<std::size_t>(number) * 1000);
            auto const set = co_await of.set(key, part);
            auto const got = co_await of.get(key);
            co_return set && got && *got && **got == part;
        };
        auto const all = co_await weir::when_all(put_get(to, what, 0), put_get(to, what, 1), put_get(to, what, 9000),
                                                 round_trips(to, 0, 20));
        co_return std::get<0>(all) && std::get<1>(all) && std::get<2>(all) && std::get<3>(all) == 20;
    }, large);
    CHECK(right);
}

TEST_CASE("what many ask at a time leaves in few writes, and each gets its own") {
    redis_server server;
    fixture store{server.by_socket()};
    CHECK(store.run(&many_callers, 200, 20) == 200 * 20);
    auto const writes = store->counts().sessions.sent.value();
    CHECK(store->counts().commands.value() == 200 * 20 * 2);
    CHECK(writes < 200 * 20 * 2 / 10);
    CHECK(store->counts().connected.value() == 1);
}

TEST_CASE("who gives up gets no reply, and the replies of the others stay in order") {
    redis_server server;
    fixture store{server.by_socket(), without_breaker()};
    store.run([](redis::client& to) -> weir::task<> {
        auto const slow = [](redis::client& of) -> weir::task<std::error_code> {
            auto const late = co_await weir::timeout(of.command("DEBUG", "SLEEP", "0.15"), 30ms);
            co_return late ? std::error_code{} : late.error();
        };
        auto const quick = [](redis::client& of, int number) -> weir::task<bool> {
            auto const text = std::to_string(number);
            for (int n = 0; n < 50; ++n) {
                // Some are withdrawn before they are sent, some after.
                auto const hurried = co_await weir::timeout(of.command("ECHO", "hurried"), (number % 7) * 100us);
                if (hurried && hurried->string() != "hurried") co_return false;
                auto const got = co_await of.command("ECHO", text);
                if (!got || got->string() != text) co_return false;
            }
            co_return true;
        };
        std::vector<weir::task<bool>> all;
        for (int n = 0; n < 40; ++n) all.push_back(quick(to, n));
        auto const ends = co_await weir::when_all(slow(to), weir::when_all(std::move(all)));
        CHECK(std::get<0>(ends) == weir::errc::timed_out);
        int right = 0;
        for (bool const one : std::get<1>(ends)) right += one;
        CHECK(right == 40);
    });
    CHECK(store->counts().connected.value() == 1);
}

TEST_CASE("a Redis that hangs is given up after the patience, and taken up again when it goes on") {
    redis_server server;
    fixture store{server.by_port(), without_breaker()};
    REQUIRE(store.ask("PING"));
    server.halt();
    // More than the sockets take, so that a sender waits for room.
    auto const large = weir::bytes::copy_of(std::string(16 * 1024 * 1024, 'x'));
    auto const began = weir::clock::now();
    auto const ended = store.run([](redis::client& to, weir::bytes what) -> weir::task<bool> {
        auto const both = co_await weir::when_all(to.set("a", what), to.command("PING"));
        co_return std::get<0>(both).error() == redis_errc::connection_lost && !std::get<1>(both);
    }, large);
    CHECK(ended);
    CHECK(weir::clock::now() - began < 5s);
    server.go_on();
    CHECK(eventually([&] { return static_cast<bool>(store.ask("PING")); }));
    CHECK(store->counts().lost.value() >= 1);
}

TEST_CASE("where nobody listens commands fail at once, and soon cost nothing") {
    fixture store{"redis://127.0.0.1:1"};
    auto const began = weir::clock::now();
    int unavailable = 0, spared = 0;
    for (int n = 0; n < 2000; ++n) {
        auto const error = store.ask("PING").error();
        unavailable += error == redis_errc::unavailable;
        spared += error == weir::errc::circuit_open;
    }
    CHECK(unavailable + spared == 2000);
    CHECK(unavailable >= 10);
    CHECK(spared > 1000);
    CHECK(weir::clock::now() - began < 5s);
    CHECK(store->last_error() == std::errc::connection_refused);
    CHECK(store->counts().failed.value() < 500); // attempts have pauses between them
}

TEST_CASE("Redis is killed under load and comes back: every command ends, and every answer is right") {
    redis_server server;
    fixture store{server.by_socket()};
    struct tally {
        std::atomic<bool> stop{false};
        std::atomic<int> right{0}, wrong{0}, failed{0}, odd{0};
    } seen;
    std::thread load{[&] {
        store.run([](redis::client& to, tally* in) -> weir::task<> {
            auto const caller = [](redis::client& of, tally* into, int number) -> weir::task<int> {
                auto const text = std::to_string(number);
                while (!into->stop) {
                    auto const got = co_await of.command("ECHO", text);
                    if (got) ++(got->is_string() && got->string() == text ? into->right : into->wrong);
                    else if (got.error() == redis_errc::unavailable || got.error() == redis_errc::connection_lost ||
                             got.error() == weir::errc::circuit_open) ++into->failed;
                    else ++into->odd;
                    if (!got) static_cast<void>(co_await weir::sleep_for(1ms));
                }
                co_return 0;
            };
            std::vector<weir::task<int>> all;
            for (int n = 0; n < 50; ++n) all.push_back(caller(to, in, n));
            static_cast<void>(co_await weir::when_all(std::move(all)));
        }, &seen);
    }};
    for (int round = 0; round < 3; ++round) {
        int const before = seen.right;
        CHECK(eventually([&] { return seen.right > before + 200; }));
        int const failed = seen.failed;
        server.kill();
        CHECK(eventually([&] { return seen.failed > failed + 20; }));
        server.start();
    }
    int const before = seen.right;
    CHECK(eventually([&] { return seen.right > before + 200; }));
    seen.stop = true;
    load.join(); // no command hangs
    CHECK(seen.wrong == 0);
    CHECK(seen.odd == 0);
    CHECK(store->counts().lost.value() == 3);
}
