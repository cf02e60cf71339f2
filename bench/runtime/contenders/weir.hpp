// bench/runtime/contenders/weir.hpp: weir's runtime.
#pragma once

#include "shape.hpp"

#include <weir/channel.hpp>
#include <weir/coro.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/runtime.hpp>

#include <cstddef>
#include <functional>
#include <memory>

namespace bench {

class weir_runtime {
public:
    static constexpr auto name = "weir";

    std::uint64_t wake(std::uint64_t times) {
        std::uint64_t sum = 0;
        for (; times > 0; --times) sum += one_->block_on([]() -> weir::task<std::uint64_t> { co_return 1; });
        return sum;
    }
    std::uint64_t pass(std::uint64_t times) { return pass_between(*both_, *both_, times); }
    std::uint64_t pass_apart(std::uint64_t times) { return pass_between(*one_, *other_, times); }
    timed steal(std::uint64_t times) { return both_->block_on(&weir_runtime::steals, times); }
    template <std::size_t AtOnce>
    std::uint64_t blocking(std::uint64_t times) {
        weir::atomic<std::uint64_t> sum{0};
        one_->block_on(
            [](std::uint64_t count, weir::atomic<std::uint64_t>& into) {
                return weir::in_scope(&weir_runtime::calls<AtOnce>, count, std::ref(into));
            },
            times, std::ref(sum));
        return sum.load(weir::relaxed); // joined
    }

private:
    struct table {
        weir::channel<std::uint64_t> there{1};
        weir::channel<std::uint64_t> back{1};
    };
    static std::uint64_t pass_between(weir::runtime& one, weir::runtime& other, std::uint64_t times) {
        table between;
        weir::atomic<bool> over{false};
        other.spawn(&weir_runtime::returns, std::ref(between), std::ref(over));
        std::uint64_t const value = one.block_on(&weir_runtime::serves, std::ref(between), times);
        while (!over.load(weir::acquire)) weir::pause(); // [over] it has left the table
        return value;
    }
    static weir::task<std::uint64_t> serves(table& between, std::uint64_t times) {
        std::uint64_t value = 0;
        for (; times > 0; --times) {
            co_await between.there.send(value);
            value = *co_await between.back.recv();
        }
        between.there.close();
        co_return value;
    }
    static weir::task<> returns(table& between, weir::atomic<bool>& over) {
        while (auto const value = co_await between.there.recv()) co_await between.back.send(*value + 1);
        over.store(true, weir::release); // [over]
    }

    static weir::task<timed> steals(std::uint64_t times) {
        using clock = std::chrono::steady_clock;
        timed done{};
        for (; times > 0; --times) {
            weir::atomic<unsigned> begun{0};
            co_await weir::in_scope(
                [](weir::scope& children, weir::atomic<unsigned>& stolen, timed& into) -> weir::task<> {
                    auto const start = clock::now();
                    for (int n = 0; n < 2; ++n) children.spawn(&weir_runtime::begins, std::ref(stolen));
                    while (stolen.load(weir::acquire) == 0) weir::pause(); // [stolen]
                    into.took += std::chrono::duration<double, std::nano>{clock::now() - start}.count();
                    ++into.sum;
                    co_return;
                },
                std::ref(begun), std::ref(done));
            rest();
        }
        co_return done;
    }
    static weir::task<> begins(weir::atomic<unsigned>& stolen) {
        stolen.fetch_add(1, weir::release); // [stolen]
        co_return;
    }

    template <std::size_t AtOnce>
    static weir::task<> calls(weir::scope& children, std::uint64_t times, weir::atomic<std::uint64_t>& sum) {
        for (std::size_t n = 0; n < AtOnce; ++n)
            children.spawn(&weir_runtime::call, (times + n) / AtOnce, std::ref(sum)); // which add up to `times`
        co_return;
    }
    static weir::task<> call(std::uint64_t times, weir::atomic<std::uint64_t>& sum) {
        for (; times > 0; --times) {
            auto const value = co_await weir::blocking([] { return std::uint64_t{1}; });
            sum.fetch_add(*value, weir::relaxed); // a tally
        }
    }

    static std::unique_ptr<weir::runtime> make(unsigned workers) {
        weir::runtime_options options;
        options.workers = workers;
        return std::make_unique<weir::runtime>(options);
    }

    std::unique_ptr<weir::runtime> const one_ = make(1);
    std::unique_ptr<weir::runtime> const other_ = make(1);
    std::unique_ptr<weir::runtime> const both_ = make(2);
};

} // namespace bench
