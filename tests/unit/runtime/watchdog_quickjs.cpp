// tests/unit/runtime/watchdog_quickjs.cpp: a script that never ends is interrupted, and its thread and engine serve on.
// Built where CMake finds QuickJS.
#if defined(WEIR_TESTS_QUICKJS)

#include <weir/runtime/watchdog.hpp>
#include <weir/runtime/worker_local.hpp>

#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/sync_wait.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <quickjs/quickjs.h>
#include <string>
#include <utility>

using namespace weir;
using namespace std::chrono_literals;

namespace {

// An engine must be used by the thread that made it: where its stack begins it learns once.
class engine : immovable {
public:
    engine() : runtime_{JS_NewRuntime()}, context_{JS_NewContext(runtime_)} {
        JS_SetInterruptHandler(runtime_, &asked_to_stop, this);
    }
    ~engine() {
        JS_FreeContext(context_);
        JS_FreeRuntime(runtime_);
    }

    // Empty when it was interrupted.
    std::string eval(std::string const& script) {
        JSValue const value = JS_Eval(context_, script.c_str(), script.size(), "test", JS_EVAL_TYPE_GLOBAL);
        std::string text;
        if (!JS_IsException(value)) {
            char const* const chars = JS_ToCString(context_, value);
            text = chars;
            JS_FreeCString(context_, chars);
        } else {
            JS_FreeValue(context_, JS_GetException(context_));
        }
        JS_FreeValue(context_, value);
        return text;
    }
    // Threads: any.
    void interrupt() noexcept { stops_.store(true, std::memory_order_relaxed); }
    void reset() noexcept { stops_.store(false, std::memory_order_relaxed); }

private:
    static int asked_to_stop(JSRuntime*, void* self) {
        return static_cast<engine*>(self)->stops_.load(std::memory_order_relaxed);
    }

    std::atomic<bool> stops_{false};
    JSRuntime* const runtime_;
    JSContext* const context_;
};

} // namespace

TEST_CASE("an endless script ends at its deadline, and the same thread and engine run the next one") {
    test::watchdog const watched{60};
    blocking_options one_thread;
    one_thread.threads = 1;
    blocking_pool pool{one_thread};
    worker_local_options options;
    options.pool = &pool;
    worker_local<engine> engines{[] { return engine{}; }, [](engine& its) { its.reset(); }, options};
    auto const run = [](worker_local<engine>& of, std::string script) -> task<std::string> {
        auto const got = co_await of.with([](engine& its, std::string text) {
            return with_interrupt(clock::now() + 30ms, [&] { its.interrupt(); }, [&] { return its.eval(text); });
        }, std::move(script));
        co_return *got;
    };
    CHECK(sync_wait(run(engines, "6 * 7")) == "42");
    auto least = duration::max(); // the machine may be busy with others: what counts is how soon it can be
    for (int n = 0; n < 5; ++n) {
        auto const begun = clock::now();
        CHECK(sync_wait(run(engines, "for (;;) {}")).empty());
        least = std::min(least, clock::now() - begun);
        CHECK(sync_wait(run(engines, "var n = 1; n + 1")) == "2");
    }
    CHECK(least >= 30ms);
    CHECK(least < (test::sanitized ? 100ms : 40ms));
    CHECK(engines.counts().made == 1);
    CHECK(engines.counts().reused == 10);
    CHECK(pool.counts().started == 1);
}

#endif
