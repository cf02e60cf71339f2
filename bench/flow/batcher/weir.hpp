// bench/flow/batcher/weir.hpp: weir's batcher with natural batching, between tasks of a runtime.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/runtime/runtime.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

namespace bench {

class weir_batcher {
public:
    static constexpr auto name = "weir";

    explicit weir_batcher(shape how) : how_{how}, runtime_{options_for(how)} {}

    double run(std::uint64_t times) {
        sum_ = 0;
        double const took = runtime_.block_on(&weir_batcher::all, std::ref(*this), times);
        must_equal(sum_, how_.sum(times), name);
        return took;
    }

private:
    using numbers = weir::batcher<std::uint64_t, std::uint64_t>;

    static weir::runtime_options options_for(shape how) {
        weir::runtime_options chosen;
        chosen.workers = how.workers;
        return chosen;
    }
    static weir::task<double> all(weir_batcher& self, std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        auto const start = clock::now();
        co_await weir::in_scope(&weir_batcher::spawn_all, std::ref(self), times / self.how_.tasks);
        co_return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
    }
    static weir::task<> spawn_all(weir::scope& children, weir_batcher& self, std::uint64_t count) {
        for (unsigned n = 0; n < self.how_.tasks; ++n) children.spawn(&weir_batcher::asks, std::ref(self), count);
        co_return;
    }
    static weir::task<> asks(weir_batcher& self, std::uint64_t count) {
        std::uint64_t sum = 0;
        for (std::uint64_t n = 0; n < count; ++n) {
            auto const doubled = co_await self.numbers_.submit(n);
            sum += *doubled;
        }
        self.sum_ += sum;
    }
    static weir::task<> doubles(std::span<std::uint64_t> items, weir::replies<std::uint64_t>& out) {
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, 2 * items[n]);
        co_return;
    }

    shape const how_;
    std::atomic<std::uint64_t> sum_{0};
    weir::runtime runtime_;
    numbers numbers_{&weir_batcher::doubles};
};

} // namespace bench
