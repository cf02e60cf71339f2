// examples/gateway/actions/request_view.cpp: a request as an object.
#include "request_view.hpp"

#include "vm.hpp"

#include <map>
#include <string>

namespace gateway {
namespace {

void define(JSContext* in, JSValueConst object, char const* name, JSValue value) {
    js_value owned{in, value};
    if (JS_DefinePropertyValueStr(in, object, name, owned.release(), JS_PROP_C_W_E) < 0) throw js_thrown{};
}

std::string lower(std::string_view name) {
    std::string text{name};
    for (char& each : text) each = http::to_lower(each);
    return text;
}

js_value js_headers(JSContext* in, http::request const& request, std::vector<header> const& added) {
    std::map<std::string, std::string> all;
    for (std::size_t n = 0; n < request.header_count(); ++n) {
        auto const [name, value] = request.header_at(n);
        auto const [place, fresh] = all.try_emplace(lower(name), value);
        if (!fresh) place->second.append(", ").append(value);
    }
    for (auto const& each : added) all[each.name] = each.value;
    js_value headers{in, JS_NewObjectProto(in, js_null)};
    for (auto const& [name, value] : all) define(in, headers.get(), name.c_str(), js_string(in, value));
    return headers;
}

// What follows is called by scripts, and keeps L1 of js.hpp.
// The body is the same for as long as the script runs: what was made once takes the place of its maker.
JSValue keep(JSContext* in, JSValueConst self, char const* name, JSValue value) noexcept {
    if (JS_IsException(value)) return value;
    if (JS_DefinePropertyValueStr(in, self, name, JS_DupValue(in, value), JS_PROP_C_W_E) >= 0) return value;
    JS_FreeValue(in, value);
    return js_exception;
}

JSValue get_text(JSContext* in, JSValueConst self, int, JSValueConst*) noexcept {
    request_view const* const seen = vm::of(in).seen();
    return seen ? keep(in, self, "text", js_string(in, seen->request.body())) : js_undefined;
}

JSValue get_json(JSContext* in, JSValueConst self, int, JSValueConst*) noexcept {
    request_view const* const seen = vm::of(in).seen();
    if (!seen) return js_undefined;
    auto const body = seen->request.body();
    char* const text = js_strndup(in, body.data(), body.size()); // the parser wants a zero behind it
    if (!text) return js_exception;
    JSValue parsed = JS_ParseJSON(in, text, body.size(), "body");
    js_free(in, text);
    if (JS_IsException(parsed)) {
        JS_FreeValue(in, JS_GetException(in));
        parsed = js_undefined;
    }
    return keep(in, self, "json", parsed);
}

void define_getter(JSContext* in, JSValueConst object, char const* name, JSCFunction* get) {
    js_value function{in, JS_NewCFunction(in, get, name, 0)};
    JSAtom const atom = JS_NewAtom(in, name);
    int const done = JS_DefinePropertyGetSet(in, object, atom, function.release(), js_undefined,
                                             JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE);
    JS_FreeAtom(in, atom);
    if (done < 0) throw js_thrown{};
}

} // namespace

js_value js_request(JSContext* in, request_view const& seen, std::vector<header> const& added) {
    js_value object{in, JS_NewObject(in)};
    define(in, object.get(), "method", js_string(in, seen.request.method()));
    define(in, object.get(), "path", js_string(in, seen.request.path()));
    define(in, object.get(), "query", js_string(in, seen.request.query()));
    define(in, object.get(), "peer", js_string(in, seen.peer));
    define(in, object.get(), "key", seen.key.empty() ? js_null : js_string(in, seen.key));
    define(in, object.get(), "headers", js_headers(in, seen.request, added).release());
    define_getter(in, object.get(), "text", &get_text);
    define_getter(in, object.get(), "json", &get_json);
    return object;
}

} // namespace gateway
