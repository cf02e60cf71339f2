// bench/flow/batcher/many_tasks.hpp: 64 tasks on one worker, each of which does its part, one thing after the other.
#pragma once

#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace bench {

// They do `times` operations of `Self::one` in all.
template <class Self>
class many_tasks {
public:
    double run(std::uint64_t times) { return runtime_.block_on(&many_tasks::all, std::ref(*this), times); }

protected:
    many_tasks() : runtime_{one_worker()} {}
    weir::runtime runtime_;

private:
    static constexpr std::uint64_t tasks = 64;
    static weir::runtime_options one_worker() {
        weir::runtime_options chosen;
        chosen.workers = 1;
        return chosen;
    }
    static weir::task<double> all(many_tasks& self, std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        auto const start = clock::now();
        co_await weir::in_scope(&many_tasks::spawn_all, std::ref(self), times);
        co_return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
    }
    static weir::task<> spawn_all(weir::scope& children, many_tasks& self, std::uint64_t times) {
        for (std::uint64_t n = 0; n < tasks; ++n)
            children.spawn(&many_tasks::works, std::ref(self), n, times / tasks + (n < times % tasks));
        co_return;
    }
    static weir::task<> works(many_tasks& self, std::uint64_t seed, std::uint64_t count) {
        for (std::uint64_t n = 0; n < count; ++n) co_await static_cast<Self&>(self).one(seed * 7919 + n);
    }
};

} // namespace bench
