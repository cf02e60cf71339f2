// examples/gateway/debug/debug_port.cpp: dumps and profiles, made where it may take a while.
#include "debug_port.hpp"

#include <weir/coro/context.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/dump.hpp>
#include <weir/runtime/profiler.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace gateway {

namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

class profile_query {
public:
    std::chrono::seconds length{5};
    bool as_picture = true;
    std::string wrong; // empty: it is good
};

profile_query parse(std::string_view query) {
    profile_query asked;
    while (!query.empty()) {
        auto const part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        auto const split = std::min(part.find('='), part.size());
        auto const name = part.substr(0, split);
        auto const value = part.substr(std::min(split + 1, part.size()));
        if (name == "seconds") {
            int number = 0;
            auto const read = std::from_chars(value.data(), value.data() + value.size(), number);
            bool const whole = read.ec == std::errc{} && read.ptr == value.data() + value.size();
            if (!whole || number < 1 || number > 60) asked.wrong = "seconds must be a number from 1 to 60\n";
            asked.length = std::chrono::seconds{number};
        } else if (name == "format") {
            if (value != "svg" && value != "folded") asked.wrong = "format must be svg or folded\n";
            asked.as_picture = value == "svg";
        } else {
            asked.wrong = "known are seconds (1 to 60) and format (svg or folded)\n";
        }
    }
    return asked;
}

// Whether who asks means this machine. A browser says the name in its address bar; old clients say nothing.
bool means_this_machine(std::string_view host) noexcept {
    auto const name = host.substr(0, host.rfind(':'));
    return host.empty() || name == "127.0.0.1" || name == "localhost";
}

void fill(http::response& response, int status, std::string_view type, std::string body) {
    response.set_status(status);
    static_cast<void>(response.set_content_type(type)); // a literal, always valid
    static_cast<void>(response.add_header("Cache-Control", "no-store"));
    static_cast<void>(response.add_header("X-Content-Type-Options", "nosniff"));
    response.body() = std::move(body);
}

http::server_options few_and_patient() {
    http::server_options options;
    options.most_connections = 16;
    options.drain = std::chrono::milliseconds{500};
    return options;
}

weir::net::tcp_listener listen(std::uint16_t port) {
    auto bound = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(port));
    if (!bound) throw std::system_error{bound.error(), "debug port " + std::to_string(port)};
    return *std::move(bound);
}

} // namespace

debug_port::debug_port(weir::runtime& of, weir::registry const& numbers, std::uint16_t port)
    : runtime_{of}, numbers_{numbers},
      server_{few_and_patient(), [this](http::exchange& one) { return answer(one); }}, listener_{listen(port)} {
    routes_.add("GET", "/debug/tasks", &debug_port::tell_tasks);
    routes_.add("GET", "/debug/profile", &debug_port::take_profile);
    routes_.add("GET", "/debug/metrics", &debug_port::tell_metrics);
}

weir::task<> debug_port::answer(http::exchange& one) {
    auto const found = routes_.find(one.request.method(), one.request.path());
    if (!means_this_machine(one.request.host())) {
        fill(one.response, 403, plain_text, "the debug port is asked by 127.0.0.1 or localhost\n");
    } else if (!found.handler) {
        fill(one.response, found.status, plain_text,
             "GET /debug/tasks\nGET /debug/profile?seconds=5&format=svg|folded\nGET /debug/metrics\n");
        if (!found.allow.empty()) static_cast<void>(one.response.add_header("Allow", found.allow));
    } else {
        co_await (this->*(*found.handler))(one);
    }
}

weir::task<> debug_port::tell_tasks(http::exchange& one) {
    auto told = co_await weir::blocking([](weir::runtime* of) { return weir::dump(*of); }, &runtime_);
    if (told) fill(one.response, 200, plain_text, *std::move(told));
    else fill(one.response, 503, plain_text, told.error().message() + '\n');
}

weir::task<> debug_port::take_profile(http::exchange& one) {
    auto const asked = parse(one.request.query());
    if (!asked.wrong.empty()) {
        fill(one.response, 400, plain_text, asked.wrong);
        co_return;
    }
    weir::profiler looks;
    auto const started = co_await weir::blocking([](weir::profiler* by) { return by->start(); }, &looks);
    if (!started) {
        bool const busy = started.error() == std::errc::device_or_resource_busy;
        fill(one.response, busy ? 409 : 503, plain_text,
             busy ? "a profile is being taken\n" : started.error().message() + '\n');
        co_return;
    }
    static_cast<void>(co_await weir::sleep_for(asked.length)); // stopped, it is a short one
    weir::context const& above = co_await weir::this_task();
    weir::context const unstopped = above.with_stop({});
    co_await weir::use_context(unstopped); // so that its end, too, is on a thread that may block
    auto text = co_await weir::blocking([](weir::profiler* by, bool as_picture, long seconds) {
        auto const seen = by->stop();
        auto const title = std::to_string(seen.samples()) + " samples in " + std::to_string(seconds) + " s";
        return as_picture ? seen.svg(title) : seen.folded();
    }, &looks, asked.as_picture, static_cast<long>(asked.length.count()));
    if (text) fill(one.response, 200, asked.as_picture ? "image/svg+xml" : plain_text, *std::move(text));
    else fill(one.response, 503, plain_text, text.error().message() + '\n');
}

weir::task<> debug_port::tell_metrics(http::exchange& one) {
    std::string text;
    numbers_.write(text);
    fill(one.response, 200, weir::prometheus::content_type, std::move(text));
    co_return;
}

} // namespace gateway
