// weir/runtime/priority.hpp: runs a task at another priority than its caller's.
#pragma once

#include <weir/coro/concepts.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/worker.hpp>

#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// `co_await with_priority(priority::low, rebuild, index);`  Runs `fn(args...)`, a task, and all that it awaits and spawns
// at that priority; where the runtime has its priorities off, as any other. Its caller goes on in the turn in which it
// ends.
// Gives what it gave, or throws what it threw.  Needs: a worker of a runtime.  Cancel: as the task's.
// Cost: a frame, and a turn of the executor to get there.
template <class F, class... Args>
auto with_priority(priority level, F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args...>>> {
    context narrower = co_await this_task();
    worker* const here = current<worker>();
    if (!here) WEIR_FATAL("with_priority was awaited on a thread that is no runtime's worker");
    narrower.executor = here->shared().at(level);
    narrower.priority = level;
    co_await use_context(narrower);
    co_await yield();
    co_return co_await fn(std::move(args)...);
}

} // namespace weir
