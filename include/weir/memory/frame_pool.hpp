// weir/memory/frame_pool.hpp: recycles the frames of coroutines on the thread that made them.
// Progress: on the owner's thread wait-free and without an atomic operation while the cache has a block; blocks freed
//           elsewhere go home in parcels, each for a lock-free push and one atomic subtraction.
// Memory:   what is kept is bounded: `kept_bytes` a size class, `kept_remote` blocks on their way home, and a parcel that
//           is being filled; what is in there waits for the thread to free more, or to leave its pool.
// Not:      a general allocator: it knows the size on both ends, and trades a header of 16 bytes for that of its owner.
// Source:   the list that others push to and the owner takes whole follows D. Leijen, B. Zorn, L. de Moura,
//           "Mimalloc: Free List Sharding in Action", APLAS 2019; we keep one list for all classes, send parcels, and let
//           a pool outlive its thread. The hot block is a magazine (J. Bonwick, J. Adams, USENIX 2001) of one round.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/memory/frame_block.hpp>
#include <weir/memory/frame_parcel.hpp>
#include <weir/memory/this_frame_pool.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace weir::inline v0 {

class frame_pool : immovable {
public:
    // Room for `bytes`, aligned as by ::operator new, out of this thread's pool where it has one.
    // Errors: std::bad_alloc; the end of the program without exceptions.
    static void* allocate(std::size_t bytes);
    // Gives back what `allocate(bytes)` returned, on this thread or another, and after its pool was left, too.
    static void deallocate(void* frame, std::size_t bytes) noexcept;

    // Bytes that wait for their next use, headers included.  Threads: the pool's own.
    std::size_t cached_bytes() const noexcept;

    // Frames of more bytes than this, 1008, are left to ::operator new.
    static constexpr std::size_t largest = frame_block::size_of(frame_block::classes - 1) - sizeof(frame_block);
    // The most bytes kept of a size class; 16 classes of 64 to 1024 bytes.
    static constexpr std::size_t kept_bytes = 128 * 1024;
    // The most blocks freed by other threads that wait for the owner, give or take a parcel for each such thread.
    static constexpr std::int64_t kept_remote = 1024;

private:
    friend class frame_pool_guard;

    using block = frame_block;

    // The hot block is apart because a list's head, read and written back by each of a pair of calls, makes the pair
    // wait for its own store twice; this is one store of a constant, and a frame that lives shortly is the common one.
    struct cache {
        block* hot = nullptr;
        block* top = nullptr;
        std::size_t room = 0; // for more below top
    };
    static constexpr std::size_t classes = block::classes;

    frame_pool() noexcept;
    ~frame_pool();

    static constexpr std::size_t limit_of(std::size_t size_class) noexcept {
        return kept_bytes / block::size_of(size_class);
    }

    static void* raw(std::size_t bytes);
    static void* allocate_next(frame_pool* pool, std::size_t size_class);
    static void* allocate_afresh(frame_pool* pool, std::size_t size_class);
    static void deallocate_next(frame_pool* pool, block* freed, std::size_t size_class) noexcept;
    static void deallocate_elsewhere(frame_pool* pool, block* freed, std::size_t size_class) noexcept;
    static void send(frame_parcel& filled) noexcept;
    block* take(std::size_t size_class) noexcept;
    void keep(block* freed, std::size_t size_class) noexcept;
    void receive(frame_parcel const& sent) noexcept;
    void collect() noexcept;
    void abandon() noexcept;
    std::size_t cached(std::size_t size_class) const noexcept;
    std::size_t cached_blocks() const noexcept;

    // A block is `out` from allocate until it is in a cache, in remote_, or nowhere.
    // I1: while the owner has the pool, out_or_cached_ - cached_blocks() + balance_ blocks are out, and
    //     balance_ <= 0. (A block whose subtraction is still to come, in a parcel for instance, counts as out.)
    // I2: after `abandon`, balance_ blocks are out, each to be subtracted once. Who brings it to exactly zero, by a
    //     subtraction or by `abandon` itself, is the last to touch the pool and deletes it. Before `abandon` a
    //     subtraction ends below zero, so it cannot be mistaken for that.
    // I3: a cached block's owner is this pool; that of one that carries a parcel is overwritten until `collect`.
    //
    // Written by the owner.
    std::array<cache, classes> caches_{};
    std::int64_t out_or_cached_{0}; // changes only where the caches do not suffice
    frame_parcel outbound_;         // blocks of another pool, freed on this thread

    // Written by the others.
    alignas(cache_line) atomic<block*> remote_{nullptr};
    // What it says      when
    // -n                the pool has its owner, who has yet to account for n frees by others
    //  0                the same, all accounted for; or abandoned and without blocks: just being deleted
    // +n                abandoned, n blocks are out
    atomic<std::int64_t> balance_{0};
};

// Gives this thread a frame pool for a scope; where it has one, that stays. Frames may outlive scope and thread.
// Not:      for a coroutine's scope, which may end on another thread.
// Cost:     one allocation for the outermost; where there is no memory for it, frames are left to ::operator new.
class frame_pool_guard : immovable {
public:
    frame_pool_guard() : own_{this_frame_pool() ? nullptr : new (std::nothrow) frame_pool} {
        if (own_) set_this_frame_pool(own_);
    }
    ~frame_pool_guard() {
        if (!own_) return;
        set_this_frame_pool(nullptr); // first: from `abandon` on it may be gone
        own_->abandon();
    }

private:
    frame_pool* const own_; // null where the thread had one, or can have none
};

inline frame_pool::frame_pool() noexcept {
    for (std::size_t n = 0; n < classes; ++n) caches_[n].room = limit_of(n) - 1; // one is for the hot block
}

inline void* frame_pool::allocate(std::size_t bytes) {
    if (bytes > largest) return raw(bytes);
    auto const size_class = block::class_of(bytes);
    frame_pool* const pool = this_frame_pool();
    if (pool) {
        cache& kept = pool->caches_[size_class];
        if (block* const hot = kept.hot) {
            kept.hot = nullptr; // keeps I1: from cached to out
            return hot->pick_up(size_class);
        }
    }
    return allocate_next(pool, size_class);
}

inline void frame_pool::deallocate(void* frame, std::size_t bytes) noexcept {
    if (bytes > largest) return ::operator delete(frame);
    auto const size_class = block::class_of(bytes);
    block* const freed = block::of(frame);
    frame_pool* const pool = this_frame_pool();
    if (pool && freed->owner == pool) {
        cache& kept = pool->caches_[size_class];
        if (!kept.hot) {
            freed->lay_down(size_class);
            kept.hot = freed; // keeps I1: from out to cached
            return;
        }
    }
    deallocate_next(pool, freed, size_class);
}

inline std::size_t frame_pool::cached_bytes() const noexcept {
    std::size_t bytes = 0;
    for (std::size_t n = 0; n < classes; ++n) bytes += cached(n) * block::size_of(n);
    return bytes;
}

inline void* frame_pool::raw(std::size_t bytes) {
    if (void* const memory = ::operator new(bytes, std::nothrow)) return memory;
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a coroutine's frame");
#endif
}

// When there is no hot block.
WEIR_NOINLINE inline void* frame_pool::allocate_next(frame_pool* pool, std::size_t size_class) {
    if (pool)
        if (block* const next = pool->take(size_class)) return next->pick_up(size_class);
    return allocate_afresh(pool, size_class);
}

// When nothing is cached.
WEIR_COLD inline void* frame_pool::allocate_afresh(frame_pool* pool, std::size_t size_class) {
    if (pool && pool->remote_.load(relaxed)) { // a hint: what it misses now it finds the next time
        pool->collect();
        if (block* const next = pool->take(size_class)) return next->pick_up(size_class);
    }
    block* const fresh = ::new (raw(block::size_of(size_class))) block;
    fresh->owner = pool;
    if (pool) ++pool->out_or_cached_; // keeps I1: from nowhere to out
    return fresh->frame();
}

// When there is a hot block, or it is not this pool's.
WEIR_NOINLINE inline void frame_pool::deallocate_next(frame_pool* pool, block* freed, std::size_t size_class) noexcept {
    if (freed->owner == pool && pool) return pool->keep(freed, size_class);
    deallocate_elsewhere(pool, freed, size_class);
}

// On a thread whose pool is another, or that has none.
WEIR_COLD inline void frame_pool::deallocate_elsewhere(frame_pool* pool, block* freed, std::size_t size_class) noexcept {
    frame_pool* const owner = freed->owner;
    if (!owner) return ::operator delete(freed);
    freed->lay_down(size_class);
    frame_parcel single;
    frame_parcel& home = pool ? pool->outbound_ : single;
    if (home.owner() != owner) send(home);
    home.add(freed, owner, size_class);
    if (!pool || home.full()) send(home);
}

// Null when there is none.
inline frame_pool::block* frame_pool::take(std::size_t size_class) noexcept {
    cache& kept = caches_[size_class];
    block* const top = kept.top;
    if (!top) return nullptr;
    kept.top = top->next;
    ++kept.room; // keeps I1: from cached to out
    return top;
}

inline void frame_pool::keep(block* freed, std::size_t size_class) noexcept {
    cache& kept = caches_[size_class];
    if (kept.room == 0) {
        --out_or_cached_; // keeps I1: from out to nowhere
        return ::operator delete(freed);
    }
    freed->next = kept.top;
    kept.top = freed;
    --kept.room; // keeps I1: from out to cached
    freed->lay_down(size_class);
}

inline void frame_pool::send(frame_parcel& filled) noexcept {
    if (filled.size() == 0) return;
    filled.owner()->receive(filled);
    filled.clear(); // the owner may be gone, and another one in its place
}

// On a thread whose pool this is not.
inline void frame_pool::receive(frame_parcel const& sent) noexcept {
    // A hint: above zero nobody collects any more, far below the owner does not get round to it.
    auto const balance = balance_.load(relaxed);
    if (balance > 0 || balance <= -kept_remote) {
        sent.for_each([](block* freed, std::size_t) { ::operator delete(freed); });
    } else {
        block* const carrier = sent.load();
        carrier->next = remote_.load(relaxed); // only a guess for the exchange
        while (!remote_.compare_exchange_weak(carrier->next, carrier, release, relaxed)) {} // [home]
    }
    auto const count = static_cast<std::int64_t>(sent.size());
    bool const last = balance_.fetch_sub(count, acq_rel) == count; // [last] the pool may be gone
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete this; // keeps I2
}

// Takes home what others freed.
inline void frame_pool::collect() noexcept {
    block* const carriers = remote_.exchange(nullptr, acquire); // [home]
    frame_parcel::unload(carriers, [this](block* freed, std::size_t size_class) {
        freed->owner = this; // keeps I3
        ++out_or_cached_; // keeps I1: it was out, and its subtraction, read below or later, ends that
        keep(freed, size_class);
    });
    out_or_cached_ += balance_.exchange(0, relaxed); // only a number; being an exchange, it passes [last] on
}

// The owner leaves.
inline void frame_pool::abandon() noexcept {
    send(outbound_);
    auto const out = out_or_cached_ - static_cast<std::int64_t>(cached_blocks());
    bool const last = balance_.fetch_add(out, acq_rel) == -out; // [last] from here on who frees may delete the pool
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete this; // keeps I2
}

inline std::size_t frame_pool::cached(std::size_t size_class) const noexcept {
    cache const& kept = caches_[size_class];
    return limit_of(size_class) - 1 - kept.room + (kept.hot != nullptr);
}

inline std::size_t frame_pool::cached_blocks() const noexcept {
    std::size_t blocks = 0;
    for (std::size_t n = 0; n < classes; ++n) blocks += cached(n);
    return blocks;
}

inline frame_pool::~frame_pool() {
    for (std::size_t n = 0; n < classes; ++n) {
        while (block* const kept = take(n)) ::operator delete(kept);
        ::operator delete(caches_[n].hot);
    }
    // relaxed: [last] ordered every push before this
    frame_parcel::unload(remote_.load(relaxed), [](block* freed, std::size_t) { ::operator delete(freed); });
}

} // namespace weir
