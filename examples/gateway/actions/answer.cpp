// examples/gateway/actions/answer.cpp: the reading of answers.
#include "answer.hpp"

#include <http/ascii.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

namespace gateway {
namespace {

constexpr std::size_t most_headers = 64; // of a request or a response, by all scripts together
constexpr std::size_t longest_value = 4096;
constexpr std::size_t longest_message = 1024;

// What decides where a message begins and ends, and whom it is for, is the server's own.
constexpr std::string_view own_headers[] = {"connection", "content-length", "content-type",      "date",
                                            "expect",     "host",           "keep-alive",        "te",
                                            "trailer",    "upgrade",        "transfer-encoding", "proxy-connection"};

bool is_line(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        auto const code = static_cast<unsigned char>(c);
        return code == '\t' || (code >= 0x20 && code != 0x7f);
    });
}

// A name for the log, whatever a script has put into it.
std::string quoted(std::string_view text) {
    std::string line{text.substr(0, 64)};
    for (char& each : line)
        if (!is_line({&each, 1}) || each == '\t') each = '?';
    return "\"" + line + "\"";
}

bool is_code(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || http::is_digit(c) || c == '_';
    });
}

// Calls `take(name, value)` for each property of `object`, in order.
void for_each_property(JSContext* in, JSValueConst object, std::string const& what,
                       std::function<void(std::string, js_value const&)> const& take) {
    if (!JS_IsObject(object) || JS_IsFunction(in, object) || JS_IsArray(in, object) != 0)
        throw bad_answer(what + " must be an object");
    JSPropertyEnum* names = nullptr;
    std::uint32_t count = 0;
    if (JS_GetOwnPropertyNames(in, &names, &count, object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) throw js_thrown{};
    struct owner {
        JSContext* in;
        JSPropertyEnum* names;
        std::uint32_t count;
        ~owner() {
            if (js_engine const* const engine = js_engine_of(in); engine && engine->lost()) return; // keeps L2
            for (std::uint32_t n = 0; n < count; ++n) JS_FreeAtom(in, names[n].atom);
            js_free(in, names);
        }
    } const owned{in, names, count};
    for (std::uint32_t n = 0; n < count; ++n) {
        js_value const name{in, JS_AtomToString(in, names[n].atom)};
        js_value const value{in, js_enter(in, [&] { return JS_GetProperty(in, object, names[n].atom); })};
        take(js_text(in, name.get()), value);
    }
}

std::string text_of(JSContext* in, js_value const& value, std::string const& what, std::size_t longest) {
    if (!JS_IsString(value.get())) throw bad_answer(what + " must be a string");
    auto text = js_text(in, value.get());
    if (text.size() > longest) throw bad_answer(what + " is longer than " + std::to_string(longest) + " bytes");
    return text;
}

void read_headers(JSContext* in, js_value const& given, std::string const& side, std::vector<header>& into) {
    for_each_property(in, given.get(), "\"" + side + "\"", [&](std::string name, js_value const& value) {
        auto const what = "the " + side + "'s header " + quoted(name);
        if (!http::is_token(name)) throw bad_answer(what + " has a name that no header can have");
        for (char& each : name) each = http::to_lower(each);
        if (std::ranges::find(own_headers, name) != std::end(own_headers))
            throw bad_answer(what + " is the server's own");
        auto text = text_of(in, value, what, longest_value);
        if (!is_line(text)) throw bad_answer(what + " has a value with a line break or another control character");
        set(into, std::move(name), std::string{http::trimmed(text)});
        if (into.size() > most_headers) throw bad_answer("more than " + std::to_string(most_headers) + " headers");
    });
}

void read_rejection(JSContext* in, js_value const& given, verdict& into) {
    verdict refused{0, "rejected", ""};
    for_each_property(in, given.get(), "\"reject\"", [&](std::string const& name, js_value const& value) {
        if (name == "status") {
            double number = 0;
            if (!JS_IsNumber(value.get()) || JS_ToFloat64(in, &number, value.get()) < 0 || !(number >= 400) ||
                number > 599 || number != static_cast<int>(number))
                throw bad_answer("\"reject.status\" must be a whole number from 400 to 599");
            refused.status = static_cast<int>(number);
        } else if (name == "message") {
            refused.message = text_of(in, value, "\"reject.message\"", longest_message);
        } else if (name == "code") {
            refused.code = text_of(in, value, "\"reject.code\"", longest_message);
            if (!is_code(refused.code)) throw bad_answer("\"reject.code\" must be 1 to 64 of a-z, 0-9 and _");
        } else {
            throw bad_answer("\"reject\" has no part " + quoted(name) + ": status, message or code");
        }
    });
    if (refused.status == 0) throw bad_answer("\"reject.status\" is missing");
    if (refused.message.empty()) throw bad_answer("\"reject.message\" is missing");
    into.status = refused.status;
    into.message = std::move(refused.message);
    into.code = std::move(refused.code);
}

} // namespace

void add_answer(JSContext* in, JSValueConst given, verdict& so_far) {
    if (JS_IsUndefined(given)) return;
    verdict next = so_far; // an answer counts whole or not at all
    for_each_property(in, given, "what an action returns", [&](std::string const& name, js_value const& value) {
        if (JS_IsUndefined(value.get())) return; // as if it were not there
        if (name == "reject") read_rejection(in, value, next);
        else if (name == "request" || name == "response")
            read_headers(in, value, name, name == "request" ? next.request_headers : next.response_headers);
        else throw bad_answer("an answer has no part " + quoted(name) + ": reject, request or response");
    });
    so_far = std::move(next);
}

} // namespace gateway
