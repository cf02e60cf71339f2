// examples/gateway/gateway.cpp: routes and their handlers.
#include "gateway.hpp"

#include "api_error.hpp"

#include <http/error.hpp>
#include <weir/coro/context.hpp>

#include <utility>
#include <variant>

namespace gateway {

namespace {

constexpr std::string_view json = "application/json";
constexpr std::int64_t model_created = 1'767'225'600; // the first day of 2026

void fill(http::response& response, int status, std::string_view type, std::string body) {
    response.set_status(status);
    static_cast<void>(response.set_content_type(type)); // a literal, always valid
    response.body() = std::move(body);
}

void fill(http::response& response, api_error const& error) { fill(response, error.status, json, to_json(error)); }

// The error of a wait inside the server, as the client should read it.
api_error overloaded_or_closed(std::error_code why) {
    api_error error;
    error.status = 503;
    error.type = "server_error";
    error.code = why == weir::errc::overloaded ? "overloaded" : "unavailable";
    error.message = "the embedding could not be computed now: " + why.message();
    return error;
}

} // namespace

gateway::gateway(keys accepted, weir::executor_ref where)
    : keys_{std::move(accepted)},
      models_{model_card{"weir-ngram-384", model_created, "weir"}},
      model_list_{model_list_json(models_)},
      embeddings_{where},
      registered_{embeddings_.register_metrics(registry_)} {
    add("GET", "/health", &gateway::health, false);
    add("GET", "/metrics", &gateway::metrics, false);
    add("GET", "/v1/models", &gateway::list_models, true);
    add("POST", "/v1/embeddings", &gateway::embed, true);
}

void gateway::add(std::string method, std::string path, weir::task<> (gateway::*answer)(http::exchange&), bool needs_key) {
    auto* const seconds = registry_
                              .histogram_of({.name = "gateway_request_seconds",
                                             .help = "From a whole request to its response, in seconds.",
                                             .labels = {{"route", path}}})
                              .value();
    routes_.add(method, path, route{answer, needs_key, seconds});
}

weir::registration gateway::observe(http::server const& server) {
    auto const& counts = server.counts();
    weir::registration all;
    auto const counter = [&](char const* name, char const* help, weir::counter const& from) {
        all += registry_.add({.name = name, .help = help}, from).value();
    };
    counter("gateway_connections_total", "Connections accepted.", counts.connections);
    counter("gateway_requests_total", "Requests answered, refused ones included.", counts.requests);
    counter("gateway_requests_refused_total", "Requests that were not well formed.", counts.refused);
    counter("gateway_connections_timed_out_total", "Connections closed because something took too long.", counts.timed_out);
    all +=
        registry_.add({.name = "gateway_connections", .help = "Connections that are open."}, counts.open).value();
    return all;
}

weir::task<> gateway::handle(http::exchange& one) {
    auto const began = weir::clock::now();
    auto const found = routes_.find(one.request.method(), one.request.path());
    if (!found.handler) {
        api_error error;
        error.status = found.status;
        error.message = found.status == 405 ? "the method " + std::string{one.request.method()} + " is not allowed for " +
                                                  std::string{one.request.path()} + "; allowed: " + found.allow
                                            : "there is nothing at " + std::string{one.request.path()};
        error.code = found.status == 405 ? "method_not_allowed" : "not_found";
        fill(one.response, error);
        if (!found.allow.empty()) static_cast<void>(one.response.add_header("Allow", found.allow));
        co_return;
    }
    one.parameters = found.parameters;
    if (!found.handler->needs_key || admitted(one.request, one.response)) co_await (this->*found.handler->answer)(one);
    found.handler->seconds->record(weir::clock::now() - began);
}

bool gateway::admitted(http::request const& request, http::response& response) const {
    auto const header = request.header("Authorization");
    auto const key = header ? bearer(*header) : std::nullopt;
    if (key && keys_.contains(*key)) return true;
    fill(response, unauthorized(header.has_value()));
    static_cast<void>(response.add_header("WWW-Authenticate", "Bearer"));
    return false;
}

weir::task<> gateway::health(http::exchange& one) {
    static_cast<void>(one.response.set_content_type(json));
    one.response.body() = R"({"status":"ok"})";
    co_return;
}

weir::task<> gateway::metrics(http::exchange& one) {
    static_cast<void>(one.response.set_content_type(weir::prometheus::content_type));
    registry_.write(one.response.body());
    co_return;
}

weir::task<> gateway::list_models(http::exchange& one) {
    static_cast<void>(one.response.set_content_type(json));
    one.response.body() = model_list_;
    co_return;
}

weir::task<> gateway::embed(http::exchange& one) {
    auto const parsed = parse_embeddings_request(one.request.body(), models_);
    if (auto const* const error = std::get_if<api_error>(&parsed)) {
        fill(one.response, *error);
        co_return;
    }
    auto const& asked = std::get<embeddings_request>(parsed);
    auto const vectors = co_await embeddings_.embed(asked.inputs);
    if (!vectors) {
        fill(one.response, overloaded_or_closed(vectors.error()));
        co_return;
    }
    std::size_t tokens = 0;
    for (auto const& input : asked.inputs) tokens += approximate_tokens(input);
    static_cast<void>(one.response.set_content_type(json));
    append_embeddings_response(one.response.body(), asked.model, *vectors, tokens);
}

} // namespace gateway
