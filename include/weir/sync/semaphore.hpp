// weir/sync/semaphore.hpp: a number of permits; who wants more than are left waits.
// Order:    FIFO, weighted: a large request at the head is not overtaken by small ones behind it.
// Progress: one compare-and-swap to acquire and one to release while nobody waits.
// Cancel:   a stopped waiter never keeps a permit: what was being handed to it goes to the next.
#pragma once

#include <weir/sync/queue_awaiter.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0 {

class semaphore;

// Permits held; given back at the end of its life.
class [[nodiscard]] permit {
public:
    permit() = default;
    permit(permit&& other) noexcept : of_{std::exchange(other.of_, nullptr)}, count_{std::exchange(other.count_, 0)} {}
    permit& operator=(permit&& other) noexcept {
        permit gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        count_ = std::exchange(other.count_, 0);
        return *this;
    }
    ~permit() { release(); }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    std::size_t count() const noexcept { return count_; }
    void release() noexcept;
    // Keeps them for good: the semaphore has so many fewer from now on.
    void forget() noexcept {
        of_ = nullptr;
        count_ = 0;
    }

private:
    friend semaphore;
    permit(semaphore& of, std::size_t count) noexcept : of_{&of}, count_{count} {}
    semaphore* of_ = nullptr;
    std::size_t count_ = 0;
};

// Threads: any, for every function.
class semaphore : immovable {
    class awaiter;

public:
    // The most permits there may be.
    static constexpr std::uint64_t most = (std::uint64_t{1} << 60) - 1;

    // Needs: at most `most` permits, now and after every release.
    explicit semaphore(std::size_t permits) noexcept : queue_{pack(permits)} {
        WEIR_ASSERT(permits <= most, "a semaphore of too many permits");
    }

    // Returns: result<permit>.  Cancel: the waiter leaves its place and holds nothing.
    operation<awaiter, semaphore&, std::size_t> acquire(std::size_t count = 1) noexcept {
        return operation<awaiter, semaphore&, std::size_t>{*this, count};
    }
    // An empty permit when there are too few, or others wait.
    permit try_acquire(std::size_t count = 1) noexcept { return take(count) ? permit{*this, count} : permit{}; }

    // Gives back, or adds, `count` permits. Resumes nobody inside the call.
    void release(std::size_t count = 1) noexcept;

    // A hint while others use it.
    std::size_t available() const noexcept { return static_cast<std::size_t>(queue_.peek() >> 1); }

private:
    bool take(std::size_t count) noexcept;
    void release_contended(std::size_t count) noexcept;
    // Hands permits out of `state` to as many waiters as they last for; gives the state that is left.
    // Needs: the queue's lock.
    std::uint64_t grant(std::uint64_t state, wake_list& woken) noexcept;

    // The state: free permits in the upper bits; bit 0 says that somebody waits.
    // M1: bit 0 is clear exactly when the queue is empty.
    // M2: while bit 0 is set the first waiter wants more than is free.
    static constexpr std::uint64_t waited_for = 1;
    // A request for more than there can be packs to one that never fits.
    static constexpr std::uint64_t pack(std::size_t permits) noexcept {
        return (permits <= most ? std::uint64_t{permits} : most + 1) << 1;
    }
    wait_queue queue_;
};

class semaphore::awaiter : public queue_awaiter<awaiter, permit> {
public:
    awaiter(semaphore& of, std::size_t count) noexcept : queue_awaiter{of.queue_}, count_{count}, semaphore_{of} {}

    bool try_now() const noexcept { return semaphore_.take(count_); }
    bool take(std::uint64_t& state) const noexcept {
        if (state & waited_for || state < pack(count_)) return false;
        state -= pack(count_);
        return true;
    }
    void waits(std::uint64_t& state) const noexcept { state |= waited_for; } // keeps M1
    permit value() const noexcept { return permit{semaphore_, count_}; }
    void abandon() noexcept;
    void describe(wait_text& into) const noexcept {
        into.add(count_).add(" of a semaphore, of which ").add(semaphore_.available()).add(" are free");
    }

private:
    friend semaphore;

    // Not in the permit's order: a compiler would fetch both by one load, which has to wait for both stores to end.
    std::size_t const count_;
    semaphore& semaphore_;
};

inline void permit::release() noexcept {
    if (of_) std::exchange(of_, nullptr)->release(std::exchange(count_, 0));
}

inline bool semaphore::take(std::size_t count) noexcept {
    return queue_.try_add(0 - pack(count), waited_for, pack(count));
}

inline void semaphore::release(std::size_t count) noexcept {
    WEIR_ASSERT(count <= most, "more permits were released than a semaphore can have");
    if (!queue_.try_add(pack(count), waited_for, 0)) release_contended(count);
}

// Out of the way of who meets nobody.
WEIR_NOINLINE inline void semaphore::release_contended(std::size_t count) noexcept {
    wake_list woken;
    std::uint64_t const state = queue_.lock();
    queue_.unlock(grant(state + pack(count), woken));
    // ---- the semaphore may be gone
    woken.wake_all();
}

inline std::uint64_t semaphore::grant(std::uint64_t state, wake_list& woken) noexcept {
    while (waiter* const first = queue_.front()) {
        std::uint64_t const wanted = pack(awaiter::of(*first).count_);
        if ((state & ~waited_for) < wanted) return state; // keeps M2
        first->unlink();
        if (!first->claim()) continue; // T7: a stop has it; the permits go to the next
        state -= wanted;
        woken.add(*first);
    }
    return state & ~waited_for; // keeps M1
}

inline void semaphore::awaiter::abandon() noexcept {
    semaphore& of = semaphore_;
    wake_list woken;
    std::uint64_t const state = of.queue_.lock();
    if (in_queue().linked()) in_queue().unlink();
    of.queue_.unlock(of.grant(state, woken)); // the head may have been what those behind it waited for
    woken.wake_all();
}

} // namespace weir
