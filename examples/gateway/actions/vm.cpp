// examples/gateway/actions/vm.cpp: realms, memory, interrupts and promises of an engine.
#include "vm.hpp"

#include "answer.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace gateway {
namespace {

constexpr std::size_t stack_limit = 256 * 1024; // deep enough for JSON; an overflow's backtrace costs by the frame
constexpr std::size_t longest_line = 1024;
constexpr std::size_t most_lines = 16; // of console.log in one request

// A line for the log, whatever a script has put into it.
std::string clean(std::string text) {
    if (text.size() > longest_line) text.resize(longest_line);
    for (char& each : text)
        if (static_cast<unsigned char>(each) < 0x20 || each == 0x7f) each = ' ';
    return text;
}

JSValue console_log(JSContext* in, JSValueConst, int count, JSValueConst* values) noexcept { // keeps L1
    vm& its = vm::of(in);
    JSValue outcome = js_undefined;
    for (int n = 0; n < count && !JS_IsException(outcome); ++n) {
        if (n > 0) its.print(" ");
        bool const as_json = JS_IsObject(values[n]) && !JS_IsError(in, values[n]) && !JS_IsFunction(in, values[n]);
        JSValue const text = as_json ? JS_JSONStringify(in, values[n], js_undefined, js_undefined)
                                     : JS_ToString(in, values[n]);
        std::size_t size = 0;
        char const* const chars = JS_IsException(text) ? nullptr : JS_ToCStringLen(in, &size, text);
        if (chars) its.print({chars, size});
        else outcome = js_exception;
        JS_FreeCString(in, chars);
        JS_FreeValue(in, text);
    }
    its.end_line();
    return outcome;
}

bool add_console(JSContext* in) noexcept {
    try {
        js_value console{in, JS_NewObject(in)};
        js_value log{in, JS_NewCFunction(in, &console_log, "log", 1)};
        if (JS_SetPropertyStr(in, console.get(), "log", log.release()) < 0) return false;
        js_value const globals{in, JS_GetGlobalObject(in)};
        return JS_SetPropertyStr(in, globals.get(), "console", console.release()) >= 0;
    } catch (js_thrown) {
        return false;
    }
}

} // namespace

// A promise that was rejected and that nobody has looked at yet.
struct vm::rejection {
    js_value promise;
    js_value reason;
};

// What stands before each piece of an engine's memory.
class alignas(std::max_align_t) vm::block : public weir::list_node {};

// What QuickJS allocates with.
class vm::memory {
public:
    static constexpr JSMallocFunctions functions() noexcept { return {&allocate, &release, &resize, &size_of}; }

private:
    static block* block_of(void* what) noexcept { return static_cast<block*>(what) - 1; }
    static std::size_t size_of(void const* what) noexcept {
        return ::malloc_usable_size(block_of(const_cast<void*>(what))) - sizeof(block);
    }
    static bool fits(JSMallocState const* sums, std::size_t more) noexcept {
        return more <= sums->malloc_limit && sums->malloc_size <= sums->malloc_limit - more;
    }
    // Where a script runs, this is its end.
    static void* refuse(vm& its) noexcept {
        its.starved_ = true;
        if (its.entered()) its.leave_lost();
        return nullptr;
    }
    static void* allocate(JSMallocState* sums, std::size_t size) noexcept {
        vm& its = *static_cast<vm*>(sums->opaque);
        if (its.entered() && its.interrupted()) its.leave_lost(); // sooner than the next poll
        void* const made = fits(sums, size) ? std::malloc(sizeof(block) + size) : nullptr;
        if (!made) return refuse(its);
        auto* const whole = new (made) block;
        its.blocks_.push_back(*whole); // keeps V2
        ++sums->malloc_count;
        sums->malloc_size += size_of(whole + 1);
        return whole + 1;
    }
    static void release(JSMallocState* sums, void* old) noexcept {
        if (!old) return;
        --sums->malloc_count;
        sums->malloc_size -= size_of(old);
        block_of(old)->list_node::unlink();
        std::free(block_of(old));
    }
    static void* resize(JSMallocState* sums, void* old, std::size_t size) noexcept {
        if (!old) return size == 0 ? nullptr : allocate(sums, size);
        if (size == 0) return release(sums, old), nullptr;
        vm& its = *static_cast<vm*>(sums->opaque);
        std::size_t const before = size_of(old);
        if (size > before && !fits(sums, size - before)) return refuse(its);
        block_of(old)->list_node::unlink(); // it may move
        void* const made = std::realloc(block_of(old), sizeof(block) + size);
        auto* const whole = new (made ? made : block_of(old)) block;
        its.blocks_.push_back(*whole);
        if (!made) return refuse(its);
        sums->malloc_size += size_of(whole + 1) - before;
        return whole + 1;
    }
};

vm::vm(std::shared_ptr<program const> code, std::size_t memory_limit) : code_{std::move(code)} {
    JSMallocFunctions const functions = memory::functions();
    runtime_ = JS_NewRuntime2(&functions, this);
    if (!runtime_) throw std::bad_alloc{};
    JS_SetMemoryLimit(runtime_, memory_limit);
    JS_SetMaxStackSize(runtime_, stack_limit);
    JS_SetInterruptHandler(runtime_, &poll, this);
    JS_SetHostPromiseRejectionTracker(runtime_, &track, this);
    if (open_realm()) return;
    free_all();
    throw std::bad_alloc{};
}

vm::~vm() { free_all(); }

// Lost or not: by V2 there is nothing for which QuickJS would have to be asked.
void vm::free_all() noexcept {
    unhandled_.clear();
    while (block* const one = blocks_.pop_front()) std::free(one);
}

bool vm::open_realm() noexcept {
    realm_ = JS_NewContextRaw(runtime_);
    if (!realm_) return false;
    JS_SetContextOpaque(realm_, static_cast<js_engine*>(this));
    JS_AddIntrinsicBaseObjects(realm_);
    JS_AddIntrinsicDate(realm_);
    JS_AddIntrinsicStringNormalize(realm_);
    JS_AddIntrinsicRegExpCompiler(realm_);
    JS_AddIntrinsicRegExp(realm_);
    JS_AddIntrinsicJSON(realm_);
    JS_AddIntrinsicMapSet(realm_);
    JS_AddIntrinsicPromise(realm_);
    return add_console(realm_) && !starved_;
}

bool vm::reset() noexcept {
    if (lost() || starved_ || interrupted() || JS_IsJobPending(runtime_)) return false; // keeps V1
    JS_FreeContext(realm_);
    JS_RunGC(runtime_); // globals and prototypes refer to each other
    return open_realm();
}

verdict vm::run(request_view const& seen, std::vector<script_line>& log) {
    verdict so_far;
    try_all(&seen, log, so_far, [&](program::part const& one) {
        js_value const action = action_of(one);
        js_value const request = js_request(realm_, seen, so_far.request_headers);
        JSValueConst arguments[] = {request.get()};
        auto const call = [&] { return JS_Call(realm_, action.get(), js_undefined, 1, arguments); };
        js_value const given = settled({realm_, js_enter(realm_, call)});
        add_answer(realm_, given.get(), so_far);
        finish_jobs(); // the answer's properties may be code
    });
    return so_far;
}

bool vm::check(std::vector<script_line>& log) {
    verdict none;
    return try_all(nullptr, log, none, [&](program::part const& one) { action_of(one); });
}

// Takes `step` with each script, until one refuses or fails.
template <class Step>
bool vm::try_all(request_view const* seen, std::vector<script_line>& log, verdict& so_far, Step step) {
    JS_UpdateStackTop(runtime_);
    seen_ = seen;
    log_ = &log;
    line_.clear();
    printed_ = 0;
    for (auto const& one : code_->parts()) {
        running_ = &one;
        try {
            step(one);
        } catch (js_thrown) {
            fail(so_far);
        } catch (bad_answer const& wrong) {
            refuse(so_far, 500, "action_failed", wrong.what());
        }
        unhandled_.clear();
        if (!so_far.allowed()) break;
    }
    seen_ = nullptr;
    log_ = nullptr;
    return so_far.allowed();
}

// The function that a script exports, of a module that begins anew.
js_value vm::action_of(program::part const& one) {
    js_value module{realm_, JS_ReadObject(realm_, one.bytecode.data(), one.bytecode.size(), JS_READ_OBJ_BYTECODE)};
    auto* const definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module.get()));
    JSValue const begun = module.release(); // the realm keeps it
    settled({realm_, js_enter(realm_, [&] { return JS_EvalFunction(realm_, begun); })});
    js_value const exports{realm_, JS_GetModuleNamespace(realm_, definition)};
    js_value action{realm_, JS_GetPropertyStr(realm_, exports.get(), "default")};
    if (!JS_IsFunction(realm_, action.get())) throw bad_answer("it exports no function by default");
    return action;
}

// The value of a promise; what is none is its own value.
js_value vm::settled(js_value given) {
    finish_jobs();
    auto const state = static_cast<int>(JS_PromiseState(realm_, given.get())); // negative: no promise
    if (state == JS_PROMISE_PENDING) throw bad_answer("its promise is never settled: it awaits what nobody resolves");
    bool const rejected = state == JS_PROMISE_REJECTED;
    // The one that is given to us is looked at here.
    std::erase_if(unhandled_, [&](rejection const& each) {
        return rejected && JS_VALUE_GET_PTR(each.promise.get()) == JS_VALUE_GET_PTR(given.get());
    });
    if (!rejected && !unhandled_.empty()) {
        JS_Throw(realm_, unhandled_.front().reason.release());
        throw js_thrown{};
    }
    if (state < 0) return given;
    js_value outcome{realm_, JS_PromiseResult(realm_, given.get())};
    if (!rejected) return outcome;
    JS_Throw(realm_, outcome.release());
    throw js_thrown{};
}

// A request is over when nothing is left to be done for it: keeps V1.
void vm::finish_jobs() {
    JSContext* in = nullptr;
    while (!interrupted() && JS_IsJobPending(runtime_))
        if (js_enter(realm_, [&] { return JS_ExecutePendingJob(runtime_, &in); }) < 0)
            JS_FreeValue(in, JS_GetException(in)); // its promise tells, too
    if (interrupted()) throw js_thrown{};
}

// What to say after js_thrown.
void vm::fail(verdict& so_far) {
    auto const stopped = [&] { return lost() || interrupted() || starved_; };
    std::string why;
    if (!stopped()) why = js_exception_text(realm_);
    if (!stopped()) return refuse(so_far, 500, "action_failed", std::move(why));
    if (interrupted()) return refuse(so_far, 503, "action_timeout", "it was interrupted");
    refuse(so_far, 503, "action_memory", "it wants more memory than it may have");
}

void vm::refuse(verdict& so_far, int status, char const* code, std::string why) {
    log_->push_back({running_->name, clean(std::move(why)), true});
    so_far.status = status;
    so_far.code = code;
    so_far.message = status == 500 ? "an action of this server failed"
                                   : "the actions of this server needed more than they may use; try again later";
}

void vm::print(std::string_view part) noexcept {
    try {
        line_ += part.substr(0, longest_line - std::min(line_.size(), longest_line));
    } catch (...) {} // no memory: it is not printed
}

void vm::end_line() noexcept {
    try {
        bool const shown = printed_ < most_lines;
        if (log_ && printed_ <= most_lines)
            log_->push_back({running_->name, shown ? clean(line_) : "and more, which is not shown", false});
        ++printed_;
    } catch (...) {} // the same
    line_.clear();
}

int vm::poll(JSRuntime*, void* self) noexcept {
    vm& its = *static_cast<vm*>(self);
    if (!its.interrupted()) return 0;
    if (its.entered()) its.leave_lost();
    return 1;
}

void vm::track(JSContext* in, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void* self) noexcept {
    auto& unhandled = static_cast<vm*>(self)->unhandled_;
    try {
        if (handled)
            std::erase_if(unhandled, [&](rejection const& each) {
                return JS_VALUE_GET_PTR(each.promise.get()) == JS_VALUE_GET_PTR(promise);
            });
        else unhandled.push_back({{in, JS_DupValue(in, promise)}, {in, JS_DupValue(in, reason)}});
    } catch (...) {} // no memory: it is forgotten
}

} // namespace gateway
