// bench/flow/batcher/load.cpp: a backend that takes 100 µs a call and 1 µs an item, one after the other, as load grows.
// Requests arrive at random moments, whether others are answered or not; a latency counts from the moment at which a
// request should have come. Prints a JSON line for each way to the backend and each load, in parts of what is served
// unbatched; a load of zero is 256 tasks that ask again as soon as they are answered.

#include <weir/base/intrusive.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <span>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weir::clock;
using weir::duration;
using weir::time_point;

constexpr duration per_call = 100us;
constexpr duration per_item = 1us;
constexpr double capacity = 1e9 / static_cast<double>((per_call + per_item).count()); // calls of one item, a second

// Serves one call after the other. It is a device, no processor: a call ends when its time has come and somebody looks.
class backend {
public:
    weir::task<> serve(std::size_t items) {
        free_at_ = std::max(free_at_, clock::now()) + per_call + static_cast<long>(items) * per_item;
        call one{free_at_};
        calls_.push_back(one);
        static_cast<void>(co_await one.done.wait());
    }
    // Ends those whose time has come.
    void look() {
        for (time_point const now = clock::now(); call* const one = calls_.front();) {
            if (one->end > now) return;
            calls_.pop_front();
            one->done.set();
        }
    }

private:
    class call : public weir::list_node {
    public:
        explicit call(time_point at) : end{at} {}
        time_point const end;
        weir::event done;
    };

    time_point free_at_{};
    weir::intrusive_list<call> calls_;
};

struct way {
    char const* name;
    bool batched;
    weir::batcher_options options;
};

std::vector<way> ways() {
    weir::batcher_options natural;
    weir::batcher_options lingering;
    lingering.linger = 1ms;
    weir::batcher_options adaptive;
    adaptive.latency_target = 1ms;
    return {{"unbatched", false, {}}, {"linger 1 ms", true, lingering}, {"natural", true, natural},
            {"adaptive", true, adaptive}};
}

class trial {
public:
    trial(way const& how, double load, duration length) : how_{how}, load_{load}, length_{length} {}

    void run() {
        weir::runtime_options options;
        options.workers = 1;
        weir::runtime runtime{options};
        runtime.block_on(&trial::all, std::ref(*this));
        print();
    }

private:
    static weir::task<> all(trial& self) {
        co_await weir::in_scope(&trial::arrive, std::ref(self));
    }
    static weir::task<> arrive(weir::scope& callers, trial& self) {
        self.begin_ = clock::now();
        self.end_ = self.begin_ + self.length_;
        if (self.load_ == 0) {
            for (int n = 0; n < 256; ++n) callers.spawn(&trial::asks_again, std::ref(self));
        }
        std::mt19937_64 random{17};
        std::exponential_distribution<double> gap{std::max(self.load_, 0.01) * capacity / 1e9};
        // It never sleeps, as that would make arrivals and ends of calls late.
        for (time_point next = self.begin_; next < self.end_ || self.answered_ != self.asked_;) {
            time_point const now = clock::now();
            for (; self.load_ != 0 && next <= now && next < self.end_; ++self.asked_) {
                callers.spawn(&trial::asks, std::ref(self), next);
                next += duration{static_cast<duration::rep>(gap(random))};
            }
            if (self.load_ == 0) next = now;
            self.backend_.look();
            co_await weir::yield();
        }
    }
    static weir::task<> asks(trial& self, time_point due) {
        if (self.how_.batched) {
            auto const done = co_await self.requests_.submit(1);
            if (!done) std::abort();
        } else {
            co_await self.backend_.serve(1);
        }
        time_point const now = clock::now();
        self.latencies_.push_back(static_cast<double>((now - due).count()) / 1e3);
        self.last_ = now;
        ++self.answered_;
    }
    static weir::task<> asks_again(trial& self) {
        while (clock::now() < self.end_) {
            ++self.asked_;
            co_await asks(self, clock::now());
        }
    }

    double quantile(double part) {
        auto const rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(latencies_.size() - 1));
        std::nth_element(latencies_.begin(), latencies_.begin() + rank, latencies_.end());
        return latencies_[static_cast<std::size_t>(rank)];
    }
    void print() {
        double const seconds = std::chrono::duration<double>(last_ - begin_).count();
        double const rate = static_cast<double>(latencies_.size()) / seconds;
        auto const figures = requests_.figures();
        double const batches = static_cast<double>(figures.batches);
        double const size = figures.batches == 0 ? 1.0 : static_cast<double>(figures.items) / batches;
        std::printf("{\"way\": \"%s\", \"load\": %.2f, \"offered\": %.0f, \"throughput\": %.0f, \"p50_us\": %.1f, "
                    "\"p99_us\": %.1f, \"batch\": %.1f}\n",
                    how_.name, load_, load_ * capacity, rate, quantile(0.5), quantile(0.99), size);
        std::fflush(stdout);
    }

    way const& how_;
    double const load_;
    duration const length_;
    time_point begin_{};
    time_point end_{};
    time_point last_{};
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    std::vector<double> latencies_;
    backend backend_;
    weir::batcher<int, void> requests_{
        [this](std::span<int> items, weir::replies<void>& out) -> weir::task<> {
            co_await backend_.serve(items.size());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n);
        },
        how_.options};
};

} // namespace

// load [MILLISECONDS]: how long each trial lasts.
int main(int argc, char** argv) {
    duration const length = std::chrono::milliseconds{argc > 1 ? std::max(std::atoi(argv[1]), 1) : 250};
    auto const all = ways();
    for (double const load : {0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 0.0})
        for (way const& how : all) trial{how, load, length}.run();
}
