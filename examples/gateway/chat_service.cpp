// examples/gateway/chat_service.cpp: which headers pass, and how an answer is handed back.
#include "chat_service.hpp"

#include "openai.hpp"
#include "openai_body.hpp"

#include <http/ascii.hpp>
#include <http/event_stream.hpp>
#include <weir/coro/context.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace gateway {

namespace {

constexpr std::size_t most_held = 64 * 1024; // of an answer that is taken whole

bool is_one_of(std::string_view name, auto const& names) {
    return std::any_of(std::begin(names), std::end(names),
                       [&](std::string_view each) { return http::equal_ignoring_case(name, each); });
}

bool begins_with(std::string_view name, std::string_view prefix) {
    return http::equal_ignoring_case(name.substr(0, prefix.size()), prefix);
}

// What of a client's headers is the upstream's business. Its key is not: the upstream gets the gateway's own.
constexpr std::string_view sent_on[] = {"accept", "idempotency-key", "openai-beta",
                                        "traceparent", "tracestate", "user-agent"};
// What even actions do not set.
constexpr std::string_view settled[] = {"authorization", "content-type", "x-request-id"};
// What of an answer's headers is the client's, besides limits of rate and what the API itself tells.
constexpr std::string_view handed_back[] = {"cache-control", "retry-after"};

http::client_request request_for(http::client_request made, http::exchange const& one, caller const& by) {
    auto const set = [&](std::string_view name, std::string_view value) {
        static_cast<void>(made.add_header(name, value)); // one that is not valid is left out
    };
    set("Content-Type", "application/json");
    if (!by.request_id.empty()) set("X-Request-Id", by.request_id);
    for (auto const& [name, value] : by.headers)
        if (!is_one_of(name, settled)) set(name, value);
    for (std::size_t i = 0; i < one.request.header_count(); ++i) {
        auto const [name, value] = one.request.header_at(i);
        bool const replaced = std::any_of(by.headers.begin(), by.headers.end(), [&, sent = name](auto const& each) {
            return http::equal_ignoring_case(each.first, sent);
        });
        if (!replaced && is_one_of(name, sent_on)) set(name, value);
    }
    made.set_body(weir::bytes::copy_of(one.request.body())); // the client's buffer must not wait for every try
    return made;
}

// What of an answer's head is the client's business.
void copy_head(http::response_head const& from, http::response& to) {
    to.set_status(from.status());
    for (std::size_t i = 0; i < from.header_count(); ++i) {
        auto const [name, value] = from.header_at(i);
        if (http::equal_ignoring_case(name, "content-type")) static_cast<void>(to.set_content_type(value));
        else if (http::equal_ignoring_case(name, "x-request-id")) // that name is taken by the gateway's own
            static_cast<void>(to.add_header("X-Upstream-Request-Id", value));
        else if (is_one_of(name, handed_back) || begins_with(name, "x-ratelimit-") || begins_with(name, "openai-"))
            static_cast<void>(to.add_header(name, value)); // the client parsed it: it is valid
    }
}

// The media type without its parameters.
std::string_view essence(http::response_head const& of) {
    auto const whole = of.header("Content-Type").value_or("");
    return http::trimmed(whole.substr(0, whole.find(';')));
}

// Why an answer of that kind is not passed on.
api_error no_good_answer(http::response_head const& head, std::string_view wanted) {
    api_error error;
    error.type = "server_error";
    error.code = "bad_gateway";
    error.status = 502;
    if (head.status() == 401) {
        error.code = "upstream_refused_key";
        error.message = "The upstream does not accept the gateway's key.";
    } else if (head.status() >= 400) {
        error.status = head.status();
        error.message = "The upstream refused the request without saying why.";
    } else {
        error.message = "The upstream answered with the status " + std::to_string(head.status()) + " and '" +
                        std::string{essence(head)} + "' in the place of '" + std::string{wanted} + "'.";
    }
    return error;
}

void refuse(http::response& response, api_error const& why) {
    fill(response, why);
    if (why.status == 503) static_cast<void>(response.add_header("Retry-After", "1")); // a literal, always valid
}

} // namespace

weir::task<> chat_service::complete(http::exchange& one, caller const& by) {
    if (from_) co_await pass_on(one, by);
    else co_await echo(one, by);
}

weir::task<> chat_service::note_leaving(bool sent) {
    weir::context const& here = co_await weir::this_task();
    if (!sent || here.stop.stop_requested()) figures_.left.add();
}

weir::task<> chat_service::pass_on(http::exchange& one, caller const& by) {
    auto const read = co_await read_body(&parse_chat_outline, one.request.body());
    if (!read) co_return refuse(one.response, unavailable("the request could not be read", read.error()));
    if (auto const* const error = std::get_if<api_error>(&*read)) co_return fill(one.response, *error);
    bool const streamed = std::get<chat_outline>(*read).stream;
    one.stream.watch(); // a model may think for minutes before its first word
    auto const ask = request_for(from_->request("POST", "/chat/completions").value(), one, by);
    auto answer = co_await from_->send(ask);
    if (!answer) {
        refuse(one.response, upstream_error(answer.error()));
        co_return co_await note_leaving(true);
    }
    co_await hand_back(one, std::move(*answer), streamed);
}

weir::task<> chat_service::hand_back(http::exchange& one, http::client_response answer, bool streamed) {
    auto const& head = answer.head();
    bool const well = head.status() >= 200 && head.status() < 300;
    std::string_view const wanted = well && streamed ? "text/event-stream" : "application/json";
    bool const good = (well || head.status() >= 400) && head.status() != 401;
    if (!good || !http::equal_ignoring_case(essence(head), wanted))
        co_return refuse(one.response, no_good_answer(head, wanted));
    std::string held;
    while (wanted == "application/json" && held.size() <= most_held) {
        auto const piece = co_await from_->next(answer);
        if (!piece) {
            refuse(one.response, upstream_error(piece.error()));
            co_return co_await note_leaving(true);
        }
        held += piece->view();
        if (piece->empty()) {
            copy_head(head, one.response);
            one.response.body() = std::move(held);
            co_return;
        }
    }
    copy_head(head, one.response);
    co_await relay(one, answer, std::move(held));
}

weir::task<> chat_service::relay(http::exchange& one, http::client_response& answer, std::string held) {
    figures_.streams.add();
    figures_.bytes.add(held.size());
    one.stream.begin();
    auto sent = co_await one.stream.write(held); // the head at least, before the first piece has come
    std::string{}.swap(held);
    while (sent) {
        auto const piece = co_await from_->next(answer);
        if (!piece) {
            weir::context const& here = co_await weir::this_task();
            if (!here.stop.stop_requested()) figures_.broken.add();
            one.stream.abort();
            break;
        }
        if (piece->empty()) co_return;
        figures_.bytes.add(piece->size());
        sent = co_await one.stream.write(*piece);
    }
    co_await note_leaving(static_cast<bool>(sent));
}

weir::task<> chat_service::echo(http::exchange& one, caller const& by) {
    auto const read = co_await read_body(&parse_chat_request, one.request.body());
    if (!read) co_return refuse(one.response, unavailable("the request could not be read", read.error()));
    if (auto const* const error = std::get_if<api_error>(&*read)) co_return fill(one.response, *error);
    auto const& asked = std::get<chat_request>(*read);
    if (asked.model != echo_model_name) co_return fill(one.response, model_not_found(asked.model));
    chat_answer_writer::heading heading;
    heading.id = "chatcmpl-" + by.request_id;
    heading.created = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch()).count();
    heading.model = asked.model;
    heading.usage_follows = asked.include_usage;
    chat_answer_writer const writer{std::move(heading)};
    if (asked.stream) {
        bool const sent = co_await stream_echo(one, asked, writer);
        co_return co_await note_leaving(sent);
    }
    echo_reply const reply{asked};
    chat_usage const usage{reply.prompt_tokens(), reply.size() * asked.choices};
    figures_.tokens.add(usage.completion_tokens);
    static_cast<void>(one.response.set_content_type("application/json")); // a literal, always valid
    one.response.body() = writer.whole(reply.text(), reply.finish_reason(), asked.choices, usage);
}

weir::task<bool> chat_service::stream_echo(http::exchange& one, chat_request const& asked,
                                           chat_answer_writer const& writer) {
    echo_reply const reply{asked};
    http::event_stream events{one};
    std::string text;
    for (std::size_t i = 0; i < reply.size() + 2; ++i) { // an opening, the tokens, a closing
        for (std::size_t choice = 0; choice < asked.choices; ++choice) {
            if (i == 0) text = writer.opening(choice);
            else if (i <= reply.size()) text = writer.token(choice, reply.token(i - 1));
            else text = writer.closing(choice, reply.finish_reason());
            auto const sent = co_await events.send(http::event{text});
            if (!sent) co_return false;
            if (i > 0 && i <= reply.size()) figures_.tokens.add();
        }
        if (options_.echo_pause == weir::duration::zero()) continue;
        auto const slept = co_await weir::sleep_for(options_.echo_pause);
        if (!slept) co_return false; // stopped, which breaks the stream off
    }
    if (asked.include_usage) {
        text = writer.usage(chat_usage{reply.prompt_tokens(), reply.size() * asked.choices});
        auto const sent = co_await events.send(http::event{text});
        if (!sent) co_return false;
    }
    auto const sent = co_await events.send(http::event{"[DONE]"});
    co_return static_cast<bool>(sent);
}

weir::registration chat_service::register_metrics(weir::registry& with) const {
    weir::registration all;
    auto const counter = [&](char const* name, char const* help, weir::counter const& from) {
        all += with.add({.name = name, .help = help}, from).value();
    };
    counter("gateway_chat_streams_total", "Answers of the upstream that were passed on piece by piece.",
            figures_.streams);
    counter("gateway_chat_streamed_bytes_total", "Bytes of these.", figures_.bytes);
    counter("gateway_chat_broken_total", "Of these: the upstream failed in the middle.", figures_.broken);
    counter("gateway_chat_left_total", "Requests whose client left before the end.", figures_.left);
    counter("gateway_chat_echo_tokens_total", "Tokens of the echo model.", figures_.tokens);
    return all;
}

} // namespace gateway
