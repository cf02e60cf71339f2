// weir/coro.hpp: tasks, and the structure that keeps them from leaking.
// Unless a line says otherwise: what is awaited inherits the context of who awaits it, waiting allocates nothing, and a
// coroutine is resumed on the executor of its context.
#pragma once

#include <weir/coro/concepts.hpp>         // awaitable, await_result_t
#include <weir/coro/executor.hpp>         // executor, executor_ref, job
#include <weir/coro/stop.hpp>             // stop_source, stop_token, stop_callback
#include <weir/coro/context.hpp>          // context, this_task, clock
#include <weir/coro/shared_priority.hpp>  // priority_of, executor_of: what holds now for work that is done for several
#include <weir/coro/task.hpp>             // task
#include <weir/coro/sync_wait.hpp>        // sync_wait, run_loop
#include <weir/coro/yield.hpp>            // yield
#include <weir/coro/check.hpp>            // check: ends what was stopped or is overdue
#include <weir/coro/budget.hpp>           // checkpoint: gives way when the turn has lasted long enough
#include <weir/coro/scope.hpp>            // scope, in_scope
#include <weir/coro/child_value.hpp>      // child_value: what a child of a scope gives
#include <weir/coro/outcome.hpp>          // outcome: a value or an exception
#include <weir/coro/when_all.hpp>         // when_all
#include <weir/coro/when_all_settled.hpp> // when_all_settled
#include <weir/coro/when_any.hpp>         // when_any, first_of
#include <weir/coro/fork_join.hpp>        // fork_join: side by side on the workers, for what computes
#include <weir/coro/generator.hpp>        // generator
#include <weir/coro/async_generator.hpp>  // async_generator
#include <weir/coro/interleave.hpp>       // interleave, prefetched: many lookups at once on one thread
