// weir/flow.hpp: many callers, less work.
// Unless a line says otherwise: any thread may call, waiting allocates nothing, a caller may leave at any moment without a
// trace, and the work belongs to the object and not to who happened to ask first.
#pragma once

#include <weir/flow/equal_keys.hpp>   // equal_keys: compares keys of any two types
#include <weir/flow/shared_value.hpp> // shared_value: an immutable value in many hands
#include <weir/flow/coalescer_options.hpp> // coalescer_options
#include <weir/flow/coalescer.hpp>    // coalescer: many callers of one key share one flight
#include <weir/flow/replies.hpp>      // replies: a place for each answer of a batch
#include <weir/flow/batch_rules.hpp>  // no_rules: what a batcher may be told of weights and keys
#include <weir/flow/batch_recorder.hpp>  // batch_recorder: where sizes, waits and handler times go
#include <weir/flow/batcher_options.hpp> // batcher_options, batcher_figures
#include <weir/flow/batcher.hpp>      // batcher: many requests become one call
#include <weir/flow/flight_urgency.hpp>    // deadline_of: what holds now for a flight's work
#include <weir/flow/coalescer_metrics.hpp> // a coalescer's figures, in a registry
#include <weir/flow/batcher_metrics.hpp>   // a batcher's
#include <weir/flow/loader.hpp>            // loader: one key, many askers, one multi-get
#include <weir/flow/token_bucket.hpp>      // token_bucket: so many a second, and a burst at once
#include <weir/flow/rate_limiter.hpp>      // rate_limiter: who comes too early waits for its turn
#include <weir/flow/keyed_limiter.hpp>     // keyed_limiter: a bucket for each key
#include <weir/flow/codel.hpp>             // codel: tells a queue that stands from one that only breathes
#include <weir/flow/gradient_limit.hpp>    // gradient_limit: how much at once, by how long it takes
#include <weir/flow/concurrency_limit.hpp> // concurrency_limit: so many at once, fixed or measured; sheds what waits too long
#include <weir/flow/retry_budget.hpp>      // retry_budget: how much may be tried again
#include <weir/flow/jitter.hpp>            // jitter: chance for pauses and lifetimes
#include <weir/flow/retry.hpp>             // retry: the same again, after a pause
#include <weir/flow/hedge.hpp>             // hedger: a second attempt for what takes long
#include <weir/flow/circuit_breaker.hpp>   // circuit_breaker: spares what keeps failing
