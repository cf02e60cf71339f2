// bench/timer/timer.cpp: setting and cancelling among a million timers, and a thousand sleeps.

#include "contenders.hpp"
#include "sleepers.hpp"

#include <harness/measure.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <string_view>
#include <vector>

namespace {

using namespace bench;

constexpr std::size_t population = 1'000'000;
enum class timed { setting, cancelling };
enum class order { of_setting, random };

// A million timers are set, always. In bursts of a thousand some are cancelled and set again, to between ten and seventy
// minutes from the start; an operation is one of either.
template <class Timers>
class crowd {
public:
    explicit crowd(order chosen) : order_(population), ahead_(1 << 16), timers_{population} {
        std::mt19937_64 random{20};
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        if (chosen == order::random) std::shuffle(order_.begin(), order_.end(), random);
        std::uniform_int_distribution<std::int64_t> length{600'000'000'000, 4'200'000'000'000};
        for (auto& one : ahead_) one = std::chrono::nanoseconds{length(random)};
        for (std::size_t n = 0; n < population; ++n) set(n);
        // Twice round, so that a random order of cancelling is not followed by one of setting that memory remembers.
        replace(population, timed::setting);
    }

    // Nanoseconds that setting or cancelling took.
    double replace(std::uint64_t times, timed what) {
        clock::duration took{};
        std::uint64_t const before = timers_.cancelled();
        for (std::uint64_t left = times; left > 0;) {
            std::size_t const count = std::min<std::size_t>({left, 1000, population - next_});
            auto const begins = clock::now();
            for (std::size_t n = 0; n < count; ++n) timers_.cancel(order_[next_ + n]);
            timers_.settle();
            auto const cancelled = clock::now();
            for (std::size_t n = 0; n < count; ++n) set(order_[next_ + n]);
            auto const ended = clock::now();
            took += what == timed::cancelling ? cancelled - begins : ended - cancelled;
            next_ = (next_ + count) % population;
            left -= count;
        }
        must_equal(timers_.cancelled() - before, times, Timers::name);
        return std::chrono::duration<double, std::nano>{took}.count();
    }

private:
    void set(std::size_t n) { timers_.set(n, begin_ + ahead_[turn_++ % ahead_.size()]); }

    std::vector<std::size_t> order_;
    std::vector<std::chrono::nanoseconds> ahead_;
    Timers timers_;
    clock::time_point const begin_ = clock::now();
    std::size_t next_ = 0;
    std::size_t turn_ = 0;
};

void measure_crowd(char const* workload, settings const& chosen, order by, timed what) {
    if (std::string_view{workload}.find(chosen.only) == std::string_view::npos) return; // a crowd takes a while to set
    measure<weir_timers, asio_timers, ordered_map>(workload, chosen, [=]<class Timers> {
        return [=, all = std::make_shared<crowd<Timers>>(by)](std::uint64_t times) { return all->replace(times, what); };
    });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure_crowd("set", chosen, order::of_setting, timed::setting);
    measure_crowd("cancel the oldest", chosen, order::of_setting, timed::cancelling);
    measure_crowd("cancel any", chosen, order::random, timed::cancelling);
    measure<weir_sleep, asio_sleep, other_process<go_program>, other_process<tokio_program>>(
        "sleep", chosen, []<class Sleep> {
            if constexpr (requires { Sleep::sleep(std::uint64_t{1}); }) {
                return [](std::uint64_t times) { return Sleep::sleep(times); };
            } else {
                return [all = std::make_shared<Sleep>()](std::uint64_t times) {
                    for (; times != 0; --times) all->sleep();
                };
            }
        });
}
