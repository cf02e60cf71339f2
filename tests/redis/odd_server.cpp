// tests/redis/odd_server.cpp: the client against a server that answers by halves, wrongly, late or not at all.
#include "fixture.hpp"

#include <weir/coro/when_all.hpp>

using namespace redis_test;
using redis::redis_errc;

namespace {

// So many commands at a time, each with its number; the replies as texts, or the errors.
weir::task<std::vector<std::string>> numbered(redis::client& to, int count) {
    auto const one = [](redis::client& of, int number) -> weir::task<std::string> {
        auto const got = co_await of.command("ECHO", number, "end");
        if (!got) co_return got.error().message();
        if (got->is_integer()) co_return std::to_string(got->integer());
        co_return got->is_string() ? std::string{got->string().view()} : "something else";
    };
    std::vector<weir::task<std::string>> all;
    for (int n = 0; n < count; ++n) all.push_back(one(to, n));
    co_return co_await weir::when_all(std::move(all));
}

std::string words(redis_errc of) { return make_error_code(of).message(); }

} // namespace

TEST_CASE("replies that come byte by byte, with pushes and attributes in between, reach who asked") {
    fake_redis server{{[](fake_redis::peer& to) {
        for (int n = 0; n < 3; ++n) {
            to.commands(1);
            std::string const bytes = ">2\r\n+invalidate\r\n_\r\n|1\r\n+ttl\r\n:1\r\n$1\r\n" + std::to_string(n) + "\r\n";
            for (char const each : bytes) to.say({&each, 1});
        }
        to.hear();
    }}};
    fixture store{server.where()};
    for (int n = 0; n < 3; ++n) CHECK(store.run(&numbered, 1) == std::vector<std::string>{std::to_string(n)});
    CHECK(store->counts().sessions.pushed.value() == 3);
}

TEST_CASE("a connection that ends between replies fails those whose reply has not come, and no others") {
    fake_redis server{{[](fake_redis::peer& to) {
                           to.commands(5);
                           to.say(":0\r\n:1\r\n:2\r\n$5\r\nhal");
                       },
                       [](fake_redis::peer& to) {
                           to.commands(1);
                           to.say("+new\r\n");
                           to.hear();
                       }}};
    redis::client_options options = without_breaker();
    options.batches = 5; // so that all are sent before any is answered, whoever goes with whom
    fixture store{server.where(), options};
    auto const got = store.run(&numbered, 5);
    CHECK(got == std::vector<std::string>{"0", "1", "2", words(redis_errc::connection_lost),
                                          words(redis_errc::connection_lost)});
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{"new"});
    CHECK(store->counts().lost.value() == 1);
}

TEST_CASE("what may be repeated is sent once more on the next connection, and only once") {
    int connections = 0;
    auto const drop = [&](fake_redis::peer& to) {
        ++connections;
        to.hear();
    };
    {
        fake_redis server{{drop, [](fake_redis::peer& to) {
                               to.hear();
                               to.say("$1\r\nx\r\n");
                               to.hear();
                           }}};
        fixture store{server.where(), without_breaker()};
        auto const got = store.run([](redis::client& of) { return of.get("key"); });
        REQUIRE(got);
        CHECK(**got == "x");
        CHECK(store->counts().repeated.value() == 1);
    }
    connections = 0;
    {
        fake_redis server{{drop}};
        fixture store{server.where(), without_breaker()};
        CHECK(store.run([](redis::client& of) { return of.get("key"); }).error() == redis_errc::connection_lost);
        CHECK(store.run([](redis::client& of) { return of.del("key"); }).error() == redis_errc::connection_lost);
        CHECK(store->counts().repeated.value() == 1);
    }
    CHECK(connections == 3);
}

TEST_CASE("a reply of another type than expected is an error of its caller alone") {
    fake_redis server{{[](fake_redis::peer& to) {
        for (auto const* text : {"*1\r\n:1\r\n", ":1\r\n", "*1\r\n_\r\n", "-LOADING soon\r\n", "+OK\r\n"}) {
            to.hear();
            to.say(text);
        }
        to.hear();
    }}};
    fixture store{server.where()};
    std::vector<std::string> const two{"a", "b"};
    CHECK(store.run([](redis::client& of) { return of.get("key"); }).error() == redis_errc::unexpected_reply);
    CHECK(store.run([](redis::client& of) { return of.get("key"); }).error() == redis_errc::unexpected_reply);
    CHECK(store.run([&](redis::client& of) { return of.mget(two); }).error() == redis_errc::unexpected_reply);
    CHECK(store.run([](redis::client& of) { return of.get("key"); }).error() == redis_errc::not_ready);
    CHECK(store.run([](redis::client& of) { return of.set("key", weir::bytes::literal("v")); }));
    CHECK(store->counts().connected.value() == 1);
}

TEST_CASE("bytes that are no RESP3, and a reply to nothing, end the connection") {
    fake_redis server{{[](fake_redis::peer& to) {
                           to.hear();
                           to.say("HTTP/1.1 400 Bad Request\r\n");
                           to.hear();
                       },
                       [](fake_redis::peer& to) {
                           to.hear();
                           to.say(":0\r\n:1\r\n");
                           to.hear();
                       },
                       [](fake_redis::peer& to) {
                           to.hear();
                           to.say("+well\r\n");
                           to.hear();
                       }}};
    fixture store{server.where(), without_breaker()};
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{words(redis_errc::connection_lost)});
    CHECK(store->last_error() == redis_errc::bad_reply);
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{"0"});
    CHECK(eventually([&] { return store->counts().connected.value() == 3; }));
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{"well"});
}

TEST_CASE("silence is the end while a reply is due, and means nothing otherwise") {
    fake_redis server{{[](fake_redis::peer& to) {
                           to.hear();
                           to.say("+a\r\n");
                           to.hear(); // after a long silence of ours
                           to.say("+b");
                           to.hear(2000); // the rest never comes
                       },
                       [](fake_redis::peer& to) {
                           to.hear();
                           to.say("+c\r\n");
                           to.hear();
                       }}};
    auto options = without_breaker();
    options.patience = 50ms;
    fixture store{server.where(), options};
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{"a"});
    std::this_thread::sleep_for(200ms);
    CHECK(store->counts().lost.value() == 0);
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{words(redis_errc::connection_lost)});
    CHECK(store.run(&numbered, 1) == std::vector<std::string>{"c"});
    CHECK(store->counts().lost.value() == 1);
}

TEST_CASE("a server that refuses the greeting is not used") {
    for (auto const& [greeting, why] :
         {std::pair{"-ERR unknown command 'HELLO'\r\n-ERR\r\n", make_error_code(weir::errc::unsupported)},
          std::pair{"-NOAUTH log in\r\n-NOAUTH\r\n", make_error_code(redis_errc::not_allowed)},
          std::pair{"%0\r\n-ERR DB index is out of range\r\n", make_error_code(redis_errc::refused)},
          std::pair{"%0\r\n", make_error_code(weir::errc::end_of_stream)},
          std::pair{"SSH-2.0-x\r\n", make_error_code(redis_errc::bad_reply)}}) {
        CAPTURE(greeting);
        fake_redis server{{[](fake_redis::peer&) {}}, greeting};
        fixture store{server.where()};
        CHECK(store.ask("PING").error() == redis_errc::unavailable);
        CHECK(store->last_error() == why);
    }
}

TEST_CASE("a client that was never used closes, and so does one whose Redis never came") {
    { fixture unused{"redis://127.0.0.1:1"}; }
    fixture without{"unix:///nowhere/at/all"};
    CHECK(without.ask("PING").error() == redis_errc::unavailable);
    CHECK(without->last_error() == std::errc::no_such_file_or_directory);
    without.close();
    CHECK(without.ask("PING").error() == weir::errc::closed);
}
