// tests/conformance/own_scope.hpp: a scope that belongs to a subject: its children hear of no stop, and outlive waits.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>

#include <mutex>
#include <optional>

namespace weir::conformance {

class own_scope : immovable {
public:
    // Opens it on the executor of the first who asks, and calls `first(scope&)` then.  Threads: any.
    template <class First>
    scope& open(context const& here, First first) {
        std::call_once(once_, [&] {
            above_.emplace(here.executor);
            children_.emplace(*above_);
            first(*children_);
        });
        return *children_;
    }
    // Waits for all children, if there was any.
    task<> join() {
        if (children_) co_await scope::join(*children_);
        co_await yield(); // the last child goes on with who joins; it has its frame behind it now
    }

private:
    std::once_flag once_;
    std::optional<context> above_;
    std::optional<scope> children_;
};

} // namespace weir::conformance
