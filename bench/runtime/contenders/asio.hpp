// bench/runtime/contenders/asio.hpp: Boost.Asio's coroutines on contexts with a thread each, and its thread_pool for what
// blocks. Its context has one queue for all threads, so that there is nothing to steal.
#pragma once

#include "shape.hpp"

#if WEIR_BENCH_ASIO
#include <utility> // first: Boost 1.74's awaitable.hpp uses std::exchange and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#endif

#include <cstddef>
#include <future>
#include <memory>
#include <thread>

namespace bench {

class asio_runtime {
public:
    static constexpr auto name = "Boost.Asio";
#if WEIR_BENCH_ASIO
    std::uint64_t wake(std::uint64_t times) {
        std::uint64_t sum = 0;
        for (std::uint64_t n = 0; n < times; ++n) {
            std::promise<std::uint64_t> answer;
            boost::asio::post(one_.context, [&answer] { answer.set_value(1); });
            sum += answer.get_future().get();
        }
        return sum;
    }
    // A message is a function that the other context is given.
    std::uint64_t pass_apart(std::uint64_t times) {
        std::promise<std::uint64_t> answer;
        passing all{*this, times, answer};
        boost::asio::post(one_.context, [&all] { all.serve(); });
        return answer.get_future().get();
    }
    // There and back by post, which is how Asio's users call what blocks.
    template <std::size_t AtOnce>
    std::uint64_t blocking(std::uint64_t times) {
        if (!pool_) pool_ = std::make_unique<boost::asio::thread_pool>(AtOnce);
        std::promise<std::uint64_t> answer;
        std::uint64_t left = times; // and the rest: of the context's thread
        std::uint64_t sum = 0;
        std::size_t running = AtOnce;
        for (std::size_t n = 0; n < AtOnce; ++n)
            boost::asio::co_spawn(
                one_.context,
                [&]() -> boost::asio::awaitable<void> {
                    while (left > 0) {
                        --left;
                        co_await boost::asio::post(*pool_, boost::asio::use_awaitable);
                        // Here it is on the pool's thread, and may block.
                        std::uint64_t const value = 1;
                        co_await boost::asio::post(one_.context, boost::asio::use_awaitable);
                        sum += value;
                    }
                    if (--running == 0) answer.set_value(sum);
                },
                boost::asio::detached);
        return answer.get_future().get();
    }

private:
    struct place {
        boost::asio::io_context context{1};
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open{context.get_executor()};
        std::thread thread{[this] { context.run(); }};
        ~place() {
            open.reset();
            thread.join();
        }
    };
    struct passing {
        void serve() {
            if (value == times) return answer.set_value(value);
            boost::asio::post(of.other_.context, [this] {
                ++value;
                boost::asio::post(of.one_.context, [this] { serve(); });
            });
        }
        asio_runtime& of;
        std::uint64_t times;
        std::promise<std::uint64_t>& answer;
        std::uint64_t value = 0;
    };

    place one_;
    place other_;
    std::unique_ptr<boost::asio::thread_pool> pool_;
#else
    static constexpr auto absent = "no Boost.Asio with coroutines";
#endif
};

} // namespace bench
