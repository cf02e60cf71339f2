// tests/model/seam/weir/memory/this_frame_pool.hpp: in a model each fiber has a frame pool of its own.
#pragma once

#include <weir/base/current.hpp>

namespace weir {

class frame_pool;

namespace detail {

inline void set_this_frame_pool(frame_pool* pool) noexcept { current_slot<frame_pool>() = pool; }

} // namespace detail

inline frame_pool* this_frame_pool() noexcept { return current<frame_pool>(); }

} // namespace weir
