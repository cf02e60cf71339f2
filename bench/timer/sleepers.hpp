// bench/timer/sleepers.hpp: a thousand sleeps of 50 ms that begin together, until the last has ended.
#pragma once

#include "contenders.hpp"

#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

inline constexpr std::size_t sleepers = 1000;
inline constexpr std::chrono::milliseconds sleep_length{50};

class weir_sleep {
public:
    static constexpr auto name = "weir";

    weir_sleep() : runtime_{one_worker()} {}
    void sleep() {
        runtime_.block_on([]() -> weir::task<> {
            co_await weir::in_scope([](weir::scope& all) -> weir::task<> {
                for (std::size_t n = 0; n < sleepers; ++n) all.spawn(one);
                co_return;
            });
        });
    }

private:
    static weir::task<> one() { static_cast<void>(co_await weir::sleep_for(sleep_length)); }
    static weir::runtime_options one_worker() {
        weir::runtime_options options;
        options.workers = 1;
        return options;
    }

    weir::runtime runtime_;
};

class asio_sleep {
public:
    static constexpr auto name = "Boost.Asio";
#if WEIR_BENCH_ASIO
    void sleep() {
        std::vector<boost::asio::steady_timer> all;
        all.reserve(sleepers);
        for (std::size_t n = 0; n < sleepers; ++n)
            all.emplace_back(context_, sleep_length).async_wait([](boost::system::error_code) {});
        context_.restart();
        context_.run();
    }

private:
    boost::asio::io_context context_{1};
#else
    static constexpr auto absent = "no Boost.Asio";
#endif
};

// A program of its own that sleeps as often as it is told, and prints the nanoseconds that it took in all.
template <class Program>
class other_process {
public:
    static constexpr auto name = Program::name;

    static std::string absent() { return std::filesystem::exists(Program::path) ? "" : Program::missing; }
    static double sleep(std::uint64_t times) {
        std::string const command = std::string{Program::path} + ' ' + std::to_string(times);
        std::FILE* const output = ::popen(command.c_str(), "r");
        if (!output) throw std::runtime_error{command};
        double took = 0;
        int const found = std::fscanf(output, "%lf", &took);
        if (::pclose(output) != 0 || found != 1) throw std::runtime_error{command};
        return took;
    }
};

struct go_program {
    static constexpr auto name = "Go";
#ifdef WEIR_BENCH_GO
    static constexpr auto path = WEIR_BENCH_GO;
#else
    static constexpr auto path = "";
#endif
    static constexpr auto missing = "no go";
};
struct tokio_program {
    static constexpr auto name = "Tokio";
    static constexpr auto path = WEIR_BENCH_TOKIO;
    static constexpr auto missing = "no cargo, or it could not fetch the crate";
};

} // namespace bench
