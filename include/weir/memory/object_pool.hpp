// weir/memory/object_pool.hpp: objects that are costly to make, kept and used again: parsers, large strings, connections.
// Progress: blocking, for a few instructions, where two threads meet at one list; each has one nearly for itself.
// Order:    what was done with an object, and its reset, happens before its next use. The one used last comes back first.
// Memory:   bounded: `kept_per_thread` objects in each of at most shard_count() caches, and `kept` in the shared list.
// Not:      a limit of how many are in use at once: a semaphore is that, and can be waited for.
// Note:     a lock that nobody contends costs the one locked instruction that a lock-free stack would, and needs no tag
//           against ABA. The caches belong to the pool and are found by the thread's number, not by a thread-local: so
//           threads and pools may end in any order, and pools of one type share nothing.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/platform.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/metrics/shard.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// What a pool does to an object that comes back: any call that returns nothing, or false when the object is not to be
// used again. Where it throws, the object is not used again either.
template <class Reset, class T>
concept object_reset = std::invocable<Reset&, T&> && (std::is_void_v<std::invoke_result_t<Reset&, T&>> ||
                                                      std::same_as<std::invoke_result_t<Reset&, T&>, bool>);

// Makes an object by its constructor.
template <class T>
struct make_object {
    template <class... Args>
        requires std::constructible_from<T, Args...>
    T operator()(Args&&... args) const {
        return T(std::forward<Args>(args)...);
    }
};

// Resets an object by its member `reset()`, or else `clear()`.
struct reset_object {
    template <class T>
        requires requires(T& object) { object.reset(); } || requires(T& object) { object.clear(); }
    auto operator()(T& object) const {
        if constexpr (requires { object.reset(); }) return object.reset();
        else return object.clear();
    }
};

struct object_pool_options {
    std::size_t kept = 64;           // the most that the shared list keeps for whoever comes
    std::size_t kept_per_thread = 8; // the most that a thread's cache keeps
};

// Threads: any at once, but for construction and destruction. `Make` and `Reset` are called by several at once.
template <class T, class Make = make_object<T>, object_reset<T> Reset = reset_object>
class object_pool : immovable {
    struct node;

public:
    class lease;
    // Since the pool's beginning, each thread's view of the others a moment old.
    struct statistics {
        std::uint64_t made = 0;
        std::uint64_t reused = 0;    // leases of an object that had been used before
        std::uint64_t discarded = 0; // ended: one too many, or not to be used again
    };

    explicit object_pool(Make make = {}, Reset reset = {}, object_pool_options kept = {});
    explicit object_pool(object_pool_options kept) : object_pool({}, {}, kept) {}
    // Ends what is kept.  Needs: no lease is out.
    ~object_pool();

    // An object to use until the lease ends: from this thread's cache, the shared list, another thread's cache, or, where
    // all are in use, made by `make(args...)`; the arguments matter to that only.
    // Errors: what `make` throws, std::bad_alloc when making; then nothing has changed.
    // Cost:   a call and a locked instruction; one allocation when making.
    template <class... Args>
        requires std::is_invocable_r_v<T, Make&, Args...>
    lease acquire(Args&&... args);

    statistics stats() const noexcept;
    // How many wait for their next use.
    std::size_t idle() const noexcept;

private:
    // A node is made with its object and ends with it.
    struct node {
        template <class Call>
        node(std::size_t shard, Call make) : home{shard}, object(make()) {}

        node* next = nullptr; // while in a list
        std::size_t home;     // whose cache its lease came from
        T object;
    };
    // One list, its lock and the counts that are written under it.
    struct alignas(cache_line) shelf {
        spin_lock lock;
        intrusive_stack<node> nodes;     // under the lock
        atomic<std::size_t> count{0};    // of nodes; written under the lock
        atomic<std::uint64_t> reused{0}; // nodes taken; written under the lock
    };

    static node* take(shelf& from) noexcept;
    static bool put(shelf& on, node& returned, std::size_t most) noexcept;
    node* search(std::size_t home) noexcept;
    void give_back(node* returned) noexcept;
    void discard(node* ended) noexcept;
    bool reset(T& object) noexcept;

    // I1: a node is in exactly one place: in one shelf's list, in one lease, or in the hands of one call.
    // I2: a shelf's count is the length of its list, at most kept_per_thread, or kept for the shared one.
    // I3: every node was counted once in made_, and at its end once in discarded_: so when all leases have ended,
    //     made_ - discarded_ nodes are in the shelves.
    // I4: an object in a shelf has been reset since its last use.
    // A thread holds at most one shelf's lock, and under it calls nobody else's code.
    [[no_unique_address]] Make make_;
    [[no_unique_address]] Reset reset_;
    object_pool_options const options_;
    std::unique_ptr<shelf[]> const shelves_; // one for each shard
    shelf shared_;
    // Written when an object begins or ends, which costs more.
    alignas(cache_line) atomic<std::uint64_t> made_{0};
    atomic<std::uint64_t> discarded_{0};
};

template <class Make, class Reset = reset_object>
object_pool(Make, Reset = {}, object_pool_options = {}) -> object_pool<std::invoke_result_t<Make&>, Make, Reset>;

// The use of one object. It may end on another thread; the object then goes back to where it came from.
template <class T, class Make, object_reset<T> Reset>
class [[nodiscard]] object_pool<T, Make, Reset>::lease {
public:
    lease() = default;
    lease(lease&& other) noexcept
        : pool_{std::exchange(other.pool_, nullptr)}, node_{std::exchange(other.node_, nullptr)} {}
    lease& operator=(lease&& other) noexcept {
        lease taken{std::move(other)};
        std::swap(pool_, taken.pool_);
        std::swap(node_, taken.node_);
        return *this;
    }
    ~lease() { release(); }

    explicit operator bool() const noexcept { return node_ != nullptr; }
    T& operator*() const noexcept {
        WEIR_ASSERT(node_, "the lease of an object was used after its end");
        return node_->object;
    }
    T* operator->() const noexcept { return std::addressof(**this); }

    // Ends the use now: resets the object and gives it back. The lease is empty.
    void release() noexcept {
        if (node* const returned = std::exchange(node_, nullptr)) pool_->give_back(returned);
    }
    // Ends the use and the object, which is not to be used again: a connection that broke. The lease is empty.
    void discard() noexcept {
        if (node* const ended = std::exchange(node_, nullptr)) pool_->discard(ended);
    }

private:
    friend class object_pool;
    lease(object_pool* pool, node* taken) noexcept : pool_{pool}, node_{taken} {}

    object_pool* pool_ = nullptr;
    node* node_ = nullptr; // null: empty
};

template <class T, class Make, object_reset<T> Reset>
object_pool<T, Make, Reset>::object_pool(Make make, Reset reset, object_pool_options kept)
    : make_(std::move(make)), reset_(std::move(reset)), options_{kept}, shelves_{new shelf[shard_count()]} {}

template <class T, class Make, object_reset<T> Reset>
object_pool<T, Make, Reset>::~object_pool() {
    for (std::size_t n = 0; n < shard_count(); ++n)
        while (node* const ended = take(shelves_[n])) discard(ended);
    while (node* const ended = take(shared_)) discard(ended);
    WEIR_ASSERT(made_.load(relaxed) == discarded_.load(relaxed), // by I3; whoever ended a lease came before us
                "an object_pool ends before a lease of it");
}

template <class T, class Make, object_reset<T> Reset>
template <class... Args>
    requires std::is_invocable_r_v<T, Make&, Args...>
auto object_pool<T, Make, Reset>::acquire(Args&&... args) -> lease {
    auto const home = this_shard();
    node* found = take(shelves_[home]);
    if (!found) found = search(home);
    if (found) {
        found->home = home;
        return lease{this, found};
    }
    auto const fresh = new node(home, [&]() -> T { return make_(std::forward<Args>(args)...); });
    made_.fetch_add(1, relaxed); // keeps I3; only a number
    return lease{this, fresh};
}

// Beyond the thread's own cache.
template <class T, class Make, object_reset<T> Reset>
WEIR_COLD auto object_pool<T, Make, Reset>::search(std::size_t home) noexcept -> node* {
    node* found = take(shared_);
    for (std::size_t n = 1; !found && n < shard_count(); ++n) found = take(shelves_[(home + n) % shard_count()]);
    return found;
}

// Null when it is empty.
template <class T, class Make, object_reset<T> Reset>
auto object_pool<T, Make, Reset>::take(shelf& from) noexcept -> node* {
    if (from.count.load(relaxed) == 0) return nullptr; // a hint, which misses only what is put there just now
    spin_guard const locked{from.lock};
    node* const taken = from.nodes.pop();
    if (!taken) return nullptr;
    from.count.store(from.count.load(relaxed) - 1, relaxed);   // keeps I2; under the lock
    from.reused.store(from.reused.load(relaxed) + 1, relaxed); // under the lock
    return taken;
}

// False when it is full.
template <class T, class Make, object_reset<T> Reset>
bool object_pool<T, Make, Reset>::put(shelf& on, node& returned, std::size_t most) noexcept {
    spin_guard const locked{on.lock};
    auto const count = on.count.load(relaxed); // written under the lock
    if (count >= most) return false;           // keeps I2
    on.nodes.push(returned);
    on.count.store(count + 1, relaxed); // the same; others only take hints from it
    return true;
}

template <class T, class Make, object_reset<T> Reset>
void object_pool<T, Make, Reset>::give_back(node* returned) noexcept {
    if (!reset(returned->object)) return discard(returned); // keeps I4
    if (put(shelves_[returned->home], *returned, options_.kept_per_thread)) return;
    if (put(shared_, *returned, options_.kept)) return;
    discard(returned);
}

template <class T, class Make, object_reset<T> Reset>
WEIR_COLD void object_pool<T, Make, Reset>::discard(node* ended) noexcept {
    delete ended;
    discarded_.fetch_add(1, relaxed); // keeps I3; only a number
}

template <class T, class Make, object_reset<T> Reset>
bool object_pool<T, Make, Reset>::reset(T& object) noexcept {
    WEIR_TRY {
        if constexpr (std::is_void_v<std::invoke_result_t<Reset&, T&>>) {
            reset_(object);
            return true;
        } else {
            return reset_(object);
        }
    }
    WEIR_CATCH_ALL {
        return false;
    }
}

template <class T, class Make, object_reset<T> Reset>
auto object_pool<T, Make, Reset>::stats() const noexcept -> statistics {
    // Only numbers: nothing is inferred from one about another.
    statistics sum{made_.load(relaxed), shared_.reused.load(relaxed), discarded_.load(relaxed)};
    for (std::size_t n = 0; n < shard_count(); ++n) sum.reused += shelves_[n].reused.load(relaxed); // the same
    return sum;
}

template <class T, class Make, object_reset<T> Reset>
std::size_t object_pool<T, Make, Reset>::idle() const noexcept {
    std::size_t sum = shared_.count.load(relaxed); // only numbers
    for (std::size_t n = 0; n < shard_count(); ++n) sum += shelves_[n].count.load(relaxed); // the same
    return sum;
}

} // namespace weir
