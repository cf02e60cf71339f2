// weir/runtime/blocking_roster.hpp: which threads of a blocking pool are idle, which jobs wait for one, and when there
// should be one thread more. The rules of the pool without its threads, so that a model can run them.
// Order:    jobs begin in the order in which they came.
// Progress: every call holds a spin lock for some dozen instructions; `withdraw` for as long as it searches. Only `next`
//           waits long; `admit` does while the first thread of all is being made by another.
// For:      authors of primitives; others use blocking_pool.
//
// A thread is          in threads_   in idle_   in coming_
//   being started      yes           no         yes
//   called to work     yes           no         yes
//   at work            yes           no         no
//   lingering          yes           no         yes
//   idle               yes           yes        no
//   leaving            no            no         no
// Who offers a job calls the thread that went idle last, whose stack is warm, and so the others grow cold and leave.
// A thread whose job has ended lingers for a moment before it goes idle, one at a time: often the next job is near, and
// on a busy core a thread that sleeps after each job changes places with who offers them, job by job.
#pragma once

#include <weir/base/futex.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/executor.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

namespace weir::inline v0 {

// A look at a pool.
class blocking_counts {
public:
    blocking_counts() noexcept {}

    unsigned threads = 0;       // those that may take jobs, idle ones among them
    unsigned idle = 0;          // those that sleep until they are called
    std::size_t queued = 0;     // jobs that have not begun
    std::uint64_t done = 0;     // jobs that have ended, as their thread has come back
    std::uint64_t refused = 0;  // jobs for which there was no room in the queue
    std::uint64_t started = 0;  // threads, ever
    std::uint64_t called = 0;   // idle threads, for a job
};

class blocking_roster : immovable {
public:
    // A pool thread's place.
    class seat : public list_node, immovable {
        friend blocking_roster;
        futex_word called_{1}; // 0 exactly while idle; changed under the lock
        bool coming_ = true;   // counted so
        bool working_ = false;
        bool lingering_ = false; // its own: it changes them while it is not idle
        std::uint64_t tidied_ = 0;
    };
    enum class summons { work, tidy, leave };

    // At most `threads`, and as many jobs in the queue, when no thread may be added.
    blocking_roster(unsigned threads, std::size_t queue_limit) noexcept : most_{threads}, queue_limit_{queue_limit} {
        WEIR_ASSERT(threads > 0, "a blocking pool without threads");
    }
    ~blocking_roster() { WEIR_ASSERT(threads_ == 0 && queue_.empty(), "a blocking pool ended before its threads"); }

    // Queues `work`, and calls a thread if one must be called.
    // Returns: true when the caller must start a thread and then say `has_started` or `has_not_started`.
    // Errors: overloaded, shut_down; then `work` was not touched.
    result<bool> admit(job& work) noexcept;
    void has_started() noexcept;
    // False when `work` never runs, for there is no thread; true when it runs, has run, or was withdrawn.
    bool has_not_started(job& work) noexcept;

    // Takes back a job that has not begun. False when it is not in the queue.
    // Cost: a look at each job before it; of those that are withdrawn in the order in which they came, none.
    bool withdraw(job& work) noexcept;

    // Where a job stands in the queue, from 1; 0 where it is not among the first hundred. For reports.
    std::size_t place_of(job const& work) noexcept;

    // What the thread shall do next; waits for that, at most for `keep_alive`, whose max() never ends. With `work` it
    // gets the job; after `leave` it does not come again.
    summons next(seat& mine, std::chrono::steady_clock::duration keep_alive, job*& work) noexcept;
    // The first in the queue, for a thread without a seat; null when there is none.
    job* take() noexcept;

    // Gives `tidy` to each thread before it next goes idle; those that are idle are called for it.
    void tidy() noexcept;
    // From here on nobody is admitted, and the threads leave when the queue is empty.
    void close() noexcept;
    // True to every job that is taken out of the queue after close.
    bool closed() const noexcept { return closed_.load(relaxed); } // ordered by the lock, for those
    blocking_counts counts() noexcept;

private:
    std::size_t queued() const noexcept { return queued_.load(relaxed); } // under the lock, but for who lingers
    void set_queued(std::size_t count) noexcept { queued_.store(count, relaxed); } // under the lock
    futex_word const* call(seat& one) noexcept;
    void call_stale() noexcept;
    void linger() const noexcept;
    job* pop() noexcept;

    // R1: while a thread is idle, queue_ holds at most as many jobs as threads are coming. Each of those takes one, or
    //     finds that a thread which was at work has done so.
    // R2: a thread goes idle, and leaves, only in a critical section in which it has found queue_ empty. So while there
    //     is a thread no job is stranded, be it that none is idle and no thread can be added.
    // R3: a sleeper is called under the lock, where it may also leave; so it is called or it leaves, and not both.
    // R4: known_ counts the threads that were seen to start and have not left; it lags behind by those of which the news
    //     is under way. While none is known and one is being started, nobody else is admitted. So if that fails, queue_
    //     holds its job alone, for whoever left has found it empty (R2), and the failure has somebody to be told to.
    unsigned const most_;
    std::size_t const queue_limit_;
    spin_lock lock_;
    atomic<bool> closed_{false}; // changed under the lock
    unsigned threads_ = 0;
    unsigned coming_ = 0;
    unsigned starting_ = 0; // of the coming ones, those for which nobody has said has_started or has_not_started
    int known_ = 0;
    unsigned idle_count_ = 0;
    bool lingers_ = false;
    atomic<std::size_t> queued_{0}; // changed under the lock; a hint without it
    std::uint64_t tidyings_ = 0;
    blocking_counts sums_; // the running totals only
    intrusive_fifo<job> queue_;
    intrusive_list<seat> idle_; // the last to fall asleep first
};

// The address only: once the lock is released the seat may be gone.  Needs: the lock.
inline futex_word const* blocking_roster::call(seat& one) noexcept {
    one.list_node::unlink(); // keeps R3
    --idle_count_;
    one.coming_ = true;
    ++coming_;
    one.called_.store(1, relaxed); // the sleeper takes the lock before it acts on it
    return &one.called_;
}

inline job* blocking_roster::pop() noexcept {
    job* const first = queue_.pop_front();
    if (first) set_queued(queued() - 1);
    return first;
}

inline result<bool> blocking_roster::admit(job& work) noexcept {
    for (backoff wait;; wait()) {
        futex_word const* sleeper = nullptr;
        bool grows = false;
        {
            spin_guard const locked{lock_};
            if (closed()) return errc::shut_down;
            if (known_ <= 0 && starting_ > 0) continue; // keeps R4
            if (queued() >= coming_) {                  // P11: those that come anyway suffice otherwise
                if (seat* const last = idle_.front()) {
                    sleeper = call(*last); // keeps R1
                    ++sums_.called;
                } else if (threads_ < most_) {
                    grows = true;
                    ++threads_, ++coming_, ++starting_;
                } else if (queued() - coming_ >= queue_limit_) {
                    ++sums_.refused;
                    return errc::overloaded;
                }
            }
            queue_.push_back(work);
            set_queued(queued() + 1);
        }
        if (sleeper) futex_wake_one(sleeper);
        return grows;
    }
}

inline void blocking_roster::has_started() noexcept {
    spin_guard const locked{lock_};
    --starting_;
    ++known_;
    ++sums_.started;
}

inline bool blocking_roster::has_not_started(job& work) noexcept {
    futex_word const* sleeper = nullptr;
    {
        spin_guard const locked{lock_};
        --threads_, --coming_, --starting_;
        if (known_ <= 0) {
            if (queue_.front() != &work) return true;
            pop();
            return false;
        }
        if (queued() > coming_)
            if (seat* const last = idle_.front()) sleeper = call(*last); // keeps R1: it came to be idle meanwhile
    }
    if (sleeper) futex_wake_one(sleeper);
    return true;
}

inline bool blocking_roster::withdraw(job& work) noexcept {
    spin_guard const locked{lock_};
    intrusive_fifo<job> before;
    bool found = false;
    while (job* const each = queue_.pop_front()) {
        found = each == &work;
        if (found) break;
        before.push_back(*each);
    }
    before.append(std::move(queue_));
    queue_ = std::move(before);
    if (found) set_queued(queued() - 1);
    return found;
}

inline std::size_t blocking_roster::place_of(job const& work) noexcept {
    spin_guard const locked{lock_};
    std::size_t place = 1;
    for (job* each = queue_.front(); each && place <= 100; each = each->next.load(relaxed), ++place) // the lock orders
        if (each == &work) return place;
    return 0;
}

inline auto blocking_roster::next(seat& mine, std::chrono::steady_clock::duration keep_alive, job*& work) noexcept
    -> summons {
    for (bool expired = false;;) {
        {
            spin_guard const locked{lock_};
            if (std::exchange(mine.coming_, false)) --coming_;
            if (std::exchange(mine.lingering_, false)) lingers_ = false;
            bool const worked = std::exchange(mine.working_, false);
            if (worked) ++sums_.done;
            if (mine.linked()) { // not called: the time is over
                mine.list_node::unlink();
                --idle_count_;
            }
            if ((work = pop())) {
                mine.working_ = true;
                return summons::work;
            }
            if (closed() || expired) { // keeps R2; one that was called at the last moment may leave as well
                --threads_, --known_;
                return summons::leave;
            }
            if (std::exchange(mine.tidied_, tidyings_) != tidyings_) return summons::tidy;
            if (worked && !lingers_) {
                lingers_ = mine.lingering_ = mine.coming_ = true; // keeps R1: it will look again
                ++coming_;
            } else {
                mine.called_.store(0, relaxed); // under the lock, as every change
                idle_.push_front(mine);
                ++idle_count_;
            }
        }
        if (mine.lingering_) {
            linger();
            continue;
        }
        bool const for_ever = keep_alive == std::chrono::steady_clock::duration::max();
        auto const until = for_ever ? futex_deadline::max() : deadline_after(keep_alive);
        expired = false;
        // Relaxed: the lock is taken before anything is done about it.
        while (!expired && mine.called_.load(relaxed) == 0) expired = !futex_wait_until(mine.called_, 0, until);
    }
}

// For one turn of the others, and then until there is something in the queue, or some two microseconds.
inline void blocking_roster::linger() const noexcept {
    std::this_thread::yield(); // first: on a busy core it is who offers the next one that waits for this thread
    backoff wait;
    for (unsigned n = 0; n < looks_before_sleep && queued() == 0; ++n) wait();
}

inline job* blocking_roster::take() noexcept {
    spin_guard const locked{lock_};
    return pop();
}

// Calls all who are idle and have not tidied up since it was last asked for.
inline void blocking_roster::call_stale() noexcept {
    for (;;) {
        futex_word const* sleeper = nullptr;
        {
            spin_guard const locked{lock_};
            seat* each = idle_.front();
            while (each && each->tidied_ == tidyings_) each = idle_.next(*each);
            if (!each) return;
            sleeper = call(*each);
        }
        futex_wake_one(sleeper);
    }
}

inline void blocking_roster::tidy() noexcept {
    {
        spin_guard const locked{lock_};
        ++tidyings_;
    }
    call_stale();
}

inline void blocking_roster::close() noexcept {
    {
        spin_guard const locked{lock_};
        closed_.store(true, relaxed); // the lock orders
        ++tidyings_;
    }
    call_stale();
}

inline blocking_counts blocking_roster::counts() noexcept {
    spin_guard const locked{lock_};
    blocking_counts now = sums_;
    now.threads = threads_;
    now.idle = idle_count_;
    now.queued = queued();
    return now;
}

} // namespace weir
