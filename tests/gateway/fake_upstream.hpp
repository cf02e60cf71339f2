// tests/gateway/fake_upstream.hpp: services before an upstream that does what a test says, all on real sockets.
#pragma once

#include <gateway/chat_service.hpp>
#include <gateway/model_service.hpp>

#include <http/router.hpp>

#include "http/serving.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace gateway_test {

using namespace http_test;

inline std::string const first_event = "data: {\"first\":1}\n\n";
inline std::string const other_events = "data: {\"second\":2}\n\ndata: [DONE]\n\n";
inline std::string const piece_of_16k(16 * 1024, '5');
inline constexpr std::size_t huge_size = 4 * 1024 * 1024;

// A server of our own, whose answer is chosen by the model that is asked for.
class fake_upstream {
public:
    explicit fake_upstream(weir::runtime& on)
        : listener_{weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value()},
          url_{"http://" + listener_.local().value().to_string() + "/v1"},
          server_{http::server_options{}, [this](http::exchange& one) { return answer(one); }},
          thread_{[this, &on] {
              on.block_on([](fake_upstream* self) { return self->server_.run(self->listener_); }, this);
          }} {}
    ~fake_upstream() {
        gate.set();
        server_.drain();
        thread_.join();
    }

    std::string const& url() const noexcept { return url_; }
    // Head lines and body of the last request.
    std::string last() const {
        std::lock_guard const locked{mutex_};
        return last_;
    }
    std::int64_t open() const noexcept { return server_.counts().open.value(); }

    weir::event gate;
    weir::atomic<int> requests{0};
    weir::atomic<int> stopped{0};         // streams that could not go on, and silences that were cut short
    weir::atomic<int> busy{0};            // so many answers more are a 503
    weir::atomic<std::size_t> written{0}; // bytes of the endless stream
    weir::atomic<int> models_status{200};
    std::function<std::string(std::string_view path)> models; // what it says of models

private:
    void note(http::request const& request) {
        std::lock_guard const locked{mutex_};
        last_ = std::string{request.method()} + ' ' + std::string{request.target()} + '\n';
        for (std::size_t i = 0; i < request.header_count(); ++i)
            last_ += std::string{request.header_at(i).name} + ": " + std::string{request.header_at(i).value} + '\n';
        last_ += '\n' + std::string{request.body()};
    }

    weir::task<> answer(http::exchange& one) {
        note(one.request);
        requests.fetch_add(1, weir::relaxed); // a tally
        auto const json = [&](int status, std::string body) {
            one.response.set_status(status);
            static_cast<void>(one.response.set_content_type("application/json; charset=utf-8"));
            one.response.body() = std::move(body);
        };
        if (one.request.path().starts_with("/v1/models")) {
            auto const status = models_status.load(weir::relaxed); // set before the request
            co_return json(status, models(one.request.path()));
        }
        auto const body = one.request.body();
        auto const asked = [&](std::string_view model) {
            return body.find("\"" + std::string{model} + "\"") != std::string_view::npos;
        };
        if (asked("busy") && busy.fetch_sub(1, weir::relaxed) > 0) { // a tally
            co_return json(503, R"({"error":{"message":"busy"}})");
        } else if (asked("later")) {
            static_cast<void>(one.response.add_header("Retry-After", "7"));
            co_return json(503, R"({"error":{"message":"later"}})");
        } else if (asked("limits")) {
            for (auto const name : {"Retry-After", "X-RateLimit-Limit-Requests", "OpenAI-Version", "X-Request-Id", "X-Secret"})
                static_cast<void>(one.response.add_header(name, "9"));
            co_return json(429, R"({"error":{"message":"slow down"}})");
        } else if (asked("refuses")) {
            co_return json(401, R"({"error":{"message":"the key sk-1234 is wrong"}})");
        } else if (asked("html")) {
            static_cast<void>(one.response.set_content_type("text/html"));
            one.response.body() = "<p>welcome to our hotel";
        } else if (asked("html-404")) {
            one.response.set_status(404);
            static_cast<void>(one.response.set_content_type("text/html"));
        } else if (asked("silent")) {
            one.stream.watch();
            auto const passed = co_await gate.wait();
            if (!passed) stopped.fetch_add(1, weir::relaxed); // a tally
        } else if (asked("half")) {
            static_cast<void>(one.response.set_content_type("application/json"));
            one.stream.begin(1000);
            static_cast<void>(co_await one.stream.write("{\"half\":"));
            one.stream.abort();
        } else if (asked("huge")) {
            static_cast<void>(one.response.set_content_type("application/json"));
            one.stream.begin();
            for (std::size_t sent = 0; sent < huge_size; sent += piece_of_16k.size())
                static_cast<void>(co_await one.stream.write(piece_of_16k));
        } else if (body.find("\"stream\":true") == std::string_view::npos) {
            co_return json(200, R"({"object":"chat.completion"})");
        } else {
            co_await stream(one, asked("endless"), asked("gated"), asked("dies"));
        }
    }
    weir::task<> stream(http::exchange& one, bool endless, bool gated, bool dies) {
        static_cast<void>(one.response.set_content_type("text/event-stream"));
        one.stream.begin();
        auto sent = co_await one.stream.write(first_event);
        while (sent && endless) {
            sent = co_await one.stream.write(piece_of_16k);
            written.fetch_add(piece_of_16k.size(), weir::relaxed); // a tally
        }
        if (sent && dies) co_return one.stream.abort();
        if (sent && gated) sent = co_await gate.wait();
        if (sent) sent = co_await one.stream.write(other_events);
        if (!sent) stopped.fetch_add(1, weir::relaxed); // a tally
    }

    weir::net::tcp_listener listener_;
    std::string const url_;
    mutable std::mutex mutex_;
    std::string last_;
    http::server server_;
    std::thread thread_;
};

// The services as a gateway has them, on each backend in turn.
class stage {
public:
    explicit stage(gateway::upstream_options options = {}, gateway::model_options models_options = {})
        : at{http::server_options{}, 2, [this](http::exchange& one) { return route(one); }}, behind{at.runtime()},
          upstream{with_url(options, behind.url())},
          models{at.runtime().get_executor(), {gateway::embedding_model_card()}, &upstream, models_options},
          chat{&upstream} {
        routes_.add("POST", "/v1/chat/completions", [this](http::exchange& one) { return chat.complete(one, by_); });
        routes_.add("POST", "/echo", [this](http::exchange& one) { return echo.complete(one, by_); });
        routes_.add("GET", "/v1/models", [this](http::exchange& one) { return models.list(one); });
        routes_.add("GET", "/v1/models/{id}", [this](http::exchange& one) { return models.retrieve(one); });
        by_.request_id = "request-7";
        by_.headers = {{"user-agent", "set by an action"}, {"authorization", "Bearer not-this"}, {"x-team", "red"}};
    }
    ~stage() {
        at.end();
        at.runtime().block_on([](stage* self) -> weir::task<> {
            co_await self->models.close();
            co_await self->upstream.close();
        }, this);
    }

    // A request for a completion, plain or streamed.
    static std::string completion(std::string_view model, bool streamed = false, std::string_view headers = {},
                                  std::string_view path = "/v1/chat/completions") {
        auto const body = R"({"model":")" + std::string{model} + R"(","messages":[{"role":"user","content":"hello big world"}])" +
                          (streamed ? R"(,"stream":true})" : "}");
        return post(path, "Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string{headers}, body);
    }

    serving at;
    fake_upstream behind;
    gateway::upstream upstream;
    gateway::model_service models;
    gateway::chat_service chat;
    gateway::chat_service echo;

private:
    static gateway::upstream_options with_url(gateway::upstream_options options, std::string const& url) {
        if (options.url.empty()) options.url = url;
        options.key = "sk-upstream";
        options.first_pause = 1ms;
        return options;
    }
    weir::task<> route(http::exchange& one) {
        auto const found = routes_.find(one.request.method(), one.request.path());
        one.parameters = found.parameters;
        if (found.handler) co_await (*found.handler)(one);
        else one.response.set_status(404);
    }

    http::router<http::handler> routes_;
    gateway::caller by_;
};

// The body of chunks; says "cut" where they end early.
inline std::string joined(std::string_view chunks) {
    std::string body;
    for (;;) {
        auto const end = chunks.find("\r\n");
        if (end == std::string_view::npos) return body + "cut";
        std::size_t size = 0;
        std::from_chars(chunks.data(), chunks.data() + end, size, 16);
        chunks.remove_prefix(end + 2);
        if (size == 0) return chunks == "\r\n" ? body : body + "more";
        if (chunks.size() < size + 2) return body + "cut";
        body += chunks.substr(0, size);
        chunks.remove_prefix(size + 2);
    }
}

} // namespace gateway_test
