// examples/gateway/actions/js.hpp: QuickJS's values with owners, its exceptions as C++ ones, and a way out of it.
// An exception of C++ never crosses a frame of QuickJS, which is C: a function that it calls catches them all.
//
// An engine whose script goes too far is lost: from where that is noticed, in the allocator or in the poll for
// interrupts, control jumps back to who entered the engine, over all frames of QuickJS, and its memory is given back as
// a whole.
// Nothing less ends a script for certain. An interrupt that QuickJS raises becomes the rejection of a promise at the edge
// of an async function, of an executor and of a job, and a loop of those swallows one after another, for ever. And where
// memory is refused while it notes the stack of an error, QuickJS 2025-04 frees that error and writes into it.
// L1: scripts run inside js_enter only, and there nobody holds what needs a destructor while he calls the engine: neither
//     what is given to js_enter nor the functions that scripts call.
// L2: a lost engine is not touched again: values of it are forgotten, not freed.
#pragma once

#include <weir/base/platform.hpp>

#include <quickjs/quickjs.h>

#include <csetjmp>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

// QuickJS's own names for these are literals of C99, which a compiler may refuse in C++.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
inline JSValue const js_undefined = JS_UNDEFINED;
inline JSValue const js_null = JS_NULL;
inline JSValue const js_exception = JS_EXCEPTION;
#pragma GCC diagnostic pop

// The exception itself is kept by the context, for JS_GetException, unless the engine is lost.
struct js_thrown {};

// What a context's opaque points to. A context without one cannot be lost.
class js_engine {
public:
    bool lost() const noexcept { return lost_; }

protected:
    bool entered() const noexcept { return entered_; }
    // Ends what runs inside.  Needs: entered().
    [[noreturn]] void leave_lost() noexcept {
        lost_ = true;
        std::longjmp(way_out_, 1);
    }

private:
    template <class Call>
    friend auto js_enter(JSContext* in, Call const& call);

    std::jmp_buf way_out_;
    bool entered_ = false;
    bool lost_ = false;
};

inline js_engine* js_engine_of(JSContext* in) noexcept { return static_cast<js_engine*>(JS_GetContextOpaque(in)); }

// Gives what `call()` gives, in which scripts may run.
// Needs: L1; nobody is inside already.  Errors: js_thrown when the engine is lost.
template <class Call>
WEIR_NOINLINE auto js_enter(JSContext* in, Call const& call) {
    js_engine* const engine = js_engine_of(in);
    if (!engine) return call();
    if (engine->lost_) throw js_thrown{};
    if (setjmp(engine->way_out_) != 0) {
        engine->entered_ = false;
        throw js_thrown{};
    }
    engine->entered_ = true;
    auto const given = call();
    engine->entered_ = false;
    return given;
}

class js_value {
public:
    // Takes `value` over.  Errors: js_thrown if it stands for an exception.
    js_value(JSContext* in, JSValue value) : context_{in}, value_{value} {
        if (JS_IsException(value)) throw js_thrown{};
    }
    js_value(js_value&& other) noexcept
        : context_{other.context_}, value_{std::exchange(other.value_, js_undefined)} {}
    js_value& operator=(js_value&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~js_value() {
        if (js_engine const* const engine = js_engine_of(context_); engine && engine->lost()) return; // keeps L2
        JS_FreeValue(context_, value_);
    }

    JSValueConst get() const noexcept { return value_; }
    JSValue release() noexcept { return std::exchange(value_, js_undefined); }

private:
    JSContext* context_;
    JSValue value_;
};

// As String(value) gives it, in UTF-8.  Errors: js_thrown.
inline std::string js_text(JSContext* in, JSValueConst value) {
    std::size_t size = 0;
    char const* const chars = js_enter(in, [&] { return JS_ToCStringLen(in, &size, value); });
    if (!chars) throw js_thrown{};
    std::string text{chars, size};
    JS_FreeCString(in, chars);
    return text;
}

inline JSValue js_string(JSContext* in, std::string_view text) { return JS_NewStringLen(in, text.data(), text.size()); }

// What was thrown, in one line: "policy.js:3:9: TypeError: not a function", without the place where it is not known.
// Afterwards the context keeps no exception.  Needs: the engine is not lost; it may be afterwards.
std::string js_exception_text(JSContext* in) noexcept;

} // namespace gateway
