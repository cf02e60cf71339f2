// tests/gateway/reload.cpp: each reloader has its turn, whatever becomes of the others, and is told of by its name.
#include <gateway/reload.hpp>

#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace {

class with_log {
public:
    with_log() {
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
        options_.file = path_ + "/log";
        log.emplace(options_);
    }
    ~with_log() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path(std::string const& name) const { return path_ + '/' + name; }
    // What was said, as "event what: error".
    std::vector<std::string> said() {
        log->close();
        std::vector<std::string> all;
        std::ifstream from{options_.file};
        for (std::string text; std::getline(from, text);) {
            auto const line = nlohmann::json::parse(text);
            all.push_back(line["level"].get<std::string>() + " " + line["event"].get<std::string>() + " " +
                          line.value("what", "") + ": " + line.value("error", ""));
        }
        return all;
    }

private:
    weir::test::watchdog const watched_{60};
    std::string path_ = "/tmp/weir-reload-XXXXXX";
    gateway::log_options options_;

public:
    std::optional<gateway::log> log;
};

weir::runtime_options one_worker() {
    weir::runtime_options options;
    options.workers = 1;
    return options;
}

} // namespace

TEST_CASE("a reloader that fails is told of by its name, and the others have their turn in order") {
    with_log in;
    weir::runtime runs{one_worker()};
    gateway::reload all{*in.log};
    std::vector<std::string> order;
    all.add("keys", [&] {
        order.push_back("keys");
        throw std::runtime_error{"keys.txt, line 3: not a key"};
    });
    all.add("log", [&] { order.push_back("log"); });
    all.add_task("certificates", [&]() -> weir::task<std::string> {
        static_cast<void>(co_await weir::sleep_for(1ms));
        order.push_back("certificates");
        co_return "tls.pem: expired";
    });
    all.add_task("actions", [&]() -> weir::task<std::string> {
        order.push_back("actions");
        co_return "";
    });
    all.add_task("thrown", []() -> weir::task<std::string> {
        static_cast<void>(co_await weir::sleep_for(1ms));
        throw std::runtime_error{""};
    });
    auto const failed = runs.block_on([](gateway::reload* of) { return of->run(); }, &all);
    CHECK(failed == 3);
    CHECK(order == std::vector<std::string>{"keys", "log", "certificates", "actions"});
    std::vector<std::string> const expected = {"error not reloaded keys: keys.txt, line 3: not a key",
                                               "info reloaded log: ", "error not reloaded certificates: tls.pem: expired",
                                               "info reloaded actions: ",
                                               "error not reloaded thrown: it does not say why"};
    CHECK(in.said() == expected);
}

TEST_CASE("a reloader that blocks does so on a thread that may") {
    with_log in;
    weir::runtime runs{one_worker()};
    gateway::reload all{*in.log};
    std::thread::id where;
    all.add("slow", [&] { where = std::this_thread::get_id(); });
    auto const worker = runs.block_on([](gateway::reload* of) -> weir::task<std::thread::id> {
        co_await of->run();
        co_return std::this_thread::get_id();
    }, &all);
    CHECK(where != std::thread::id{});
    CHECK(where != worker);
}

TEST_CASE("each hangup reloads, the service manager hears of both ends, and a stop ends the watching") {
    with_log in;
    auto const manager = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    auto const name = in.path("notify");
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    name.copy(at.sun_path, sizeof at.sun_path - 1);
    REQUIRE(::bind(manager, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    {
        weir::io::signal_set hangups{SIGHUP};
        weir::runtime runs{one_worker()};
        gateway::reload all{*in.log};
        weir::atomic<int> times{0};
        all.add("it", [&] { times.fetch_add(1, weir::relaxed); }); // a count
        runs.block_on([](gateway::reload* of, weir::io::signal_set* from, weir::atomic<int>* count) -> weir::task<> {
            co_await weir::in_scope([](weir::scope& watching, gateway::reload* what, weir::io::signal_set* signals,
                                       weir::atomic<int>* done) -> weir::task<> {
                auto const watch = [](gateway::reload* one, weir::io::signal_set* set) { return one->watch(*set); };
                watching.spawn(watch, what, signals);
                for (int n = 1; n <= 2; ++n) {
                    ::kill(::getpid(), SIGHUP);
                    while (done->load(weir::relaxed) < n) // a count
                        static_cast<void>(co_await weir::sleep_for(1ms));
                    static_cast<void>(co_await weir::sleep_for(20ms));
                }
                watching.request_stop();
            }, of, from, count);
        }, &all, &hangups, &times);
        CHECK(times.load(weir::relaxed) == 2); // all have ended
        hangups.give_back();
    }
    ::unsetenv("NOTIFY_SOCKET");
    std::vector<std::string> heard;
    for (std::string text(256, '\0');;) {
        auto const size = ::recv(manager, text.data(), text.size(), MSG_DONTWAIT);
        if (size <= 0) break;
        heard.push_back(text.substr(0, static_cast<std::size_t>(size)));
    }
    ::close(manager);
    REQUIRE(heard.size() == 4);
    CHECK(heard[0].starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(heard[1] == "READY=1");
    CHECK(heard[2].starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(heard[3] == "READY=1");
    CHECK(in.said().size() == 2);
}
