// weir/runtime/run_queue.hpp: the jobs of one worker, at one priority: a place for the newest, a deque for the others.
// The newest job waits in a place of its own that thieves do not see: what one task makes ready and then waits for costs
// no locked operation, and no thief carries it to another core. It is taken first, but for one time in 17, in which the
// oldest is.
// Order:    last in first out for the worker, but for that limit; first in first out for thieves, and for who yielded.
// Threads:  the worker's own; `steal`, `empty` and `size_hint` any.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/executor.hpp>
#include <weir/queue/deque.hpp>

#include <cstddef>
#include <utility>

namespace weir::inline v0 {

class run_queue : immovable {
public:
    // Queues a job to be taken next.  Returns: whether others may take one now, as this one was not alone.
    bool push(job& work) noexcept {
        job* const before = std::exchange(newest_, &work);
        return before && share(*before);
    }
    // Queues a job for the first who comes.  Returns: true, unless there is no memory, and then nobody else may take it.
    bool share(job& work) noexcept {
        WEIR_TRY { shared_.push_bottom(&work); }
        WEIR_CATCH_ALL { // no memory for a longer ring: the list needs none
            last_.push_back(work);
            return false;
        }
        return true;
    }
    // Takes `work` back if it was shared last and nobody has it.
    bool take_back(job& work) noexcept;
    // Queues a batch, to be taken in its order.  Returns: as push.
    bool push_all(intrusive_fifo<job> batch) noexcept;
    // Queues a job behind all others.
    void push_last(job& work) noexcept { last_.push_back(work); }

    // The next job, or null.
    job* pop() noexcept {
        if (newest_) return pop_newest();
        if (job* const one = shared_.pop_bottom()) return one;
        return last_.pop_front();
    }
    // The one that waits for longest, or null.
    job* pop_oldest() noexcept;
    bool has_yielded() const noexcept { return !last_.empty(); }
    // Gives thieves what has yielded, but for the next of them.  Returns: whether there is something to steal.
    bool share_last() noexcept {
        if (last_.empty()) return false;
        return push_all(std::exchange(last_, {}));
    }

    stolen<job*> steal() noexcept { return shared_.steal(); }
    // Of what can be stolen.
    std::size_t size_hint() const noexcept { return shared_.size_hint(); }
    bool nothing_to_steal() const noexcept { return shared_.empty(); }
    // Whether the worker itself has something.  Threads: the worker's own.
    bool empty() const noexcept { return !newest_ && last_.empty() && shared_.empty(); }

private:
    static constexpr unsigned others_every = 17;

    job* pop_newest() noexcept;

    job* newest_ = nullptr;
    unsigned until_other_ = others_every; // times that the newest may be taken before another
    intrusive_fifo<job> last_; // who yielded: behind everything in shared_
    deque<job*> shared_;
};

inline bool run_queue::push_all(intrusive_fifo<job> batch) noexcept {
    intrusive_fifo<job> reversed; // the bottom of the deque is taken first
    while (job* const one = batch.pop_front()) reversed.push_front(*one);
    bool shared = false;
    while (job* const one = reversed.pop_front()) shared = push(*one) || shared;
    return shared;
}

inline bool run_queue::take_back(job& work) noexcept {
    job* const newest = shared_.pop_bottom();
    if (newest == &work) return true;
    if (newest) shared_.push_bottom(newest); // where it was: there is room
    return false;
}

inline job* run_queue::pop_newest() noexcept {
    if (--until_other_ == 0) { // another comes first: the oldest, as it waits for longest
        until_other_ = others_every;
        if (job* const one = shared_.steal().value) return one;
        if (job* const one = last_.pop_front()) return one;
    }
    return std::exchange(newest_, nullptr);
}

inline job* run_queue::pop_oldest() noexcept {
    if (job* const one = last_.pop_front()) return one;
    if (job* const one = shared_.steal().value) return one; // null as well when a thief was faster
    return std::exchange(newest_, nullptr);
}

} // namespace weir
