// examples/gateway/actions/program.cpp: reading and compiling scripts.
#include "program.hpp"

#include "js.hpp"

#include <fstream>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>

namespace gateway {

script read_script(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file || !text) throw std::runtime_error("the action cannot be read: " + path);
    return {path, std::move(text).str()};
}

program::program(std::vector<script> const& in_order) {
    std::unique_ptr<JSRuntime, decltype(&JS_FreeRuntime)> const runtime{JS_NewRuntime(), &JS_FreeRuntime};
    if (!runtime) throw std::bad_alloc{};
    std::unique_ptr<JSContext, decltype(&JS_FreeContext)> const context{JS_NewContext(runtime.get()), &JS_FreeContext};
    if (!context) throw std::bad_alloc{};
    for (auto const& each : in_order) {
        JSContext* const in = context.get();
        try {
            js_value const module{in, JS_Eval(in, each.source.c_str(), each.source.size(), each.name.c_str(),
                                              JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY)};
            std::size_t size = 0;
            std::uint8_t* const bytes = JS_WriteObject(in, &size, module.get(), JS_WRITE_OBJ_BYTECODE);
            if (!bytes) throw js_thrown{};
            parts_.push_back({each.name, {bytes, bytes + size}});
            js_free(in, bytes);
        } catch (js_thrown) {
            auto const why = js_exception_text(in);
            throw std::runtime_error(why.starts_with(each.name) ? why : each.name + ": " + why);
        }
    }
}

} // namespace gateway
