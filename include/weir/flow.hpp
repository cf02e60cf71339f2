// weir/flow.hpp: many callers, less work.
// Unless a line says otherwise: any thread may call, waiting allocates nothing, a caller may leave at any moment without a
// trace, and the work belongs to the object and not to who happened to ask first.
#pragma once

#include <weir/flow/shared_value.hpp> // shared_value: an immutable value in many hands
#include <weir/flow/coalescer.hpp>    // coalescer: many callers of one key share one flight
#include <weir/flow/replies.hpp>      // replies: a place for each answer of a batch
#include <weir/flow/batcher.hpp>      // batcher: many requests become one call
