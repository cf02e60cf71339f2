// tests/model/seam/weir/base/thread_words.hpp: in a model each fiber has words of its own.
#pragma once

#include <weir/base/current.hpp>

namespace weir::inline v0 {

enum class thread_word : std::size_t { frame_pool, resume_loop, worker, turn_budget, task_tally };
inline constexpr std::size_t thread_words = 5;

namespace detail {

inline void*& thread_word_slot(thread_word which) noexcept {
    static std::array<std::array<void*, thread_words>, model::max_threads + 1> words{};
    return words[this_seat()][static_cast<std::size_t>(which)];
}

} // namespace detail

inline void set_thread_word(thread_word which, void* value) noexcept { detail::thread_word_slot(which) = value; }

template <thread_word Which>
void* get_thread_word() noexcept {
    return detail::thread_word_slot(Which);
}

} // namespace weir
