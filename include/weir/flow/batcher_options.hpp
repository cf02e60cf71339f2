// weir/flow/batcher_options.hpp: what a batcher is told at its beginning, and what it tells of itself.
#pragma once

#include <weir/coro/context.hpp>
#include <weir/flow/batch_recorder.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::inline v0 {

// What becomes of a request that comes while `max_pending` others are in line.
enum class overflow : unsigned char {
    wait,        // it queues behind them, in its caller's own frame: a line of callers needs no bound on memory
    refuse,      // errc::overloaded
    shed_oldest, // errc::overloaded for the first in line, which has waited longest and may be of no use any more
};

// What becomes of a batch for which the handler throws, or fails every single request.
enum class on_batch_error : unsigned char {
    share,  // all get the error
    bisect, // it is tried again by halves, until those that fail are alone: one in 256 costs at most 16 calls more
};

class batcher_options {
public:
    batcher_options() noexcept {}

    std::size_t max_items = 256;        // of a batch; at least 1
    std::size_t max_weight = std::numeric_limits<std::size_t>::max(); // of a batch, where the rules weigh requests; one
                                                                      // that is heavier goes alone
    std::size_t max_in_flight = 1;      // batches under way at a time, of one partition: lanes; at least 1
    duration linger = duration::zero(); // how long the oldest request waits for company, at most, while a lane is idle
    // Where it is set, an answer should take no longer than this, and the batcher finds out by itself how large batches
    // should be, up to max_items, and when to linger: where nothing is under way, never; behind a batch that is, no
    // longer than that takes and the target leaves. `linger` then means nothing. flow/batch_tuner.hpp says how. What it
    // has found holds for all partitions. It is what is aimed at: no size serves more than the backend can.
    duration latency_target = duration::zero();
    weir::overflow overflow = weir::overflow::wait;
    std::size_t max_pending = std::numeric_limits<std::size_t>::max(); // in line, of one partition; means nothing to
                                                                       // overflow::wait
    on_batch_error on_error = on_batch_error::share;
    std::size_t max_bisect_calls = 64; // for one batch, beyond the first; what is not told apart by then fails together
    // Where the rules have partitions: how many batches are under way at a time, of all; at least 1. Lanes are made as
    // they are needed, and serve in turns the partitions that wait for one.
    std::size_t max_lanes = 16;
    // And how many partitions have something pending or under way at a time: a request for one more is refused with
    // errc::overloaded. A partition of which nothing is left is forgotten at once, what it took is kept for the next one.
    std::size_t max_partitions = 65536;
    // Where batches run; where it is empty, each on the executor of the first who is in it. That one must outlive the
    // batch, even if the caller has left: so set it where callers bring executors that come and go.
    executor_ref executor;
    batch_recorder recorder; // how large batches are, how long requests wait and handlers take
};

struct batcher_figures {
    std::uint64_t batches = 0;
    std::uint64_t items = 0;        // requests that were dispatched
    std::uint64_t withdrawn = 0;    // requests whose callers left before that
    std::uint64_t discarded = 0;    // answers whose callers had left
    std::uint64_t refused = 0;      // turned away as they came
    std::uint64_t shed = 0;         // sent away out of the line
    std::uint64_t extra_calls = 0;  // of the handler, to bisect
    std::uint64_t shared = 0;       // callers whose request somebody else had in line already
    std::size_t pending = 0;        // now
    std::size_t in_flight = 0;      // batches under way, now
    std::size_t partitions = 0;     // of which something is pending or under way, now; zero where there are none
    std::size_t max_items = 0;      // how large a batch may be, now
};

} // namespace weir
