// bench/sync/contenders/weir.hpp: weir's mutex, semaphore and event between tasks of a runtime.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace bench {

class weir_sync {
public:
    static constexpr auto name = "weir";

    explicit weir_sync(shape how) : how_{how}, runtime_{options_for(how)} {}

    double run(std::uint64_t times) {
        sum_ = 0;
        double const took = runtime_.block_on(&weir_sync::all, std::ref(*this), times);
        must_equal(sum_, how_.sum(times), name);
        return took;
    }

private:
    static weir::runtime_options options_for(shape how) {
        weir::runtime_options chosen;
        chosen.workers = how.workers;
        return chosen;
    }

    static weir::task<double> all(weir_sync& self, std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        auto const start = clock::now();
        co_await weir::in_scope(&weir_sync::spawn_all, std::ref(self), times);
        co_return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
    }
    static weir::task<> spawn_all(weir::scope& children, weir_sync& self, std::uint64_t times) {
        for (unsigned n = 0; n < self.how_.tasks; ++n) {
            std::uint64_t const count = times / self.how_.tasks;
            switch (self.how_.what) {
                case primitive::mutex: children.spawn(&weir_sync::locks, std::ref(self), count); break;
                case primitive::semaphore: children.spawn(&weir_sync::acquires, std::ref(self), count); break;
                case primitive::event:
                    if (self.how_.tasks == 1) children.spawn(&weir_sync::sets, std::ref(self), count);
                    else children.spawn(&weir_sync::takes_turns, std::ref(self), count, n);
                    break;
            }
        }
        co_return;
    }
    static weir::task<> locks(weir_sync& self, std::uint64_t count) {
        for (; count != 0; --count) {
            auto const held = co_await self.lock_.lock();
            ++self.sum_;
        }
    }
    static weir::task<> acquires(weir_sync& self, std::uint64_t count) {
        for (; count != 0; --count) {
            auto const held = co_await self.permits_.acquire();
            ++self.sum_;
        }
    }
    static weir::task<> sets(weir_sync& self, std::uint64_t count) {
        weir::event& flag = self.flags_[0];
        for (; count != 0; --count) {
            flag.set();
            static_cast<void>(co_await flag.wait());
            flag.reset();
            ++self.sum_;
        }
    }
    static weir::task<> takes_turns(weir_sync& self, std::uint64_t count, unsigned me) {
        weir::event& mine = self.flags_[me];
        weir::event& others = self.flags_[1 - me];
        for (; count != 0; --count) {
            if (me == 0) others.set();
            static_cast<void>(co_await mine.wait());
            mine.reset();
            ++self.sum_; // the other waits
            if (me == 1) others.set();
        }
    }

    shape const how_;
    weir::mutex lock_;
    weir::semaphore permits_{1};
    weir::event flags_[2];
    std::uint64_t sum_ = 0; // guarded by whichever of these is measured
    weir::runtime runtime_;
};

} // namespace bench
