// bench/timer/contenders.hpp: who keeps many deadlines, each a few lines: a set of timers, set and cancelled by number.
#pragma once

#include <weir/timer/wheel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#if WEIR_BENCH_ASIO
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#endif

namespace bench {

using clock = std::chrono::steady_clock;

// Ends the program where a timer fires: all are cancelled long before their time.
[[noreturn]] inline void fired_early(char const* name) {
    std::fprintf(stderr, "%s: a timer fired early\n", name);
    std::abort();
}

class weir_timers {
public:
    static constexpr auto name = "weir timer_wheel";

    explicit weir_timers(std::size_t count) : all_(count) {}
    void set(std::size_t n, clock::time_point at) { wheel_.insert(all_[n], at); }
    void cancel(std::size_t n) { cancelled_ += wheel_.cancel(all_[n]); }
    void settle() {}
    std::uint64_t cancelled() const { return cancelled_; }

private:
    struct deadline : weir::timer {
        deadline() noexcept
            : timer{[](timer&) noexcept -> bool { fired_early(name); }, [](timer&) noexcept {}} {}
    };
    std::vector<deadline> all_;
    weir::timer_wheel wheel_{clock::now()};
    std::uint64_t cancelled_ = 0;
};

class ordered_map {
public:
    static constexpr auto name = "std::multimap";

    explicit ordered_map(std::size_t count) : all_(count) {}
    void set(std::size_t n, clock::time_point at) { all_[n] = deadlines_.emplace(at, n); }
    void cancel(std::size_t n) {
        deadlines_.erase(all_[n]);
        ++cancelled_;
    }
    void settle() {}
    std::uint64_t cancelled() const { return cancelled_; }

private:
    std::multimap<clock::time_point, std::size_t> deadlines_;
    std::vector<decltype(deadlines_)::iterator> all_;
    std::uint64_t cancelled_ = 0;
};

// What is cancelled is told so, which is part of the cost.
class asio_timers {
public:
    static constexpr auto name = "Boost.Asio";
#if WEIR_BENCH_ASIO
    explicit asio_timers(std::size_t count) {
        all_.reserve(count);
        for (std::size_t n = 0; n < count; ++n) all_.emplace_back(context_);
    }
    void set(std::size_t n, clock::time_point at) {
        all_[n].expires_at(at);
        all_[n].async_wait([this](boost::system::error_code error) {
            if (!error) fired_early(name);
            ++cancelled_;
        });
    }
    void cancel(std::size_t n) { all_[n].cancel(); }
    void settle() { context_.poll(); }
    std::uint64_t cancelled() const { return cancelled_; }

private:
    boost::asio::io_context context_{1};
    std::vector<boost::asio::steady_timer> all_;
    std::uint64_t cancelled_ = 0;
#else
    static constexpr auto absent = "no Boost.Asio";
#endif
};

} // namespace bench
