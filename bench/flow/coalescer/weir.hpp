// bench/flow/coalescer/weir.hpp: weir's coalescer, asked by tasks of a runtime.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <weir/base/atomic.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace bench {

class weir_coalescer {
public:
    static constexpr auto name = "weir";

    explicit weir_coalescer(shape how, bool bounded = true)
        : how_{how}, runtime_{workers_of(how)},
          pages_{[this](std::uint64_t const& key) { return load(key); }, options_of(how, bounded)} {
        if (how.what == asked::zipf) walk(first_walk);
    }
    ~weir_coalescer() { runtime_.block_on(&weir_coalescer::closes, std::ref(*this)); }

    double run(std::uint64_t times) {
        std::uint64_t const led = pages_.figures().leads;
        std::uint64_t const from = at_;
        double const took = walk(times);
        must_equal(sum_.load(weir::relaxed), how_.sum(from, times), name);
        hits_.count(how_.workers * times, pages_.figures().leads - led);
        return took;
    }

private:
    using coalescer = weir::coalescer<std::uint64_t, std::uint64_t>;

    static weir::runtime_options workers_of(shape how) {
        weir::runtime_options chosen;
        chosen.workers = how.workers;
        return chosen;
    }
    static weir::coalescer_options options_of(shape how, bool bounded) {
        weir::coalescer_options chosen;
        if (how.what == asked::fresh || how.what == asked::crowd) return chosen;
        chosen.time_to_live = weir::duration::max();
        if (bounded) chosen.max_entries = how.number;
        return chosen;
    }
    weir::task<std::uint64_t> load(std::uint64_t key) {
        if (how_.what == asked::crowd) {
            static_cast<void>(co_await all_asked_.wait());
            co_return 1;
        }
        co_return how_.what == asked::fresh ? 1 : key + 1;
    }
    static weir::task<> closes(weir_coalescer& self) { co_await self.pages_.close(); }

    double walk(std::uint64_t times) {
        sum_.store(0, weir::relaxed); // nobody runs
        double const took = runtime_.block_on(&weir_coalescer::all, std::ref(*this), times);
        at_ += times;
        return took;
    }
    static weir::task<double> all(weir_coalescer& self, std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        auto const start = clock::now();
        switch (self.how_.what) {
            case asked::same: co_await self.asks_same(times); break;
            case asked::fresh: co_await self.asks_fresh(times); break;
            case asked::crowd:
                for (; times != 0; --times) co_await weir::in_scope(&weir_coalescer::spawn_crowd, std::ref(self));
                break;
            case asked::zipf: co_await weir::in_scope(&weir_coalescer::spawn_walks, std::ref(self), times); break;
        }
        co_return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
    }
    weir::task<> asks_same(std::uint64_t times) {
        std::uint64_t const key = 1;
        std::uint64_t sum = 0;
        for (; times != 0; --times) {
            auto const got = co_await pages_.get(key);
            sum += **got;
        }
        sum_.store(sum, weir::relaxed); // one worker
    }
    weir::task<> asks_fresh(std::uint64_t times) {
        std::uint64_t sum = 0;
        for (std::uint64_t key = 0; key < times; ++key) {
            auto const got = co_await pages_.get(key);
            sum += **got;
        }
        sum_.store(sum, weir::relaxed); // one worker
    }
    static weir::task<> spawn_crowd(weir::scope& children, weir_coalescer& self) {
        self.all_asked_.reset();
        self.asked_ = 0;
        for (std::uint64_t n = 0; n < self.how_.number; ++n)
            children.spawn(&weir_coalescer::asks_in_crowd, std::ref(self));
        co_return;
    }
    static weir::task<> asks_in_crowd(weir_coalescer& self) {
        if (++self.asked_ == self.how_.number) self.all_asked_.set();
        std::uint64_t const key = 1;
        auto const got = co_await self.pages_.get(key);
        self.sum_.store(self.sum_.load(weir::relaxed) + **got, weir::relaxed); // one worker
    }
    static weir::task<> spawn_walks(weir::scope& children, weir_coalescer& self, std::uint64_t times) {
        for (unsigned n = 0; n < self.how_.workers; ++n)
            children.spawn(&weir_coalescer::walks, std::ref(self), std::cref(trace_of(n)), times);
        co_return;
    }
    static weir::task<> walks(weir_coalescer& self, zipf_trace const& trace, std::uint64_t times) {
        std::uint64_t sum = 0;
        for (std::uint64_t n = self.at_; n < self.at_ + times; ++n) {
            std::uint64_t const key = trace[n];
            auto const got = co_await self.pages_.get(key);
            sum += **got;
        }
        self.sum_.fetch_add(sum, weir::relaxed); // the scope orders it
    }

    shape const how_;
    hit_ratio hits_{name, how_};
    weir::event all_asked_;
    std::uint64_t asked_ = 0;
    std::uint64_t at_ = 0; // in the traces
    weir::atomic<std::uint64_t> sum_{0};
    weir::runtime runtime_;
    coalescer pages_;
};

// The same without a bound on what is kept: a hit is not counted.
class weir_unbounded : public weir_coalescer {
public:
    static constexpr auto name = "weir, no bound";
    explicit weir_unbounded(shape how) : weir_coalescer{how, false} {}
};

} // namespace bench
