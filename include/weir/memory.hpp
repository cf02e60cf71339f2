// weir/memory.hpp: bytes that are shared instead of copied, and pools that recycle.
// Unless a declaration says otherwise: one thread at a time, std::bad_alloc where something allocates and there is no
// memory (the end of the program without exceptions), and nothing else throws.
#pragma once

#include <weir/memory/bytes.hpp>       // an immutable slice, shared by counting
#include <weir/memory/bytes_chain.hpp> // several of them as one text, written by one call
#include <weir/memory/buffer.hpp>      // bytes being gathered; freezes to the former without a copy
#include <weir/memory/page_region.hpp> // pages from the system, huge ones where it has them
#include <weir/memory/buffer_pool.hpp> // blocks of one size, also for the kernel to fill
#include <weir/memory/block_lease.hpp> // one such block, held
#include <weir/memory/object_pool.hpp> // costly objects, reset between uses
#include <weir/memory/frame_pool.hpp>  // recycles the frames of coroutines
