// tests/gateway/debug.cpp: the debug port tells of tasks, profiles and metrics, one profile at a time, and only here.
#include "http/raw_client.hpp"
#include "support/watchdog.hpp"

#include <gateway/debug/debug_port.hpp>
#include <gateway/debug/dump_signal.hpp>
#include <weir/coro/scope.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/profiler.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

weir::runtime_options with_waits() {
    weir::runtime_options options;
    options.workers = 2;
    options.keep_waits = true;
    return options;
}

// The port of a runtime in which one task waits for an event.
class debugged {
public:
    debugged() : port_{runs_, numbers_, 0}, thread_{[this] {
        runs_.block_on([](gateway::debug_port* of) { return of->run(); }, &port_);
    }} {
        runs_.spawn(weir::named{"the one who waits"}, [](weir::event* until) -> weir::task<> {
            static_cast<void>(co_await until->wait());
        }, &gate_);
    }
    ~debugged() { end(); }
    void end() {
        gate_.set();
        port_.drain();
        if (thread_.joinable()) thread_.join();
    }

    http_test::reply ask(std::string const& target, std::string const& host = "127.0.0.1:9",
                         std::string const& verb = "GET") {
        return runs_.block_on([](weir::net::address to, std::string text) -> weir::task<http_test::reply> {
            auto socket = co_await weir::net::connect_tcp(to);
            http_test::client one{*std::move(socket)};
            auto const sent = co_await one.send(text);
            if (!sent) co_return http_test::reply{};
            co_return co_await weir::timeout(one.receive(), 20s);
        }, port_.where(), verb + ' ' + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    }
    gateway::debug_port& port() noexcept { return port_; }
    weir::runtime& runtime() noexcept { return runs_; }
    weir::registry& numbers() noexcept { return numbers_; }

private:
    weir::test::watchdog const watched_{80};
    weir::runtime runs_{with_waits()};
    weir::registry numbers_;
    weir::event gate_;
    gateway::debug_port port_;
    std::thread thread_;
};

} // namespace

TEST_CASE("the port is of this machine, and one that is taken is told by its number") {
    debugged at;
    CHECK(at.port().where() == weir::net::address::loopback_v4(at.port().where().port()));
    weir::registry none;
    auto const number = at.port().where().port();
    try {
        gateway::debug_port const second{at.runtime(), none, number};
        FAIL("two listen on one port");
    } catch (std::system_error const& error) {
        CHECK(error.code() == std::errc::address_in_use);
        CHECK(std::string{error.what()}.find("debug port " + std::to_string(number)) != std::string::npos);
    }
}

TEST_CASE("who waits is told by name") {
    debugged at;
    std::string body;
    auto const until = weir::clock::now() + 10s;
    while (body.find("the one who waits") == std::string::npos && weir::clock::now() < until) {
        auto const got = at.ask("/debug/tasks", "localhost");
        CHECK(got.status == 200);
        CHECK(got.header("Content-Type") == "text/plain; charset=utf-8");
        body = got.body;
    }
    CHECK(body.find("the one who waits") != std::string::npos);
    CHECK(body.find(" wait\n") != std::string::npos);
}

TEST_CASE("metrics are those of the registry") {
    debugged at;
    auto const kept = at.numbers().add_gauge({.name = "answer", .help = "to all"}, [] { return 42; }).value();
    auto const got = at.ask("/debug/metrics");
    CHECK(got.status == 200);
    CHECK(got.header("Content-Type") == weir::prometheus::content_type);
    CHECK(got.body.find("answer 42\n") != std::string::npos);
}

TEST_CASE("a name that somebody has made point here, other paths and other verbs are refused") {
    debugged at;
    for (auto const* const host : {"evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil:1"}) {
        CAPTURE(host);
        auto const got = at.ask("/debug/tasks", host);
        CHECK(got.status == 403);
        CHECK(got.body.find("wait") == std::string::npos);
    }
    CHECK(at.ask("/debug/").status == 404);
    CHECK(at.ask("/debug/tasks", "localhost", "DELETE").status == 405);
}

TEST_CASE("a profile that is asked for wrongly says what is wrong") {
    debugged at;
    for (auto const* const query :
         {"seconds=0", "seconds=61", "seconds=", "seconds=5x", "seconds=-1", "seconds=99999999999", "seconds",
          "format=png", "format=", "second=5", "seconds=5&x", "seconds=1&format=SVG"}) {
        CAPTURE(query);
        auto const got = at.ask(std::string{"/debug/profile?"} + query);
        CHECK(got.status == 400);
        CHECK((got.body.find("1 to 60") != std::string::npos || got.body.find("svg or folded") != std::string::npos));
    }
}

TEST_CASE("one profile is taken at a time, as a picture or as lines, and shows what ran") {
    debugged at;
    at.runtime().spawn([](weir::runtime*) -> weir::task<> { // something to see
        for (;;) {
            for (auto const until = weir::clock::now() + 5ms; weir::clock::now() < until;) {}
            auto const slept = co_await weir::sleep_for(1ms);
            if (!slept) co_return;
        }
    }, &at.runtime());
    http_test::reply picture;
    std::thread first{[&] { picture = at.ask("/debug/profile?seconds=1"); }};
    std::this_thread::sleep_for(400ms);
    auto const second = at.ask("/debug/profile?seconds=1&format=folded");
    CHECK(second.status == 409);
    first.join();
    CHECK(picture.status == 200);
    CHECK(picture.header("Content-Type") == "image/svg+xml");
    CHECK(picture.body.starts_with("<svg "));
    CHECK(picture.body.ends_with("</svg>\n"));
    CHECK(picture.body.find(" samples in 1 s") != std::string::npos);

    auto const lines = at.ask("/debug/profile?format=folded&seconds=1"); // the first has let go
    CHECK(lines.status == 200);
    CHECK(lines.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(lines.body.find("weir-") != std::string::npos); // a worker's thread
    at.end();
    at.runtime().shutdown();
}

TEST_CASE("a profile that is under way does not hold up the end") {
    debugged at;
    http_test::reply got;
    std::thread asks{[&] { got = at.ask("/debug/profile?seconds=60"); }};
    std::this_thread::sleep_for(500ms);
    auto const began = weir::clock::now();
    at.end();
    CHECK(weir::clock::now() - began < 10s);
    asks.join();
    weir::profiler again; // and the one that was cut short has let go
    CHECK(again.start().has_value());
}

TEST_CASE("a signal prints the tasks to the log, a line each") {
    weir::test::watchdog const watched{60};
    gateway::log_options options;
    options.file = "/tmp/weir-dump-" + std::to_string(::getpid());
    ::unlink(options.file.c_str());
    gateway::log log{options};
    weir::io::signal_set asked{SIGUSR1};
    {
        weir::runtime runs{with_waits()};
        weir::event gate;
        runs.spawn(weir::named{"the one who waits"}, [](weir::event* until) -> weir::task<> {
            static_cast<void>(co_await until->wait());
        }, &gate);
        runs.spawn(&gateway::dump_at_signal, &asked, &runs, &log);
        auto const until = weir::clock::now() + 10s;
        while (log.figures().written < 2 && weir::clock::now() < until) {
            ::kill(::getpid(), SIGUSR1);
            std::this_thread::sleep_for(50ms);
        }
        gate.set();
        runs.shutdown();
    }
    std::signal(SIGUSR1, SIG_IGN); // one more may have come
    asked.give_back();
    std::signal(SIGUSR1, SIG_DFL);
    log.close();
    std::ifstream from{options.file};
    std::string all;
    for (std::string text; std::getline(from, text);) {
        auto const line = nlohmann::json::parse(text);
        CHECK(line["event"] == "tasks");
        all += line["line"].get<std::string>() + '\n';
    }
    ::unlink(options.file.c_str());
    CHECK(all.find(" wait\n") != std::string::npos);
    CHECK(all.find("the one who waits") != std::string::npos);
}
