// tests/support/allocations.hpp: how many blocks of ::operator new are alive.
// One source of the program includes support/counting_new.hpp, which does the counting.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace weir::test {

inline std::atomic<std::ptrdiff_t> blocks_alive{0};
inline std::atomic<std::size_t> blocks_made{0};
// While it is above zero, each block that is asked for takes one of these, and who gets the last is refused it.
// tests/fault makes use of that.
inline std::atomic<std::ptrdiff_t> blocks_until_refusal{0};
inline std::atomic<bool> refuses_ever_after{false}; // and then everybody, until it is false
inline std::atomic<std::size_t> blocks_refused{0};

// What `work` leaves behind.  Needs: no assertion of the test framework inside, as those allocate too.
template <class F>
std::ptrdiff_t blocks_left_by(F&& work) {
    std::ptrdiff_t const before = blocks_alive.load();
    std::forward<F>(work)();
    return blocks_alive.load() - before;
}

// How many blocks `work` asked for, whether it gave them back or not.
template <class F>
std::size_t blocks_made_by(F&& work) {
    std::size_t const before = blocks_made.load();
    std::forward<F>(work)();
    return blocks_made.load() - before;
}

} // namespace weir::test
