// weir/runtime/named.hpp: what a task may be spawned with: a name for reports, and a priority.
#pragma once

#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/roster.hpp>

#include <string>
#include <utility>

namespace weir::inline v0 {

class named {
public:
    explicit named(std::string text, weir::priority level = weir::priority::normal)
        : name{std::move(text)}, priority{level} {}

    std::string name;
    weir::priority priority;
};

// What runs in the place of a task that is spawned with a name; for authors of primitives. `where` is the executor of its
// priority.
template <class F, class... Args>
task<> run_named(roster& in, executor& where, named as, F fn, Args... args) {
    auto const self = co_await this_coroutine();
    roster::entry const listed{in, std::move(as.name), self};
    context narrower = co_await this_task();
    if (executor_ref{where} != narrower.executor) {
        narrower.executor = where;
        narrower.priority = as.priority;
        co_await use_context(narrower);
        co_await yield();
    }
    co_await fn(std::move(args)...);
}

} // namespace weir
