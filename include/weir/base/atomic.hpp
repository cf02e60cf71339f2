// weir/base/atomic.hpp: the one door to the atomics, and the seam at which a model checker takes their place.
// A model of an algorithm puts a folder with its own weir/base/atomic.hpp before this one on the include path; no
// algorithm carries a conditional for it.
#pragma once

#include <weir/base/platform.hpp>

#include <atomic>

namespace weir::inline v0 {

template <class T>
using atomic = std::atomic<T>;

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

// Between a store and a load of another word, when neither may be overtaken: both sides of the handshake call it.
// Thread sanitizers do not see fences; they get an operation that means at least as much.
inline void store_load_fence() noexcept {
#if WEIR_TSAN
    static atomic<int> meeting_point{0};
    meeting_point.fetch_add(0, seq_cst);
#else
    std::atomic_thread_fence(seq_cst);
#endif
}

} // namespace weir
