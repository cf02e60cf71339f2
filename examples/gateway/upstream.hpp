// examples/gateway/upstream.hpp: a server that speaks the OpenAI API, and to which requests are passed on.
// A request is tried again only where nothing of it can have been done: when no connection was made, or the answer is a
// 503 that does not say when to come back; and only before any of its answer has been used, out of a budget that all
// requests share. A breaker spares an upstream that keeps failing.
#pragma once

#include "api_error.hpp"

#include <http/client.hpp>
#include <weir/flow/circuit_breaker.hpp>
#include <weir/flow/retry.hpp>
#include <weir/flow/retry_budget.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/registry.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace gateway {

class upstream_options {
public:
    upstream_options() {}
    std::string url; // of the API, with its path: https://models.example/v1
    std::string key; // sent as a bearer's; none where it is empty
    http::client_options client;                            // connections, and layers for https
    weir::duration first_byte = std::chrono::seconds{120};  // from the request to the head of its answer
    weir::duration idle = std::chrono::seconds{60};         // without a byte of the answer's body
    unsigned attempts = 3;                                  // at most, the first included
    weir::duration first_pause = std::chrono::milliseconds{50}; // at most, before the second; doubles
    weir::retry_budget_options budget;
    weir::breaker_options breaker;
};

// Threads: any, for every function.
class upstream : weir::immovable {
public:
    // Errors: std::invalid_argument for a URL that is not of the form http://host/path, or https where there is no TLS.
    explicit upstream(upstream_options options);

    // A request for what is at `path`, which begins with a slash, below the URL. It carries the key.
    // Errors: std::errc::invalid_argument for a path that can be no part of a URL.
    weir::result<http::client_request> request(std::string_view method, std::string_view path) const;
    // Sends `ask`, which lasts until then, and gives the answer when its head has come, whatever its status.
    // Errors: errc::circuit_open; errc::timed_out; those of http::client::send.
    // Cancel: the connection is closed, so that the upstream hears of it at once.
    weir::task<weir::result<http::client_response>> send(http::client_request const& ask);
    // The next piece of the body, in the memory that it came in; empty at the end.
    // Errors: errc::timed_out when it pauses for too long; those of http::client_response::next.
    weir::task<weir::result<weir::bytes>> next(http::client_response& of);
    // The body whole.  Errors: as next; errc::too_long for more than `most` bytes.
    weir::task<weir::result<std::string>> read_all(http::client_response& of, std::size_t most);

    // To be awaited before the end, when no request is under way.
    weir::task<> close() { return client_.close(); }

    struct figures {
        weir::counter sent;    // requests, each try counted
        weir::counter failed;  // of these: no answer, or one that blames the upstream
        weir::counter retried; // tries after the first
        weir::counter spared;  // requests that the breaker held back
        weir::counter broken;  // answers that ended in the middle
    };
    figures const& counts() const noexcept { return figures_; }
    weir::breaker_state state() const noexcept { return breaker_.state(); }
    http::client const& connections() const noexcept { return client_; }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    using answer = weir::result<http::client_response>;

    weir::task<answer> attempt(http::client_request const& ask, std::optional<http::client_response>& busy);

    upstream_options const options_;
    std::string const base_; // the URL, without a slash at its end
    std::string const authorization_;
    http::client client_;
    weir::retry_budget budget_;
    weir::circuit_breaker breaker_;
    figures figures_;
    weir::histogram first_byte_; // how long an answer's head takes
};

// Why there is no answer of an upstream, for the client: 503 where it is spared or overloaded, 504 where it takes too
// long, else 502.
api_error upstream_error(std::error_code why);

} // namespace gateway
