// weir/flow/circuit_breaker.hpp: stops calling what keeps failing, and tries it again after a while.
//     circuit_breaker mails{breaker_options{}};
//     auto const sent = co_await mails.run(send, message);   // errc::circuit_open at once while it is open
// States: closed, calls pass and failures are counted over a sliding window; open, calls are refused; half open, a few
// probes pass, and all of them must succeed for it to close. Each time one fails it stays open for twice as long.
// Source:   M. Nygard, "Release It!", 2007.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/task.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/retry.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

class breaker_options {
public:
    breaker_options() noexcept {}

    double failure_share = 0.5;                    // of the calls in the window: from there on it opens
    unsigned least_calls = 20;                     // in the window, before their share means anything
    duration window = std::chrono::seconds{10};
    duration open_for = std::chrono::seconds{1};   // at first
    duration longest_open = std::chrono::seconds{60};
    unsigned probes = 3;                           // that must succeed in a row
    bool (*counts)(std::error_code) = worth_retrying; // whether an error is the other side's failure
};

enum class breaker_state : unsigned char { closed, open, half_open };

class circuit_breaker;

// One admitted call. Dropped without a word it counts neither way: it was cancelled, or failed for reasons of its own.
class [[nodiscard]] breaker_call {
public:
    breaker_call(breaker_call&& other) noexcept
        : of_{std::exchange(other.of_, nullptr)}, generation_{other.generation_} {}
    breaker_call& operator=(breaker_call&&) = delete;
    ~breaker_call();

    void succeeded(time_point now = clock::now()) noexcept;
    void failed(time_point now = clock::now()) noexcept;

private:
    friend circuit_breaker;
    breaker_call(circuit_breaker& of, std::uint64_t generation) noexcept : of_{&of}, generation_{generation} {}
    circuit_breaker* of_;
    std::uint64_t generation_;
};

// Threads: any, for every function.
class circuit_breaker : immovable {
public:
    explicit circuit_breaker(breaker_options options = {}) noexcept
        : options_{options}, open_for_{options.open_for} {
        WEIR_ASSERT(options.window >= duration{buckets} && options.probes > 0, "a breaker that never closes again");
    }

    // Errors: errc::circuit_open.  Cost: a spin lock, and another when the call ends.
    result<breaker_call> try_enter(time_point now = clock::now()) noexcept;

    // Awaits `fn(args...)`, which gives a result<T>, unless the circuit is open. An exception counts as a failure.
    // Cancel: is passed on; a call that was cancelled counts neither way.
    template <class F, class... Args>
    auto run(F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args...>>>;

    breaker_state state(time_point now = clock::now()) const noexcept;

private:
    friend breaker_call;
    static constexpr std::size_t buckets = 10; // that the window is made of

    struct tally {
        std::int64_t period = -1; // which tenth of a window, counted from the clock's beginning
        unsigned calls = 0;
        unsigned failures = 0;
    };

    std::int64_t period_of(time_point now) const noexcept {
        return now.time_since_epoch() / (options_.window / static_cast<duration::rep>(buckets));
    }
    void note(std::uint64_t generation, bool failure, time_point now) noexcept;
    void withdraw(std::uint64_t generation) noexcept;
    void count(bool failure, time_point now) noexcept;
    bool too_many_failures(time_point now) const noexcept;
    void open(time_point now) noexcept;
    void become(breaker_state next) noexcept {
        state_ = next;
        ++generation_;
        probes_out_ = probes_well_ = 0;
    }

    breaker_options const options_;
    mutable spin_lock lock_;
    // J1: a call counts only in the generation that admitted it: what was begun before the circuit changed says nothing
    //     of how things are now.
    // J2: half open, probes_out_ are under way and probes_well_ have succeeded; their sum is at most options_.probes.
    breaker_state state_ = breaker_state::closed;
    std::uint64_t generation_ = 0;
    unsigned probes_out_ = 0;
    unsigned probes_well_ = 0;
    time_point opens_until_;
    duration open_for_;
    std::array<tally, buckets> window_;
};

inline result<breaker_call> circuit_breaker::try_enter(time_point now) noexcept {
    spin_guard const locked{lock_};
    if (state_ == breaker_state::open && now >= opens_until_) become(breaker_state::half_open);
    if (state_ == breaker_state::open) return errc::circuit_open;
    if (state_ == breaker_state::half_open) {
        if (probes_out_ + probes_well_ >= options_.probes) return errc::circuit_open;
        ++probes_out_; // keeps J2
    }
    return breaker_call{*this, generation_};
}

inline breaker_state circuit_breaker::state(time_point now) const noexcept {
    spin_guard const locked{lock_};
    return state_ == breaker_state::open && now >= opens_until_ ? breaker_state::half_open : state_;
}

inline void circuit_breaker::note(std::uint64_t generation, bool failure, time_point now) noexcept {
    spin_guard const locked{lock_};
    if (generation != generation_) return; // keeps J1
    if (state_ == breaker_state::closed) {
        count(failure, now);
        if (failure && too_many_failures(now)) open(now);
        return;
    }
    --probes_out_; // half open: an open circuit has admitted nobody of its generation
    if (failure) {
        open_for_ = std::min(2 * open_for_, options_.longest_open);
        open(now);
    } else if (++probes_well_ == options_.probes) {
        open_for_ = options_.open_for;
        window_ = {};
        become(breaker_state::closed);
    }
}

inline void circuit_breaker::withdraw(std::uint64_t generation) noexcept {
    spin_guard const locked{lock_};
    if (generation == generation_ && state_ == breaker_state::half_open) --probes_out_; // keeps J2
}

inline void circuit_breaker::open(time_point now) noexcept {
    become(breaker_state::open);
    opens_until_ = now + open_for_;
}

inline void circuit_breaker::count(bool failure, time_point now) noexcept {
    std::int64_t const period = period_of(now);
    tally& in = window_[static_cast<std::size_t>(period) % buckets];
    if (in.period != period) {
        in = {};
        in.period = period;
    }
    ++in.calls;
    in.failures += failure;
}

inline bool circuit_breaker::too_many_failures(time_point now) const noexcept {
    std::int64_t const newest = period_of(now);
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    for (tally const& each : window_)
        if (each.period > newest - static_cast<std::int64_t>(buckets)) {
            calls += each.calls;
            failures += each.failures;
        }
    return calls >= options_.least_calls &&
           static_cast<double>(failures) >= options_.failure_share * static_cast<double>(calls);
}

template <class F, class... Args>
auto circuit_breaker::run(F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args...>>> {
    using answer = await_result_t<std::invoke_result_t<F&, Args...>>;
    static_assert(is_result<answer>, "what a breaker guards says by a result whether it failed");
    auto admitted = try_enter();
    if (!admitted) co_return admitted.error();
    outcome<answer> ended;
    WEIR_TRY { ended.set_value(co_await fn(std::move(args)...)); }
    WEIR_CATCH_ALL { ended.set_current_exception(); }
    if (ended.failed()) admitted->failed();
    answer got = ended.take();
    if (got) admitted->succeeded();
    else if (options_.counts(got.error())) admitted->failed();
    co_return got;
}

inline breaker_call::~breaker_call() {
    if (of_) of_->withdraw(generation_);
}
inline void breaker_call::succeeded(time_point now) noexcept {
    if (of_) std::exchange(of_, nullptr)->note(generation_, false, now);
}
inline void breaker_call::failed(time_point now) noexcept {
    if (of_) std::exchange(of_, nullptr)->note(generation_, true, now);
}

} // namespace weir
