// weir/coro/interleave.hpp: many lookups at once on one thread, each going on while the others wait for memory.
//     interleaved<row const*> find(table const& in, key k) {
//         bucket const* at = co_await prefetched(in.bucket_of(k));
//         while (at && at->key != k) at = co_await prefetched(at->next);
//         co_return at ? &at->row : nullptr;
//     }
//     interleave<16>(keys, [&](key k) { return find(table, k); }, [&](std::size_t n, row const* at) { rows[n] = at; });
// A lookup asks for the cache line that it needs next and lets the next lookup go on; when its turn comes again the line
// has mostly arrived. It pays where each step misses the caches, and costs where they hit: a step takes some nanoseconds.
// Not:      a scheduler: nothing here can wait for anything but memory. Where the addresses are known beforehand,
//           for_each_prefetched in cpu/prefetch.hpp is quicker.
// Source:   G. Psaropoulos, T. Legler, N. May, A. Ailamaki, "Interleaving with Coroutines", VLDB 2017; C. Jonathan et
//           al., "Exploiting Coroutines to Attack the 'Killer Nanoseconds'", VLDB 2018. Frames are recycled in place.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/current.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/promise.hpp>
#include <weir/cpu/prefetch.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <new>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// `co_await prefetched(p)` asks for the line at `p` and lets the other lookups go on; gives `p` back.
template <class T>
class prefetched {
public:
    explicit prefetched(T* at) noexcept : at_{at} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept { prefetch_read(at_); }
    T* await_resume() const noexcept { return at_; }

private:
    T* at_;
};

// Where the frames of a set of lookups lie: a fixed number of blocks, of the size that the first frame asks for. Before
// each frame stands whose it is, so that giving it back needs no look at the thread.
// For:      the implementation of interleave.
class interleave_arena : immovable {
public:
    explicit interleave_arena(std::size_t blocks) noexcept : blocks_{blocks} {}
    ~interleave_arena();

    void* allocate(std::size_t bytes) {
        // A frame beyond the blocks, or larger than they are, is of a lookup that was not handed to interleave at once.
        if (!free_ || bytes > frame_bytes_) return allocate_first_or_apart(bytes);
        block* const taken = free_;
        free_ = taken->next;
        return taken + 1;
    }
    static void deallocate(void* frame) noexcept {
        block* const left = static_cast<block*>(frame) - 1;
        interleave_arena* const owner = left->owner;
        if (!owner) return ::operator delete(left);
        left->next = owner->free_;
        owner->free_ = left;
    }

    // Keeps the exception in flight, if it is the first.
    void fail() noexcept {
        if (!failure_.ready()) failure_.set_current_exception();
    }
    void rethrow_if_failed() {
        if (failure_.ready()) failure_.take();
    }

private:
    // What precedes a frame.
    struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) block {
        interleave_arena* owner; // null where the block is no arena's
        block* next;             // while it is free
    };
    void* allocate_first_or_apart(std::size_t bytes);

    std::size_t const blocks_;
    std::size_t frame_bytes_ = 0;
    void* memory_ = nullptr;
    block* free_ = nullptr;
    outcome<void> failure_;
};

// Calls `lookup(key)`, a coroutine interleaved<T>, for each key, `Width` of them at once, and `use(n, value)` with what
// the n-th gave, in the order in which they end; `use(n)` where T is void.
// Errors:  the first exception of a lookup or of `use` is thrown on; lookups that are under way are then destroyed.
// Threads: runs on the caller's; does not suspend a coroutine that calls it.
// Cost:    one allocation for the frames, none a key as long as all lookups are calls of one coroutine. Sixteen at once
//          suit steps that are alike; where steps are guessed wrong or pages are small, 32 hide more.
template <std::size_t Width, std::ranges::input_range Keys, class Lookup, class Use>
void interleave(Keys&& keys, Lookup lookup, Use use);

namespace detail {

// What interleave takes a coroutine out of its lookup with: a class, because clang before 17 does not know a constrained
// function again which a class names its friend.
struct lookup_taker {
    template <class Lookup>
    static auto take(Lookup&& lookup) noexcept { return lookup.release(); }
};

} // namespace detail

// One lookup, which begins when it is called, inside interleave. Gives a T, which is no reference; may await prefetched,
// and nothing else. It should take its key by value, because that of a range which makes keys up is gone by the next.
// A choice that goes either way, such as that of a search's half, is better computed than branched on: where memory is no
// longer waited for, wrong guesses are what is left. `at += half * (*middle <= wanted)` does it.
template <class T = void>
class [[nodiscard]] interleaved {
public:
    class promise_type;
    using value_type = T;

    interleaved(interleaved&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    ~interleaved() {
        if (handle_) handle_.destroy();
    }

private:
    friend struct detail::lookup_taker;

    using handle = std::coroutine_handle<promise_type>;
    explicit interleaved(handle coroutine) noexcept : handle_{coroutine} {}
    handle release() noexcept { return std::exchange(handle_, nullptr); }

    handle handle_;
};

namespace detail {

class interleaved_promise {
public:
    // Goes on at once, having looked at the frame where that is needed.
    class start : public pooled_promise::start {
    public:
        using pooled_promise::start::start;
        bool await_ready() const noexcept { return !WEIR_GCC_BEFORE_13; }
        bool await_suspend(std::coroutine_handle<> self) const noexcept {
            pooled_promise::start::await_suspend(self);
            return false;
        }
    };

    std::suspend_always final_suspend() const noexcept { return {}; }
    template <class P>
    prefetched<P> await_transform(prefetched<P> asked) const noexcept { // a lookup waits for memory only
        return asked;
    }
    void unhandled_exception() noexcept { arena_of_this_thread().fail(); }

    static void* operator new(std::size_t bytes) { return arena_of_this_thread().allocate(bytes); }
    static void operator delete(void* frame) noexcept { interleave_arena::deallocate(frame); }

private:
    static interleave_arena& arena_of_this_thread() {
        auto* const arena = current<interleave_arena>();
        if (!arena) WEIR_FATAL("a lookup was called outside of interleave");
        return *arena;
    }
};

} // namespace detail

template <class T>
class interleaved<T>::promise_type : public detail::interleaved_promise {
public:
    static_assert(!std::is_reference_v<T>, "a lookup gives a value or a pointer: it may have found nothing");
    interleaved get_return_object() noexcept { return interleaved{handle::from_promise(*this)}; }
    start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
    template <class U = T>
        requires(!std::is_scalar_v<T> && std::is_convertible_v<U, T>)
    void return_value(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    // Converted where it stands, so that a literal of another type is no narrowing.
    void return_value(T value) noexcept
        requires std::is_scalar_v<T>
    {
        value_.emplace(value);
    }
    T take() { return std::move(*value_); }

private:
    std::optional<T> value_;
};

template <>
class interleaved<void>::promise_type : public detail::interleaved_promise {
public:
    interleaved get_return_object() noexcept { return interleaved{handle::from_promise(*this)}; }
    start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
    void return_void() const noexcept {}
};

template <std::size_t Width, std::ranges::input_range Keys, class Lookup, class Use>
void interleave(Keys&& keys, Lookup lookup, Use use) {
    static_assert(Width > 0);
    using started = std::invoke_result_t<Lookup&, std::ranges::range_reference_t<Keys>>;
    interleave_arena arena{Width};
    current_guard<interleave_arena> const installed{&arena};
    // I1: between two lookups' turns exactly the places [first, end) hold a lookup, and it waits for memory.
    // I2: a place whose lookup is gone holds none, so that the end of an exception's way destroys each once.
    struct place {
        std::coroutine_handle<typename started::promise_type> lookup;
        std::size_t number;
    };
    struct all_places {
        ~all_places() {
            for (place& one : all)
                if (one.lookup) one.lookup.destroy();
        }
        std::array<place, Width> all{};
    } places;

    auto next = std::ranges::begin(keys);
    auto const last = std::ranges::end(keys);
    std::size_t number = 0;
    auto const finish = [&](place& ended) {
        arena.rethrow_if_failed();
        if constexpr (std::is_void_v<typename started::value_type>) use(ended.number);
        else use(ended.number, ended.lookup.promise().take());
        std::exchange(ended.lookup, nullptr).destroy(); // keeps I2
    };
    // Begins lookups at a place until one waits for memory there; false when there is no key left.
    auto const fill = [&](place& at) {
        while (next != last) {
            at.lookup = detail::lookup_taker::take(lookup(*next));
            at.number = number++;
            ++next;
            if (!at.lookup.done()) return true;
            finish(at);
        }
        return false;
    };
    place* const first = places.all.data();
    place* end = first;
    while (end != first + Width && fill(*end)) ++end;
    while (end != first) {
        for (place* at = first; at != end;) {
            at->lookup.resume();
            if (at->lookup.done()) {
                finish(*at);
                // Who takes over this place has had its turn when it began; where nobody does, the last one moves here.
                if (!fill(*at)) {
                    --end;
                    *at = std::exchange(*end, place{}); // keeps I1 and I2, also where it is the same place
                    continue;
                }
            }
            ++at;
        }
    }
}

inline interleave_arena::~interleave_arena() {
    std::size_t left = 0;
    for (block const* one = free_; one; one = one->next) ++left;
    WEIR_ASSERT(!memory_ || left == blocks_, "a lookup outlived its interleave");
    if (memory_) ::operator delete(memory_, std::align_val_t{cache_line});
}

WEIR_COLD inline void* interleave_arena::allocate_first_or_apart(std::size_t bytes) {
    if (memory_) {
        return ::new (::operator new(sizeof(block) + bytes)) block{nullptr, nullptr} + 1;
    }
    std::size_t const stride = (sizeof(block) + bytes + cache_line - 1) / cache_line * cache_line;
    memory_ = ::operator new(blocks_ * stride, std::align_val_t{cache_line});
    frame_bytes_ = stride - sizeof(block);
    for (std::size_t n = blocks_; n > 0; --n)
        free_ = ::new (static_cast<std::byte*>(memory_) + (n - 1) * stride) block{this, free_};
    return allocate(bytes);
}

} // namespace weir
