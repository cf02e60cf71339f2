// weir/memory/this_frame_pool.hpp: which frame pool this thread has, if any.
// For:      authors of primitives: frame_pool.hpp.
#pragma once

#include <weir/base/thread_words.hpp>

namespace weir::inline v0 {

class frame_pool;

// Null where no frame_pool_guard is in force.  Cost: a load; a call and a load in shared libraries.
WEIR_INLINE frame_pool* this_frame_pool() noexcept {
    return static_cast<frame_pool*>(get_thread_word<thread_word::frame_pool>());
}

inline void set_this_frame_pool(frame_pool* pool) noexcept { set_thread_word(thread_word::frame_pool, pool); }

} // namespace weir
