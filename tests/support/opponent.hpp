// tests/support/opponent.hpp: a second thread for races that are swept: each side starts a little earlier or later each
// time, so that the meeting point passes over every step of both.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/pause.hpp>

#include <cstddef>
#include <thread>
#include <utility>

namespace weir::test {

// Does its half of each race when told to.
template <class F>
class opponent : immovable {
public:
    explicit opponent(F half) : half_{std::move(half)}, thread_{[this] { serve(); }} {}
    ~opponent() {
        turn_.store(ends, release);
        thread_.join();
    }
    // Its half of race `number` begins, `number`'s offset later.
    void begin(std::size_t number) noexcept { turn_.store(number + 1, release); } // [turn]
    void join(std::size_t number) const noexcept {
        while (over_.load(acquire) != number + 1) std::this_thread::yield(); // [over]
    }

private:
    static constexpr std::size_t ends = ~std::size_t{0};
    void serve() {
        for (std::size_t last = 0;;) {
            std::size_t now = turn_.load(acquire); // [turn]
            for (backoff wait; now == last; now = turn_.load(acquire)) wait();
            if (now == ends) return;
            for (std::size_t n = (now * 7) % 97; n > 48; --n) weir::pause();
            half_(now - 1);
            over_.store(last = now, release); // [over]
        }
    }
    F half_;
    atomic<std::size_t> turn_{0};
    atomic<std::size_t> over_{0};
    std::thread thread_;
};

// What the other side waits before its half of race `number`.
inline void offset(std::size_t number) noexcept {
    for (std::size_t n = (number * 13) % 89; n > 44; --n) weir::pause();
}

} // namespace weir::test
