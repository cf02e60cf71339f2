// examples/gateway/actions/vm.hpp: an engine that runs all actions for one request after another.
// Each request gets a realm of its own, with fresh globals and prototypes and modules that begin anew; its actions share
// it. A realm costs some 60 µs. Freezing one realm's intrinsics instead would cost less, but a frozen Error.prototype
// makes `this.name = ...` throw in every class that extends Error, and scripts are written by people.
// A realm has the language without eval, Function from text, Proxy, typed arrays and weak references, and console.log.
// Threads:  the one that made it, but for interrupt(): where its stack begins an engine learns once.
// Not:      able to interrupt what one built-in function computes in one go without memory, such as the sort of a huge
//           array or the search for one long text in another: the interrupt waits for its end.
#pragma once

#include "program.hpp"
#include "request_view.hpp"
#include "verdict.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>

#include <quickjs/quickjs.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// What a script has printed, or why it failed.
struct script_line {
    std::string script;
    std::string text; // without control characters
    bool failure;
};

class vm : public js_engine, weir::immovable {
public:
    static constexpr std::size_t least_memory = 256 * 1024;

    // Errors: std::bad_alloc.
    vm(std::shared_ptr<program const> code, std::size_t memory_limit);
    ~vm();

    // Runs all scripts in their order until one refuses. One that fails refuses, too: with 503 when it was interrupted or
    // wanted too much memory, whatever it catches, else with 500; why is in `log` only.
    verdict run(request_view const& seen, std::vector<script_line>& log);
    // Begins all scripts without a request, until one fails. False when one did; `log` ends with why.
    bool check(std::vector<script_line>& log);
    // Ends run() soon.  Threads: any; also when nothing runs, and then it holds for the next run.
    void interrupt() noexcept { asked_.store(true, weir::relaxed); } // a flag that is polled; nothing comes with it
    bool interrupted() const noexcept { return asked_.load(weir::relaxed); } // the same
    // Makes it as new. False when it must be ended instead.
    bool reset() noexcept;

    // For the functions that scripts call.
    static vm& of(JSContext* in) noexcept { return *static_cast<vm*>(js_engine_of(in)); }
    request_view const* seen() const noexcept { return seen_; }
    // A line that is printed, part by part.
    void print(std::string_view part) noexcept;
    void end_line() noexcept;

private:
    class block;
    class memory;
    struct rejection;

    bool open_realm() noexcept;
    void free_all() noexcept;
    template <class Step>
    bool try_all(request_view const* seen, std::vector<script_line>& log, verdict& so_far, Step step);
    js_value action_of(program::part const& one);
    js_value settled(js_value given);
    void finish_jobs();
    void fail(verdict& so_far);
    void refuse(verdict& so_far, int status, char const* code, std::string why);

    static int poll(JSRuntime* runtime, void* self) noexcept;
    static void track(JSContext* in, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void* self) noexcept;

    // V1: no two requests meet in a realm, nor does a job of one run in the realm of another: where jobs are left, or the
    //     engine is lost or was to be interrupted, reset() refuses.
    // V2: blocks_ are all that the engine has allocated and not freed, so that even a lost one leaves nothing behind.
    std::shared_ptr<program const> const code_; // a vm may outlive who made it
    weir::atomic<bool> asked_{false};
    bool starved_ = false; // memory was refused
    weir::intrusive_list<block> blocks_;
    request_view const* seen_ = nullptr;      // null: no script runs
    program::part const* running_ = nullptr;
    std::vector<script_line>* log_ = nullptr;
    std::string line_;
    std::size_t printed_ = 0;
    std::vector<rejection> unhandled_;
    JSRuntime* runtime_ = nullptr;
    JSContext* realm_ = nullptr;
};

} // namespace gateway
