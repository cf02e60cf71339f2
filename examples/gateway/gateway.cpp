// examples/gateway/gateway.cpp: a request on its way through the steps.
#include "gateway.hpp"

#include "api_error.hpp"
#include "request_id.hpp"

#include <weir/coro/context.hpp>

#include <exception>
#include <utility>

namespace gateway {

// One request, and what is found out about it.
class gateway::passage {
public:
    std::chrono::system_clock::time_point const at = std::chrono::system_clock::now();
    weir::time_point const began = weir::clock::now();
    std::string const id = audit_row::next_id(at);
    route* taken = nullptr;
    std::string peer;
    std::string error; // the code that the client was given
    std::int64_t rate_limit = 0;
    caller who;
};

void gateway::refuse(http::exchange& one, passage& way, api_error const& why) {
    way.error = why.code;
    fill(one.response, why);
}

weir::task<> gateway::handle(http::exchange& one) {
    passage way;
    way.who.request_id = request_id(one.request.header(request_id_header), way.id);
    static_cast<void>(one.response.add_header(request_id_header, way.who.request_id)); // one of ours, or checked
    if (auto const peer = one.socket.peer()) way.peer = peer->to_string();
    auto const found = routes_.find(one.request.method(), one.request.path());
    if (found.handler) way.taken = *found.handler;
    else if (found.status == 404 && is_file(one.request.path())) way.taken = files_;
    one.parameters = found.parameters;
    std::exception_ptr thrown;
    if (!way.taken) {
        not_found(one, way, found);
    } else {
        try {
            co_await pass(one, way);
            if (options_.compress_above > 0) co_await http::compress(one, compression_);
        } catch (...) { thrown = std::current_exception(); }
    }
    if (thrown) fail(one, way, thrown);
    weir::context const& here = co_await weir::this_task();
    finish(one, way, here.stop.stop_requested());
    if (thrown && one.stream.begun()) std::rethrow_exception(thrown); // the server breaks it off
}

bool gateway::is_file(std::string_view path) const { return files_ && path.starts_with(files_path_); }

void gateway::not_found(http::exchange& one, passage& way, http::router<route*>::match const& found) {
    api_error error;
    error.status = found.status;
    error.message = found.status == 405 ? "the method " + std::string{one.request.method()} + " is not allowed for " +
                                              std::string{one.request.path()} + "; allowed: " + found.allow
                                        : "there is nothing at " + std::string{one.request.path()};
    error.code = found.status == 405 ? "method_not_allowed" : "not_found";
    refuse(one, way, error);
    if (!found.allow.empty()) static_cast<void>(one.response.add_header("Allow", found.allow));
}

// The client is not told what was thrown; the log is.
void gateway::fail(http::exchange& one, passage& way, std::exception_ptr const& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (std::exception const& error) {
        log_.say(log_level::error, "a service has thrown", {{"id", way.who.request_id}, {"error", error.what()}});
    } catch (...) { log_.say(log_level::error, "a service has thrown", {{"id", way.who.request_id}}); }
    api_error const why{500, "the server failed to answer this request", "server_error", "", "internal_error"};
    way.error = why.code;
    if (!one.stream.begun()) refuse(one, way, why);
    else one.response.set_status(why.status); // for the audit; the client has another already
}

weir::task<> gateway::pass(http::exchange& one, passage& way) {
    route const& to = *way.taken;
    if (!to.limit) {
        co_await to.answer(one, way.who);
        co_return;
    }
    bool const known = co_await recognise(one, way);
    if (!known || !within_rate(one, way)) co_return; // keeps G2
    auto place = co_await to.limit->enter();
    if (!place) {
        refuse(one, way, unavailable("this server has too much to do; nothing was done", place.error()));
        static_cast<void>(one.response.add_header("Retry-After", retry_after({})));
        co_return; // keeps G2
    }
    bool const allowed = co_await act(one, way);
    if (!allowed) co_return;
    co_await to.answer(one, way.who);
    // A stream lasts as long as there is something to say, and a refusal is quick: neither tells how busy we are.
    if (one.response.status() == 503) place->overloaded();
    else if (one.response.status() < 400 && !one.stream.begun()) place->succeeded();
}

weir::task<bool> gateway::recognise(http::exchange& one, passage& way) {
    auto const header = one.request.header("Authorization");
    auto const key = header ? bearer(*header) : std::nullopt;
    way.rate_limit = options_.rate_limit;
    if (key) {
        auto const accepted = parts_.accepted();
        if (auto const* const name = accepted->name_of(*key)) {
            way.who.key_name = *name;
            co_return true;
        }
    }
    if (key && parts_.stored_keys) {
        auto const found = co_await parts_.stored_keys->admit(*key);
        if (!found) {
            refuse(one, way, unavailable("the key cannot be looked up", found.error()));
            static_cast<void>(one.response.add_header("Retry-After", retry_after({})));
            co_return false;
        }
        if (auto const& record = *found) {
            way.who.key_name = record->name;
            if (record->rate_limit > 0) way.rate_limit = record->rate_limit;
            co_return true;
        }
    }
    refuse(one, way, unauthorized(header.has_value()));
    static_cast<void>(one.response.add_header("WWW-Authenticate", "Bearer"));
    co_return false;
}

bool gateway::within_rate(http::exchange& one, passage& way) {
    auto const said = rates_.ask(way.who.key_name, way.rate_limit);
    tell_rate(one.response, said);
    if (said.allowed()) return true;
    limited_.add();
    api_error error;
    error.status = 429;
    error.type = "requests";
    error.code = "rate_limit_exceeded";
    error.message = "this key may make " + std::to_string(said.limit) + " requests a minute; try again in " +
                    short_text(said.wait);
    refuse(one, way, error);
    return false;
}

#ifdef WEIR_GATEWAY_ACTIONS
weir::task<bool> gateway::act(http::exchange& one, passage& way) {
    if (!parts_.scripts) co_return true;
    request_view seen{one.request};
    seen.peer = way.peer;
    seen.key = way.who.key_name;
    auto said = co_await parts_.scripts->run(seen);
    if (!said) {
        refuse(one, way, unavailable("the actions cannot be run", said.error()));
        co_return false;
    }
    for (auto const& each : said->response_headers) static_cast<void>(one.response.add_header(each.name, each.value));
    for (auto& each : said->request_headers) way.who.headers.emplace_back(std::move(each.name), std::move(each.value));
    if (said->allowed()) co_return true;
    api_error error;
    error.status = said->status;
    if (error.status >= 500) error.type = "server_error";
    error.code = said->code;
    error.message = said->message;
    refuse(one, way, error);
    if (error.status == 503) static_cast<void>(one.response.add_header("Retry-After", retry_after({})));
    co_return false;
}
#else
weir::task<bool> gateway::act(http::exchange&, passage&) { co_return true; }
#endif

void gateway::finish(http::exchange& one, passage& way, bool stopped) {
    constexpr int broken_off = 499; // as nginx calls it: nobody was told
    auto const took = weir::clock::now() - way.began;
    int const status = stopped ? broken_off : one.response.status();
    if (auto* const to = way.taken) {
        to->seconds->record(took);
        if (stopped && draining_.load(weir::relaxed)) to->cut.add(); // a figure
        to->answered[stopped ? 3 : status >= 500 ? 2 : status >= 400 ? 1 : 0]->add();
        if (to->limit) latency_.record(took);
        if (to->probe && !options_.audit_probes) return;
    }
    auto const& request = one.request;
    auto const sent = one.stream.begun() ? one.stream.sent() : one.response.body().size();
    if (parts_.audit) {
        audit_row row;
        row.id = way.id;
        row.request_id = way.who.request_id;
        row.at = way.at;
        row.key_name = way.who.key_name;
        row.client = way.peer;
        row.method = request.method();
        row.path = request.path();
        row.status = status;
        row.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
        row.request_bytes = static_cast<std::int64_t>(request.body().size());
        row.response_bytes = static_cast<std::int64_t>(sent);
        static_cast<void>(parts_.audit->record(std::move(row))); // counts and tells itself what it loses
    }
    request_entry entry;
    entry.id = way.who.request_id;
    entry.key_name = way.who.key_name;
    entry.peer = way.peer;
    entry.method = request.method();
    entry.path = request.path();
    if (way.taken) entry.route = way.taken->path;
    entry.error = way.error;
    entry.status = status;
    entry.received = request.body().size();
    entry.sent = sent;
    entry.took = took;
    log_.request(entry); // keeps G1
}

} // namespace gateway
