// tests/gateway/chat_service.cpp: completions passed on to upstreams that behave and to such that do not, and the echo.
#include "fake_upstream.hpp"

#include <nlohmann/json.hpp>

#include <malloc.h>

using namespace gateway_test;
using nlohmann::json;

namespace {

std::string code_of(reply const& got) { return json::parse(got.body)["error"]["code"].get<std::string>(); }

bool has_line(std::string const& head, std::string_view line) { return head.find(line) != std::string::npos; }

// What of the heap is in use; 0 under allocators that do not say.
std::size_t heap() {
    auto const now = ::mallinfo2();
    return now.uordblks + now.hblkhd; // large blocks are mapped apart
}

// Does nothing with the first `count` bytes that come.
bool skip(caller& from, std::size_t count) {
    for (std::size_t got = 0; got < count;) {
        auto const piece = from.up_to("\r\n");
        if (piece.empty()) return false;
        got += piece.size();
    }
    return true;
}

// Whether the connection ends, in order or not, and nothing more comes: no last chunk, and no other response.
bool ends_with_nothing_more(caller& from) {
    auto const rest = from.rest();
    return rest ? rest->empty() : rest.error() != weir::errc::timed_out;
}

// An address at which nobody listens.
std::string nowhere() {
    auto const listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
    return "http://" + listener.local().value().to_string() + "/v1";
}

} // namespace

TEST_CASE("a request goes on as it came, with the gateway's key and id, and the headers that are the upstream's") {
    stage on;
    caller one{on.at};
    auto const got = one.ask(stage::completion("plain", false,
                                               "Authorization: Bearer client\r\nCookie: a\r\nUser-Agent: mine\r\n"
                                               "Accept: text/x\r\nX-Request-Id: forged\r\nX-Team: blue\r\nTraceparent: 00\r\n"));
    CHECK(got.status == 200);
    CHECK(got.body == R"({"object":"chat.completion"})");
    CHECK(got.header("Content-Type") == "application/json; charset=utf-8");
    auto const seen = on.behind.last();
    CHECK(seen.starts_with("POST /v1/chat/completions\n"));
    CHECK(has_line(seen, "\nAuthorization: Bearer sk-upstream\n"));
    CHECK(has_line(seen, "\nX-Request-Id: request-7\n"));
    CHECK(has_line(seen, "\nContent-Type: application/json\n"));
    CHECK(has_line(seen, "\nAccept: text/x\n"));
    CHECK(has_line(seen, "\nTraceparent: 00\n"));
    CHECK(has_line(seen, "\nuser-agent: set by an action\n"));
    CHECK(has_line(seen, "\nx-team: red\n"));
    for (auto const* each : {"client", "Cookie", "mine", "forged", "blue", "not-this"}) CHECK_FALSE(has_line(seen, each));
    CHECK(seen.ends_with(R"({"model":"plain","messages":[{"role":"user","content":"hello big world"}]})"));
}

TEST_CASE("a refusal of the upstream is handed back, with the headers that are the client's business") {
    stage on;
    caller one{on.at};
    auto const got = one.ask(stage::completion("limits"));
    CHECK(got.status == 429);
    CHECK(got.body == R"({"error":{"message":"slow down"}})");
    CHECK(got.header("Retry-After") == "9");
    CHECK(got.header("X-RateLimit-Limit-Requests") == "9");
    CHECK(got.header("OpenAI-Version") == "9");
    CHECK(got.header("X-Upstream-Request-Id") == "9");
    CHECK(got.header("X-Request-Id").empty());
    CHECK(got.header("X-Secret").empty());
    CHECK(on.behind.requests.load(weir::relaxed) == 1);
}

TEST_CASE("a request that cannot be passed on never reaches the upstream") {
    stage on;
    caller one{on.at};
    for (std::string const body : {"", "[]", R"({"model":"m"})", R"({"model":"m","messages":[1],"stream":3})"}) {
        auto const got = one.ask(post("/v1/chat/completions", "Content-Length: " + std::to_string(body.size()) + "\r\n", body));
        CHECK(got.status == 400);
        CHECK(json::parse(got.body)["error"]["type"] == "invalid_request_error");
    }
    CHECK(on.behind.requests.load(weir::relaxed) == 0);
}

TEST_CASE("a body that takes long to read is passed on like any other") {
    stage on;
    caller one{on.at};
    auto const body = R"({"model":"m","messages":[")" + std::string(300'000, 'x') + "\"]}";
    CHECK(one.ask(post("/v1/chat/completions", "Content-Length: " + std::to_string(body.size()) + "\r\n", body)).status == 200);
    CHECK(on.behind.last().ends_with(body));
}

TEST_CASE("an event reaches the client while the upstream still thinks about the next") {
    stage on;
    caller one{on.at};
    CHECK(one.send(stage::completion("gated", true)));
    auto const head = one.up_to("\r\n\r\n");
    CHECK(has_line(head, "HTTP/1.1 200 OK"));
    CHECK(has_line(head, "Content-Type: text/event-stream\r\n"));
    auto const first = one.up_to("\n\n\r\n");
    CHECK(first == "13\r\n" + first_event + "\r\n");
    on.behind.gate.set();
    CHECK(joined(first + one.up_to("\r\n0\r\n\r\n")) == first_event + other_events);
    CHECK(one.ask(stage::completion("plain")).status == 200); // the connection goes on
    CHECK(on.chat.counts().streams.value() == 1);
    CHECK(on.chat.counts().bytes.value() == first_event.size() + other_events.size());
    CHECK(on.chat.counts().left.value() + on.chat.counts().broken.value() == 0);
    CHECK(on.upstream.connections().idle() == 1); // and so does the upstream's
}

TEST_CASE("a client that leaves in the middle ends the request at the upstream") {
    stage on;
    caller closing{on.at};
    caller resetting{on.at};
    for (auto* const each : {&closing, &resetting}) {
        CHECK(each->send(stage::completion("gated", true)));
        each->up_to("\n\n\r\n");
    }
    CHECK(on.behind.stopped.load(weir::relaxed) == 0);
    closing.leave();
    resetting.reset();
    CHECK(eventually([&] { return on.behind.stopped.load(weir::relaxed) == 2; }));
    CHECK(eventually([&] { return on.behind.open() == 0; }));
    CHECK(eventually([&] { return on.chat.counts().left.value() == 2; }));
    CHECK(on.chat.counts().broken.value() == 0);
    CHECK(on.upstream.counts().broken.value() == 0);
    CHECK(on.upstream.counts().failed.value() == 0);
}

TEST_CASE("a client that leaves before the first byte ends the request at the upstream, which is not blamed") {
    stage on;
    caller closing{on.at};
    caller resetting{on.at};
    caller staying{on.at};
    for (auto* const each : {&closing, &resetting, &staying})
        CHECK(each->send(stage::completion("silent", each == &closing)));
    CHECK(eventually([&] { return on.behind.requests.load(weir::relaxed) == 3; }));
    CHECK(on.behind.stopped.load(weir::relaxed) == 0);
    closing.leave();
    resetting.reset();
    CHECK(eventually([&] { return on.behind.stopped.load(weir::relaxed) == 2; }));
    CHECK(eventually([&] { return on.chat.counts().left.value() == 2; }));
    CHECK(on.upstream.counts().failed.value() == 0);
    on.behind.gate.set();
    CHECK(staying.receive().status == 502); // an answer without a type; and the connection goes on
    CHECK(staying.ask(stage::completion("plain")).status == 200);
    CHECK(on.behind.stopped.load(weir::relaxed) == 2);
}

TEST_CASE("an upstream that fails in the middle of a stream never gives it an orderly end") {
    stage on;
    caller one{on.at};
    CHECK(one.send(stage::completion("dies", true)));
    one.up_to("\r\n\r\n");
    CHECK(one.up_to("\n\n\r\n").ends_with(first_event + "\r\n"));
    CHECK(ends_with_nothing_more(one));
    CHECK(on.chat.counts().broken.value() == 1);
    CHECK(on.upstream.counts().broken.value() == 1);
    CHECK(on.chat.counts().left.value() == 0);
}

TEST_CASE("a client that does not read holds the upstream back, and costs no memory") {
    stage on;
    caller one{on.at};
    auto& written = on.behind.written;
    CHECK(one.send(stage::completion("endless", true)));
    one.up_to("\r\n\r\n");
    // Both connections' buffers in the kernel fill up; then nothing moves. Looked at too early it is only less.
    auto const stands_still = [&] {
        std::size_t before = written.load(weir::relaxed);
        for (int same = 0; same < 200; ++same) {
            std::this_thread::sleep_for(1ms);
            auto const now = written.load(weir::relaxed);
            if (now != before) same = 0;
            before = now;
        }
        return before;
    };
    auto const filled = stands_still();
    CHECK(filled > 0);
    CHECK(filled < 64u * 1024 * 1024);
    auto const in_use = heap();
    for (int round = 0; round < 4; ++round) {
        CHECK(skip(one, 8 * 1024 * 1024));
        auto const ahead = stands_still() - static_cast<std::size_t>(round + 1) * 8 * 1024 * 1024;
        CHECK(ahead < 64u * 1024 * 1024);
        CHECK(heap() < in_use + 1024 * 1024);
    }
    CHECK(on.behind.stopped.load(weir::relaxed) == 0);
    one.reset(); // in the middle of a write, which then fails before anybody is told to stop, or behind that
    CHECK(eventually([&] { return on.behind.stopped.load(weir::relaxed) == 1; }));
    CHECK(eventually([&] { return on.chat.counts().left.value() == 1; }));
}

TEST_CASE("a long answer passes piece by piece, and a short one that breaks off is an error that can be read") {
    stage on;
    caller one{on.at};
    CHECK(one.send(stage::completion("huge")));
    CHECK(has_line(one.up_to("\r\n\r\n"), "Transfer-Encoding: chunked\r\n"));
    CHECK(joined(one.up_to("\r\n0\r\n\r\n")).size() == huge_size);
    CHECK(on.chat.counts().streams.value() == 1);
    auto const half = one.ask(stage::completion("half"));
    CHECK(half.status == 502);
    CHECK(code_of(half) == "bad_gateway");
    CHECK(one.ask(stage::completion("plain")).status == 200);
    CHECK(on.chat.counts().streams.value() == 1);
}

TEST_CASE("an answer of another kind than was asked for is a bad gateway, and its text stays here") {
    stage on;
    caller one{on.at};
    for (bool const streamed : {false, true}) {
        auto const got = one.ask(stage::completion("html", streamed));
        CHECK(got.status == 502);
        CHECK(code_of(got) == "bad_gateway");
        CHECK(got.body.find("hotel") == std::string::npos);
    }
    CHECK(one.ask(stage::completion("huge", true)).status == 502); // JSON in the place of a stream
    auto const missing = one.ask(stage::completion("html-404"));
    CHECK(missing.status == 404);
    CHECK(code_of(missing) == "bad_gateway");
    auto const key = one.ask(stage::completion("refuses"));
    CHECK(key.status == 502); // a 401 would tell the client that its own key is wrong
    CHECK(code_of(key) == "upstream_refused_key");
    CHECK(key.body.find("sk-1234") == std::string::npos);
}

TEST_CASE("an upstream that is silent for too long is given up: an error before the head, no end behind it") {
    gateway::upstream_options options;
    options.first_byte = 50ms;
    options.idle = 50ms;
    stage on{options};
    caller one{on.at};
    auto const got = one.ask(stage::completion("silent"));
    CHECK(got.status == 504);
    CHECK(code_of(got) == "upstream_timeout");
    CHECK(on.upstream.counts().sent.value() == 1); // what may have been begun is not begun again
    CHECK(one.send(stage::completion("gated", true)));
    one.up_to("\n\n\r\n");
    CHECK(ends_with_nothing_more(one));
    CHECK(eventually([&] { return on.behind.stopped.load(weir::relaxed) == 2; })); // the silence, and the stream
    CHECK(on.chat.counts().broken.value() == 1);
}

TEST_CASE("an upstream that cannot be reached is tried again, and is a bad gateway in the end") {
    gateway::upstream_options options;
    options.url = nowhere();
    stage on{options};
    caller one{on.at};
    auto const got = one.ask(stage::completion("plain"));
    CHECK(got.status == 502);
    CHECK(code_of(got) == "bad_gateway");
    CHECK(on.upstream.counts().sent.value() == 3);
    CHECK(on.upstream.counts().retried.value() == 2);
    CHECK(on.upstream.counts().failed.value() == 3);
}

TEST_CASE("a 503 is tried again unless it says when to come back, and the last one is handed back") {
    stage on;
    caller one{on.at};
    on.behind.busy.store(2, weir::relaxed); // before the request
    CHECK(one.ask(stage::completion("busy")).status == 200);
    CHECK(on.behind.requests.load(weir::relaxed) == 3);
    on.behind.busy.store(100, weir::relaxed); // the same
    auto const got = one.ask(stage::completion("busy"));
    CHECK(got.status == 503);
    CHECK(got.body == R"({"error":{"message":"busy"}})");
    CHECK(on.behind.requests.load(weir::relaxed) == 6);
    auto const later = one.ask(stage::completion("later"));
    CHECK(later.status == 503);
    CHECK(later.header("Retry-After") == "7");
    CHECK(on.behind.requests.load(weir::relaxed) == 7);
}

TEST_CASE("an upstream that keeps failing is spared") {
    gateway::upstream_options options;
    options.attempts = 1;
    options.breaker.least_calls = 4;
    options.breaker.open_for = 1h;
    stage on{options};
    caller one{on.at};
    on.behind.busy.store(100, weir::relaxed); // before the request
    for (int i = 0; i < 4; ++i) CHECK(one.ask(stage::completion("busy")).status == 503);
    auto const got = one.ask(stage::completion("plain"));
    CHECK(got.status == 503);
    CHECK(code_of(got) == "upstream_unavailable");
    CHECK(got.header("Retry-After") == "1");
    CHECK(on.behind.requests.load(weir::relaxed) == 4);
    CHECK(on.upstream.counts().spared.value() == 1);
    CHECK(on.upstream.state() == weir::breaker_state::open);
}

TEST_CASE("without an upstream the last message comes back, whole or word by word") {
    stage on;
    caller one{on.at};
    auto const whole = json::parse(one.ask(stage::completion("weir-echo", false, "", "/echo")).body);
    CHECK(whole["id"] == "chatcmpl-request-7");
    CHECK(whole["choices"][0]["message"]["content"] == "hello big world");
    CHECK(whole["usage"]["completion_tokens"] == 3);
    CHECK(one.send(stage::completion("weir-echo", true, "", "/echo")));
    one.up_to("\r\n\r\n");
    auto const events = joined(one.up_to("\r\n0\r\n\r\n"));
    std::string said;
    std::string last;
    for (std::string_view rest = events; !rest.empty();) {
        auto const line = rest.substr(0, rest.find("\n\n"));
        rest.remove_prefix(line.size() + 2);
        last = line.substr(6);
        if (last == "[DONE]") break;
        auto const chunk = json::parse(last);
        CHECK(chunk["object"] == "chat.completion.chunk");
        said += chunk["choices"][0]["delta"].value("content", "") + "|";
    }
    CHECK(said == "|hello| big| world||");
    CHECK(last == "[DONE]");
    auto const unknown = one.ask(stage::completion("other", false, "", "/echo"));
    CHECK(unknown.status == 404);
    CHECK(code_of(unknown) == "model_not_found");
    CHECK(on.echo.counts().tokens.value() == 6);
}
