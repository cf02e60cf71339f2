// weir/memory/frame_pool.hpp: recycles the frames of coroutines on the thread that made them.
// Progress: on the owner's thread wait-free and without an atomic operation while the cache has a block; a block freed
//           elsewhere costs a lock-free push and one atomic subtraction.
// Memory:   what is kept is bounded: `kept_bytes` a size class, and `kept_remote` blocks on their way home.
// Not:      a general allocator: it knows the size on both ends, and trades a header of 16 bytes for that of its owner.
// Source:   the list that others push to and the owner takes whole follows D. Leijen, B. Zorn, L. de Moura,
//           "Mimalloc: Free List Sharding in Action", APLAS 2019; we keep one list for all classes, and let a pool
//           outlive its thread.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/current.hpp>
#include <weir/base/immovable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#if WEIR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weir {

class frame_pool : immovable {
public:
    // Room for `bytes`, aligned as by ::operator new, out of this thread's pool where it has one.
    // Errors: std::bad_alloc; the end of the program without exceptions.
    static void* allocate(std::size_t bytes);
    // Gives back what `allocate(bytes)` returned, on this thread or another, and after its pool was left, too.
    static void deallocate(void* frame, std::size_t bytes) noexcept;

    // Bytes that wait for their next use, headers included.  Threads: the pool's own.
    std::size_t cached_bytes() const noexcept;

    // Frames of more bytes than this are left to ::operator new.
    static constexpr std::size_t largest = 1024 - 16;
    // The most bytes kept of a size class; 16 classes of 64 to 1024 bytes.
    static constexpr std::size_t kept_bytes = 128 * 1024;
    // The most blocks freed by other threads that wait for the owner, give or take one for each such thread.
    static constexpr std::int64_t kept_remote = 1024;

private:
    friend class frame_pool_guard;

    // In front of each frame of up to `largest` bytes. Links lie here and not in the frame, whose lines stay cold.
    struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) block {
        union {
            frame_pool* owner; // null: from ::operator new, on a thread without a pool
            std::size_t size_class; // while in `remote_`, whose pool is the owner
        };
        block* next; // while in a cache or in `remote_`
    };
    struct cache {
        block* top = nullptr;
        std::size_t count = 0;
    };
    struct abandoner {
        void operator()(frame_pool* pool) const noexcept { pool->abandon(); }
    };

    static constexpr std::size_t step = 64;
    static constexpr std::size_t classes = (largest + sizeof(block)) / step;

    frame_pool() = default;
    ~frame_pool();

    static constexpr std::size_t class_of(std::size_t bytes) noexcept { return (bytes + sizeof(block) - 1) / step; }
    static constexpr std::size_t size_of(std::size_t size_class) noexcept { return (size_class + 1) * step; }
    static constexpr std::size_t limit_of(std::size_t size_class) noexcept { return kept_bytes / size_of(size_class); }

    // Under an address sanitizer a cached frame may not be touched, although its memory is still ours.
    static void poison([[maybe_unused]] block* kept, [[maybe_unused]] std::size_t size_class) noexcept {
#if WEIR_ASAN
        __asan_poison_memory_region(kept + 1, size_of(size_class) - sizeof(block));
#endif
    }
    static void unpoison([[maybe_unused]] block* kept, [[maybe_unused]] std::size_t size_class) noexcept {
#if WEIR_ASAN
        __asan_unpoison_memory_region(kept + 1, size_of(size_class) - sizeof(block));
#endif
    }

    static void* raw(std::size_t bytes);
    static void* allocate_slow(frame_pool* pool, std::size_t size_class);
    static void deallocate_slow(block* freed, std::size_t size_class) noexcept;
    void keep(block* freed, std::size_t size_class) noexcept;
    void free_remotely(block* freed, std::size_t size_class) noexcept;
    void collect() noexcept;
    void abandon() noexcept;
    std::size_t cached_blocks() const noexcept;

    // A block is `out` from allocate to deallocate.
    // I1: while the owner has the pool, out_or_cached_ - cached_blocks() + balance_ blocks are out, and
    //     balance_ <= 0. (A remote free whose subtraction is still to come counts as out.)
    // I2: after `abandon`, balance_ blocks are out, each with one subtraction to come. Who brings it to exactly zero,
    //     by a subtraction or by `abandon` itself, is the last to touch the pool and deletes it. Before `abandon` a
    //     subtraction ends below zero, so it cannot be mistaken for that.
    // I3: a cached block's owner is this pool; that of a block in remote_ is overwritten until `collect`.
    //
    // Written by the owner.
    std::array<cache, classes> caches_{};
    std::int64_t out_or_cached_{0}; // changes only where the caches do not suffice

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
// Cost:     one allocation for the outermost.
class frame_pool_guard : immovable {
public:
    frame_pool_guard()
        : own_{current<frame_pool>() ? nullptr : new frame_pool},
          installed_{own_ ? own_.get() : current<frame_pool>()} {}

private:
    std::unique_ptr<frame_pool, frame_pool::abandoner> const own_; // first, so that it goes when no longer installed
    current_guard<frame_pool> const installed_;
};

inline void* frame_pool::allocate(std::size_t bytes) {
    if (bytes > largest) return raw(bytes);
    auto const size_class = class_of(bytes);
    frame_pool* const pool = current<frame_pool>();
    if (pool) {
        cache& kept = pool->caches_[size_class];
        if (block* const top = kept.top) {
            kept.top = top->next;
            --kept.count; // keeps I1: from cached to out
            unpoison(top, size_class);
            return top + 1;
        }
    }
    return allocate_slow(pool, size_class);
}

inline void frame_pool::deallocate(void* frame, std::size_t bytes) noexcept {
    if (bytes > largest) return ::operator delete(frame);
    auto const size_class = class_of(bytes);
    block* const freed = static_cast<block*>(frame) - 1;
    frame_pool* const pool = current<frame_pool>();
    if (!pool || freed->owner != pool) return deallocate_slow(freed, size_class);
    pool->keep(freed, size_class);
}

inline std::size_t frame_pool::cached_bytes() const noexcept {
    std::size_t bytes = 0;
    for (std::size_t n = 0; n < classes; ++n) bytes += caches_[n].count * size_of(n);
    return bytes;
}

inline void frame_pool::keep(block* freed, std::size_t size_class) noexcept {
    cache& kept = caches_[size_class];
    if (kept.count == limit_of(size_class)) {
        --out_or_cached_; // keeps I1: from out to nowhere
        return ::operator delete(freed);
    }
    freed->next = kept.top;
    kept.top = freed;
    ++kept.count; // keeps I1: from out to cached
    poison(freed, size_class);
}

inline void* frame_pool::raw(std::size_t bytes) {
    if (void* const memory = ::operator new(bytes, std::nothrow)) return memory;
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a coroutine's frame");
#endif
}

WEIR_NOINLINE inline void* frame_pool::allocate_slow(frame_pool* pool, std::size_t size_class) {
    if (pool && pool->remote_.load(relaxed)) { // a hint: what it misses now it finds the next time
        pool->collect();
        cache& kept = pool->caches_[size_class];
        if (block* const top = kept.top) {
            kept.top = top->next;
            --kept.count;
            unpoison(top, size_class);
            return top + 1;
        }
    }
    block* const fresh = ::new (raw(size_of(size_class))) block;
    fresh->owner = pool;
    if (pool) ++pool->out_or_cached_; // keeps I1: from nowhere to out
    return fresh + 1;
}

WEIR_NOINLINE inline void frame_pool::deallocate_slow(block* freed, std::size_t size_class) noexcept {
    if (!freed->owner) return ::operator delete(freed);
    freed->owner->free_remotely(freed, size_class);
}

// On a thread whose pool this is not.
inline void frame_pool::free_remotely(block* freed, std::size_t size_class) noexcept {
    // A hint: above zero nobody collects any more, far below the owner does not get round to it.
    auto const balance = balance_.load(relaxed);
    if (balance > 0 || balance <= -kept_remote) {
        ::operator delete(freed);
    } else {
        freed->size_class = size_class;
        freed->next = remote_.load(relaxed); // only a guess for the exchange
        while (!remote_.compare_exchange_weak(freed->next, freed, release, relaxed)) {} // [home]
    }
    bool const last = balance_.fetch_sub(1, acq_rel) == 1; // [last] the pool may be gone
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete this; // keeps I2
}

// Takes home what others freed.
inline void frame_pool::collect() noexcept {
    block* next = remote_.exchange(nullptr, acquire); // [home]
    while (block* const freed = next) {
        next = freed->next;
        auto const size_class = freed->size_class;
        freed->owner = this; // keeps I3
        ++out_or_cached_; // keeps I1: it was out, and its subtraction, read below or later, ends that
        keep(freed, size_class);
    }
    out_or_cached_ += balance_.exchange(0, relaxed); // only a number; being an exchange, it passes [last] on
}

// The owner leaves.
inline void frame_pool::abandon() noexcept {
    auto const out = out_or_cached_ - static_cast<std::int64_t>(cached_blocks());
    bool const last = balance_.fetch_add(out, acq_rel) == -out; // [last] from here on who frees may delete the pool
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete this; // keeps I2
}

inline std::size_t frame_pool::cached_blocks() const noexcept {
    std::size_t blocks = 0;
    for (cache const& kept : caches_) blocks += kept.count;
    return blocks;
}

inline frame_pool::~frame_pool() {
    auto const free_all = [](block* next) {
        while (block* const freed = next) {
            next = freed->next;
            ::operator delete(freed);
        }
    };
    for (cache const& kept : caches_) free_all(kept.top);
    free_all(remote_.load(relaxed)); // [last] ordered every push before this
}

} // namespace weir
