// examples/gateway/actions/js.cpp: where an exception was thrown, read from its stack.
#include "js.hpp"

#include <algorithm>

namespace gateway {
namespace {

// "policy.js:3:9" of the first line that is in a script: "    at name (policy.js:3:9)" or "    at policy.js:3:9".
std::string_view place_of(std::string_view stack) noexcept {
    while (!stack.empty()) {
        auto line = stack.substr(0, stack.find('\n'));
        stack.remove_prefix(std::min(line.size() + 1, stack.size()));
        if (line.find("(native)") != line.npos) continue;
        if (auto const open = line.rfind('('); open != line.npos && line.back() == ')')
            return line.substr(open + 1, line.size() - open - 2);
        if (auto const at = line.find("at "); at != line.npos) return line.substr(at + 3);
    }
    return {};
}

} // namespace

std::string js_exception_text(JSContext* in) noexcept {
    js_value const thrown{in, JS_GetException(in)};
    std::string text;
    try {
        if (JS_IsError(in, thrown.get())) {
            js_value const stack{in, js_enter(in, [&] { return JS_GetPropertyStr(in, thrown.get(), "stack"); })};
            if (JS_IsString(stack.get())) text = place_of(js_text(in, stack.get()));
            if (!text.empty()) text += ": ";
        }
        text += js_text(in, thrown.get());
    } catch (...) { // its text is the script's own code, and may throw as well
        text += "an exception that has no text";
        if (js_engine const* const engine = js_engine_of(in); !engine || !engine->lost())
            JS_FreeValue(in, JS_GetException(in));
    }
    return text;
}

} // namespace gateway
