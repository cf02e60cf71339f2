// weir/memory.hpp: bytes that are shared instead of copied, and pools that recycle.
// Unless a declaration says otherwise: one thread at a time, std::bad_alloc where something allocates and there is no
// memory (the end of the program without exceptions), and nothing else throws.
#pragma once

#include <weir/memory/bytes.hpp>      // an immutable slice, shared by counting
#include <weir/memory/buffer.hpp>     // bytes being gathered; freezes to the former without a copy
#include <weir/memory/frame_pool.hpp> // recycles the frames of coroutines
