// bench/tasks/contenders/weir.hpp: tasks of a weir::runtime.
#pragma once

#include "shape.hpp"

#include <weir/coro.hpp>
#include <weir/runtime.hpp>

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <vector>

namespace bench {

template <unsigned Workers>
class weir_tasks {
public:
    static constexpr auto name = "weir";

    std::uint64_t await(std::uint64_t times) {
        return runtime_->block_on(
            [](std::uint64_t left) -> weir::task<std::uint64_t> {
                std::uint64_t sum = 0;
                for (; left > 0; --left) sum += co_await one(1);
                co_return sum;
            },
            times);
    }
    std::uint64_t resume(std::uint64_t times) {
        return runtime_->block_on(
            [](std::uint64_t count) -> weir::task<std::uint64_t> {
                pause between;
                auto const both = co_await weir::when_all(waits(between, count), resumes(between, count));
                co_return std::get<0>(both);
            },
            times);
    }
    std::uint64_t yield(std::uint64_t times) {
        return runtime_->block_on(
            [](std::uint64_t left) -> weir::task<std::uint64_t> {
                std::uint64_t sum = 0;
                for (; left > 0; --left, ++sum) co_await weir::yield();
                co_return sum;
            },
            times);
    }
    std::uint64_t when_all(std::uint64_t times) {
        return runtime_->block_on(
            [](std::uint64_t left) -> weir::task<std::uint64_t> {
                std::uint64_t sum = 0;
                while (left > 0) {
                    std::uint64_t const now = left < at_once ? left : at_once;
                    std::vector<weir::task<std::uint64_t>> all;
                    all.reserve(now);
                    for (std::uint64_t n = 0; n < now; ++n) all.push_back(one(1));
                    auto const values = co_await weir::when_all(std::move(all));
                    for (auto const value : values) sum += value;
                    left -= now;
                }
                co_return sum;
            },
            times);
    }
    std::uint64_t join(std::uint64_t times) {
        weir::atomic<std::uint64_t> sum{0};
        runtime_->block_on(
            [](std::uint64_t left, weir::atomic<std::uint64_t>& into) -> weir::task<> {
                while (left > 0) {
                    std::uint64_t const now = left < at_once ? left : at_once;
                    co_await weir::in_scope(
                        [](weir::scope& children, std::uint64_t count, weir::atomic<std::uint64_t>& to) -> weir::task<> {
                            for (; count > 0; --count) children.spawn(add, std::ref(to));
                            co_return;
                        },
                        now, std::ref(into));
                    left -= now;
                }
            },
            times, std::ref(sum));
        return sum.load(weir::relaxed); // joined
    }

private:
    // Who awaits it waits until somebody resumes it by hand.
    class pause {
    public:
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waits) noexcept { waits_ = waits; }
        void await_resume() const noexcept {}
        void end() const { waits_.resume(); }

    private:
        std::coroutine_handle<> waits_;
    };
    static weir::task<std::uint64_t> waits(pause& between, std::uint64_t left) {
        std::uint64_t sum = 0;
        for (; left > 0; --left, ++sum) co_await between;
        co_return sum;
    }
    static weir::task<> resumes(pause& between, std::uint64_t left) {
        for (; left > 0; --left) between.end();
        co_return;
    }
    [[gnu::noinline]] static weir::task<std::uint64_t> one(std::uint64_t value) { co_return value; }
    [[gnu::noinline]] static weir::task<> add(weir::atomic<std::uint64_t>& to) {
        to.fetch_add(1, weir::relaxed); // a tally
        co_return;
    }
    static std::unique_ptr<weir::runtime> make() {
        weir::runtime_options options;
        options.workers = Workers;
        return std::make_unique<weir::runtime>(options);
    }

    std::unique_ptr<weir::runtime> const runtime_ = make();
};

} // namespace bench
