// bench/tasks/contenders/asio.hpp: Boost.Asio's awaitables, on a context run by one thread or two.
#pragma once

#include "shape.hpp"

#if WEIR_BENCH_ASIO
#include <utility> // first: Boost 1.74's awaitable.hpp uses std::exchange and does not include it

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#endif

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

namespace bench {

template <unsigned Workers>
class asio_tasks {
public:
    static constexpr auto name = "Boost.Asio awaitable";
#if WEIR_BENCH_ASIO
    std::uint64_t await(std::uint64_t times) {
        std::uint64_t sum = 0;
        run([&]() -> boost::asio::awaitable<void> {
            for (std::uint64_t left = times; left > 0; --left) {
                std::uint64_t const value = co_await one(1);
                sum += value;
            }
        });
        return sum;
    }
    std::uint64_t resume(std::uint64_t times) {
        std::uint64_t sum = 0;
        std::optional<handler> waits;
        boost::asio::co_spawn(context_, waits_for(waits, times, sum), boost::asio::detached);
        run([&]() -> boost::asio::awaitable<void> {
            for (std::uint64_t left = times; left > 0; --left) {
                handler one = std::move(*waits);
                waits.reset();
                one();
            }
            co_return;
        });
        return sum;
    }
    std::uint64_t yield(std::uint64_t times) {
        std::uint64_t sum = 0;
        run([&]() -> boost::asio::awaitable<void> {
            auto const here = co_await boost::asio::this_coro::executor;
            for (std::uint64_t left = times; left > 0; --left, ++sum)
                co_await boost::asio::post(here, boost::asio::use_awaitable);
        });
        return sum;
    }
    std::uint64_t join(std::uint64_t times) {
        std::atomic<std::uint64_t> sum{0};
        for (std::uint64_t left = times; left > 0;) {
            std::uint64_t const now = left < at_once ? left : at_once;
            for (std::uint64_t n = 0; n < now; ++n) boost::asio::co_spawn(context_, add(sum), boost::asio::detached);
            run_dry();
            left -= now;
        }
        return sum;
    }

private:
    using handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;
    static boost::asio::awaitable<void> waits_for(std::optional<handler>& place, std::uint64_t left, std::uint64_t& sum) {
        for (; left > 0; --left, ++sum)
            co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<> const, void()>(
                [&place](handler waits) { place.emplace(std::move(waits)); }, boost::asio::use_awaitable);
    }
    [[gnu::noinline]] static boost::asio::awaitable<std::uint64_t> one(std::uint64_t value) { co_return value; }
    [[gnu::noinline]] static boost::asio::awaitable<void> add(std::atomic<std::uint64_t>& to) {
        to.fetch_add(1, std::memory_order_relaxed); // a tally
        co_return;
    }
    template <class F>
    void run(F make) {
        boost::asio::co_spawn(context_, std::move(make), boost::asio::detached);
        run_dry();
    }
    // Until nothing is left to do, which is how Asio joins.
    void run_dry() {
        context_.restart();
        std::thread second;
        if (Workers == 2) second = std::thread{[this] { context_.run(); }};
        context_.run();
        if (second.joinable()) second.join();
    }

    boost::asio::io_context context_{static_cast<int>(Workers)};
#else
    static constexpr auto absent = "no Boost.Asio with coroutines";
#endif
};

} // namespace bench
