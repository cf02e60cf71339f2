// weir/queue/mpsc.hpp: an intrusive inbox: anybody pushes, and who drains takes everything at once.
// Progress: push is wait-free: one exchange, one store. pop_all takes by one exchange, then waits for a pusher that
//           stands between its two steps (a few instructions, or a time slice when it was taken off its core).
// Order:    FIFO in the order of the exchanges. Several threads may drain; each takes a run of its own.
// Not:      a source of single values; the drainer keeps its run in an intrusive_fifo.
// Source:   the exchange that needs no loop is that of D. Vyukov, "Intrusive MPSC node-based queue" (1024cores.net); we
//           link backwards and take all, so the queue needs no stub node and its values may be freed as soon as taken.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/queue/concepts.hpp>

#include <cstdint>

namespace weir::inline v0 {

// Over `atomic<T*> T::next`. Allocates nothing and owns nothing: a value must live until it was taken.
template <class T>
class mpsc : immovable {
public:
    mpsc() = default;

    // True when the inbox was empty before; of all who push into an empty one exactly one gets it.
    // The exchange is seq_cst, so push takes part in a store-then-load handshake. Who pushes and then reads a seq_cst
    // `asleep`, against one who sets `asleep` and then reads `empty(seq_cst)`: at least one sees the other.
    bool push(T& item) noexcept;

    // Everything pushed so far, oldest first.
    intrusive_fifo<T> pop_all() noexcept;

    // A hint with `relaxed`; with `seq_cst` the sleeper's half of the handshake at push.
    bool empty(std::memory_order order = relaxed) const noexcept { return newest_.load(order) == nullptr; }

private:
    // The link of an item that is in the inbox and not yet linked: no address of a T, whose alignment is above one.
    static T* unlinked() noexcept { return reinterpret_cast<T*>(std::uintptr_t{1}); }

    // I1: from newest_ the links lead through all items in the inbox to null, as far as they are written.
    // I2: an item's link is `unlinked` from before it is visible until its pusher has let go of it.
    alignas(cache_line) atomic<T*> newest_{nullptr};
};

template <class T>
bool mpsc<T>::push(T& item) noexcept {
    item.next.store(unlinked(), relaxed); // keeps I2: [pushed] makes it visible with the item
    // [pushed] hands over the item; each later exchange carries it on. seq_cst for the handshake:
    //   pusher:  newest_ = item; read asleep        sleeper:  asleep = true; read newest_
    T* const before = newest_.exchange(&item, seq_cst);
    item.next.store(before, release); // [linked] keeps I1; the drainer may free the item
    // -----------------------------------------------------------------------------------------------------------------
    return before == nullptr;
}

template <class T>
intrusive_fifo<T> mpsc<T>::pop_all() noexcept {
    intrusive_fifo<T> all;
    if (empty()) return all; // a look instead of an exchange: polling leaves the line with the pushers
    T* item = newest_.exchange(nullptr, acquire); // [pushed]
    while (item) {
        T* older = item->next.load(acquire); // [linked] its pusher has let go
        for (backoff wait; older == unlinked(); older = item->next.load(acquire)) wait(); // [linked]
        all.push_front(*item);
        item = older;
    }
    return all;
}

namespace detail {
struct letter {
    atomic<letter*> next{nullptr};
};
} // namespace detail
static_assert(inbox_of<mpsc<detail::letter>, detail::letter>);

} // namespace weir
