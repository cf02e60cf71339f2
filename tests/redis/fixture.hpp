// tests/redis/fixture.hpp: a runtime and a client on it, and a server that answers as a script says.
#pragma once

#include "support/watchdog.hpp"

#include <redis/client.hpp>

#include <weir/io/fd.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace redis_test {

using namespace std::chrono_literals;

inline redis::location at(std::string_view url) { return redis::location::parse(url).value(); }

inline weir::runtime_options two_workers() {
    weir::runtime_options options;
    options.workers = 2;
    return options;
}

// Comes back soon, and gives up soon.
inline redis::client_options impatient() {
    redis::client_options options;
    options.first_pause = 5ms;
    options.longest_pause = 50ms;
    options.patience = 300ms;
    options.connect_timeout = 300ms;
    options.breaker.open_for = 20ms;
    options.breaker.longest_open = 100ms;
    return options;
}

inline redis::client_options without_breaker(redis::client_options options = impatient()) {
    options.breaker.least_calls = 1'000'000'000;
    return options;
}

// A runtime and a client on it, which is closed at the end.
class fixture {
public:
    explicit fixture(std::string_view url, redis::client_options options = impatient())
        : runs_{two_workers()}, client_{runs_.get_executor(), at(url), options} {}
    ~fixture() { close(); }

    void close() {
        if (std::exchange(open_, false)) runs_.block_on([](redis::client* of) { return of->close(); }, &client_);
    }

    redis::client& operator*() noexcept { return client_; }
    redis::client* operator->() noexcept { return &client_; }
    weir::runtime& runtime() noexcept { return runs_; }
    // Runs fn(client&, args...), a task<T>.
    template <class F, class... Args>
    auto run(F fn, Args... args) {
        return runs_.block_on(fn, std::ref(client_), std::move(args)...);
    }
    template <class... Args>
    weir::result<redis::value> ask(std::string_view verb, Args const&... args) {
        redis::request what{verb, args...};
        return run([](redis::client& of, redis::request one) { return of.send(std::move(one)); }, std::move(what));
    }

private:
    weir::test::watchdog const watched_{60};
    weir::runtime runs_;
    redis::client client_;
    bool open_ = true;
};

template <class Condition>
bool eventually(Condition holds) {
    auto const until = weir::clock::now() + 10s;
    while (!holds()) {
        if (weir::clock::now() > until) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

// A peer that greets each client as Redis does, and then has its way with the connection.
class fake_redis {
public:
    // What it may do with one connection.
    class peer {
    public:
        explicit peer(int connection) noexcept : connection_{connection} {}
        void say(std::string_view text) const {
            while (!text.empty()) {
                auto const sent = ::send(connection_, text.data(), text.size(), MSG_NOSIGNAL);
                if (sent <= 0) return;
                text.remove_prefix(static_cast<std::size_t>(sent));
            }
        }
        // What one read brings; empty at the end, or after `patience`.
        std::string hear(int patience = 10'000) const {
            pollfd waits{connection_, POLLIN, 0};
            if (::poll(&waits, 1, patience) != 1) return {};
            std::string text(256 * 1024, '\0');
            auto const got = ::recv(connection_, text.data(), text.size(), 0);
            text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
            return text;
        }
        // Reads until so many commands have come whole, all of which end with "\r\nend\r\n".
        int commands(int count) const {
            int seen = 0;
            std::string all;
            while (seen < count) {
                auto const more = hear();
                if (more.empty()) break;
                all += more;
                seen = 0;
                for (auto at = all.find(last); at != std::string::npos; at = all.find(last, at + 1)) ++seen;
            }
            return seen;
        }

    private:
        static constexpr std::string_view last = "\r\nend\r\n";
        int connection_;
    };
    using script = std::function<void(peer&)>;

    // Each connection has its script, the last one those that follow as well.
    explicit fake_redis(std::vector<script> scripts, std::string greeting = "%1\r\n+proto\r\n:3\r\n+OK\r\n")
        : listener_{weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value()},
          where_{"redis://" + listener_.local().value().to_string()},
          thread_{[this, all = std::move(scripts), hello = std::move(greeting)] { serve(all, hello); }} {}
    ~fake_redis() {
        ending_ = true;
        thread_.join();
    }
    std::string const& where() const noexcept { return where_; }

private:
    void serve(std::vector<script> const& all, std::string const& greeting) {
        for (std::size_t n = 0; !ending_;) {
            pollfd waits{listener_.ref().number(), POLLIN, 0};
            if (::poll(&waits, 1, 5) != 1) continue;
            weir::io::fd const taken{::accept(listener_.ref().number(), nullptr, nullptr)};
            peer one{taken.number()};
            if (one.hear().find("HELLO") == std::string::npos) continue;
            one.say(greeting);
            all[std::min(n++, all.size() - 1)](one);
        }
    }

    std::atomic<bool> ending_{false};
    weir::net::tcp_listener listener_;
    std::string const where_;
    std::thread thread_;
};

} // namespace redis_test
