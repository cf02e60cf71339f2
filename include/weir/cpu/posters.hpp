// weir/cpu/posters.hpp: those who are in the middle of posting to something, counted so that it outlives them.
// What is posted may be all that keeps its queue alive: it may run, and end the queue's life, before its poster has
// returned. So the queue's destructor waits for posters.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/pause.hpp>

namespace weir::inline v0 {

class posters : immovable {
public:
    // One who posts, from before the push to after the last touch of the queue.
    class visit : immovable {
    public:
        explicit visit(posters& of) noexcept : of_{of} {
            of_.count_.fetch_add(1, relaxed); // ordered before the push by the push itself
        }
        ~visit() {
            of_.count_.fetch_sub(1, release); // [posted]
            // ---- the queue may be gone
        }

    private:
        posters& of_;
    };

    // Threads: the one that ends the queue's life, once nobody begins to post any more.
    void wait_for_none() const noexcept {
        backoff wait;
        while (count_.load(acquire) != 0) wait(); // [posted]
    }

private:
    atomic<unsigned> count_{0};
};

} // namespace weir
