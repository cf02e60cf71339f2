// tests/model/seam/weir/base/futex.hpp: sleeping on a word in a model, where a deadline comes when the explorer chooses.
// A wake goes to any of the sleepers, in no order. A sleeper that is woken is not timed out, as in the kernel: leaving
// the queue is one step.
#pragma once

#include "../../../explorer.hpp"

#include <weir/base/atomic.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace weir::inline v0 {

using futex_word = atomic<std::uint32_t>;
using futex_deadline = std::chrono::steady_clock::time_point;

inline constexpr unsigned looks_before_sleep = 0; // spinning hides the sleep that is to be explored

namespace detail {

struct futex_sleeper {
    void const* word;
    bool woken = false;
};

class futex_queue {
public:
    // Emptied for each search: one that failed leaves its sleepers behind.
    static futex_queue& of(model::explorer& search) {
        static futex_queue one;
        if (one.search_ != &search) one.sleepers_.clear();
        one.search_ = &search;
        return one;
    }
    void enter(futex_sleeper& one) { sleepers_.push_back(&one); }
    void leave(futex_sleeper& one) { std::erase(sleepers_, &one); }
    // One of those that sleep on the word, or null.
    futex_sleeper* take(void const* word) {
        std::vector<futex_sleeper*> here;
        for (futex_sleeper* const one : sleepers_)
            if (one->word == word) here.push_back(one);
        if (here.empty()) return nullptr;
        futex_sleeper* const taken = here[search_->choose(static_cast<unsigned>(here.size()))];
        leave(*taken);
        return taken;
    }

private:
    model::explorer* search_ = nullptr;
    std::vector<futex_sleeper*> sleepers_;
};

inline void futex_wake(futex_word const* word, bool everybody) noexcept {
    auto& engine = *model::explorer::running();
    engine.step();
    while (futex_sleeper* const one = futex_queue::of(engine).take(word)) {
        one->woken = true;
        engine.wake(one, true);
        static_cast<void>(engine.stored()); // who sleeps with a deadline looks again
        if (!everybody) return;
    }
}

} // namespace detail

inline bool futex_wait_until(futex_word& word, std::uint32_t expected, futex_deadline deadline) noexcept {
    auto& engine = *model::explorer::running();
    if (word.fetch_add(0, relaxed) != expected) return true; // the kernel sees the newest value
    detail::futex_sleeper mine{&word};
    auto& queue = detail::futex_queue::of(engine);
    queue.enter(mine); // in the same step
    if (deadline == futex_deadline::max()) {
        while (!mine.woken) engine.park(&mine);
        return true;
    }
    for (int moments = 2;; --moments) { // when the deadline may come; after the last it does
        if (moments == 0 || engine.choose(2) == 1) break;
        engine.give_way();
        if (mine.woken) return true;
    }
    queue.leave(mine);
    return false;
}

inline void futex_wake_one(futex_word const* word) noexcept { detail::futex_wake(word, false); }
inline void futex_wake_all(futex_word const* word) noexcept { detail::futex_wake(word, true); }

inline bool has_passed(futex_deadline deadline) noexcept {
    return deadline != futex_deadline::max() && model::explorer::running()->choose(2) == 1;
}

template <class Rep, class Period>
futex_deadline deadline_after(std::chrono::duration<Rep, Period>) noexcept {
    return futex_deadline::min() + std::chrono::seconds{1};
}

} // namespace weir
