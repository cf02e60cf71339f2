// examples/gateway/upstream.cpp: which tries are made, and what they say of the upstream.
#include "upstream.hpp"

#include <weir/coro/context.hpp>
#include <weir/timer/timeout.hpp>

#include <stdexcept>
#include <utility>

namespace gateway {

namespace {

// Whether nothing of the request can have been done. What only connecting brings; and what stands for a 503.
bool may_try_again(std::error_code why) {
    return why == std::errc::connection_refused || why == std::errc::host_unreachable ||
           why == std::errc::network_unreachable || why == weir::errc::overloaded;
}

std::string checked_base(upstream_options const& options) {
    auto base = options.url;
    while (base.ends_with('/')) base.pop_back();
    auto const made = http::client_request::make("GET", base + "/");
    if (!made || base.find_first_of("?#") != std::string::npos)
        throw std::invalid_argument("the upstream's URL is not of the form http://host:port/path: " + options.url);
    if (made->origin().secure && !options.client.layers)
        throw std::invalid_argument("the upstream's URL wants TLS, which this program has not: " + options.url);
    return base;
}

std::string checked_authorization(upstream_options const& options) {
    if (options.key.empty()) return {};
    auto value = "Bearer " + options.key;
    auto made = http::client_request::make("GET", "http://host/");
    if (!made->add_header("Authorization", value))
        throw std::invalid_argument("the upstream's key cannot be sent in a header");
    return value;
}

} // namespace

upstream::upstream(upstream_options options)
    : options_{std::move(options)}, base_{checked_base(options_)}, authorization_{checked_authorization(options_)},
      client_{options_.client}, budget_{options_.budget}, breaker_{options_.breaker} {}

weir::result<http::client_request> upstream::request(std::string_view method, std::string_view path) const {
    auto made = http::client_request::make(method, base_ + std::string{path});
    if (made && !authorization_.empty())
        static_cast<void>(made->add_header("Authorization", authorization_)); // was checked at the beginning
    return made;
}

weir::task<upstream::answer> upstream::attempt(http::client_request const& ask,
                                               std::optional<http::client_response>& busy) {
    busy.reset(); // its connection is free before another is asked for
    auto admitted = breaker_.try_enter();
    if (!admitted) {
        figures_.spared.add();
        co_return admitted.error();
    }
    figures_.sent.add();
    auto const began = weir::clock::now();
    auto got = co_await weir::timeout(client_.send(ask), options_.first_byte);
    weir::context const& here = co_await weir::this_task();
    if (!got && here.stop.stop_requested()) co_return got; // which says nothing of the upstream
    bool const well = got && (got->status() < 500 || got->status() == 501);
    if (well) {
        admitted->succeeded();
    } else {
        admitted->failed();
        figures_.failed.add();
    }
    if (!got) co_return got;
    first_byte_.record(weir::clock::now() - began);
    if (got->status() == 503 && !got->head().header("Retry-After")) {
        busy.emplace(std::move(*got));
        co_return weir::errc::overloaded;
    }
    co_return got;
}

weir::task<upstream::answer> upstream::send(http::client_request const& ask) {
    weir::retry_options with;
    with.attempts = options_.attempts;
    with.first_pause = options_.first_pause;
    with.retryable = may_try_again;
    with.budget = &budget_;
    std::optional<http::client_response> busy; // the 503 that is passed on when there is no further try
    unsigned tries = 0;
    auto got = co_await weir::retry(
        with,
        [](upstream* self, http::client_request const* what, std::optional<http::client_response>* last,
           unsigned* count) {
            if (++*count > 1) self->figures_.retried.add();
            return self->attempt(*what, *last);
        },
        this, &ask, &busy, &tries);
    if (!got && busy) co_return std::move(*busy);
    co_return got;
}

weir::task<weir::result<weir::bytes>> upstream::next(http::client_response& of) {
    auto piece = co_await weir::timeout(of.next(), options_.idle);
    weir::context const& here = co_await weir::this_task();
    if (!piece && !here.stop.stop_requested()) figures_.broken.add();
    co_return piece;
}

weir::task<weir::result<std::string>> upstream::read_all(http::client_response& of, std::size_t most) {
    std::string all;
    for (;;) {
        auto const piece = co_await next(of);
        if (!piece) co_return piece.error();
        if (piece->empty()) co_return all;
        if (piece->size() > most - all.size()) co_return weir::errc::too_long;
        all += piece->view();
    }
}

weir::registration upstream::register_metrics(weir::registry& with) const {
    weir::registration all;
    auto const counter = [&](char const* name, char const* help, weir::counter const& from) {
        all += with.add({.name = name, .help = help}, from).value();
    };
    counter("gateway_upstream_requests_total", "Requests to the upstream, each try counted.", figures_.sent);
    counter("gateway_upstream_failures_total", "Of these: no answer, or a status of 500 and more.", figures_.failed);
    counter("gateway_upstream_retries_total", "Of these: tries after the first.", figures_.retried);
    counter("gateway_upstream_spared_total", "Requests that an open circuit held back.", figures_.spared);
    counter("gateway_upstream_broken_total", "Answers of the upstream that ended in the middle.", figures_.broken);
    counter("gateway_upstream_connections_total", "Connections made to the upstream.", client_.counts().connected);
    all += with.add_gauge({.name = "gateway_upstream_circuit", .help = "0: closed, 1: open, 2: half open."},
                          [this] { return static_cast<double>(breaker_.state()); })
               .value();
    all += with.add({.name = "gateway_upstream_first_byte_seconds", .help = "From a request to the head of its answer."},
                    first_byte_)
               .value();
    return all;
}

api_error upstream_error(std::error_code why) {
    api_error error;
    error.type = "server_error";
    if (why == weir::errc::circuit_open || why == weir::errc::overloaded) {
        error.status = 503;
        error.code = "upstream_unavailable";
        error.message = "The upstream is not available now: " + why.message() + ".";
    } else if (why == weir::errc::timed_out || why == std::errc::timed_out) {
        error.status = 504;
        error.code = "upstream_timeout";
        error.message = "The upstream took too long.";
    } else {
        error.status = 502;
        error.code = "bad_gateway";
        error.message = "The upstream could not be asked, or gave no good answer: " + why.message() + ".";
    }
    return error;
}

} // namespace gateway
