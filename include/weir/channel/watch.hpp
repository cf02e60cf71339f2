// weir/channel/watch.hpp: one value that changes: whoever looks sees the latest, and may wait for the next change.
// Progress: a look and a send hold a spin lock for the exchange of a pointer; a value that is borrowed delays nobody.
// Not:      a queue: who sleeps through three changes sees the last one only (broadcast.hpp, channel.hpp).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/coro/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weir::inline v0 {

// Threads: any, for every function.
template <class T>
class watch : immovable {
    class change_wait;

public:
    using value_type = T;
    // A value as it was at some moment. It stays so, and alive, however many came after it.
    using borrowed = std::shared_ptr<T const>;
    class receiver;

    // Errors: what T's constructor throws, std::bad_alloc.  Cost: one allocation.
    template <class... Args>
    explicit watch(std::in_place_t, Args&&... args) : value_{std::make_shared<T const>(std::forward<Args>(args)...)} {}
    explicit watch(T initial) : watch{std::in_place, std::move(initial)} {}
    // Needs: no receiver is left.
    ~watch() { WEIR_ASSERT(receivers_.load(relaxed) == 0, "a watch died before its receivers"); }

    // A receiver that has seen the value as it is now.
    receiver subscribe() noexcept;

    // Errors: as the constructor, and then nothing has changed.  Cost: one allocation.  Resumes nobody inside the call.
    // Needs:  not closed.
    void send(T value) { replace(std::make_shared<T const>(std::move(value))); }
    // From now on nothing changes; who has not seen the last change still gets it, then errc::closed.
    // Resumes nobody inside the call.
    void close() noexcept;

    // Never null.
    borrowed borrow() const noexcept {
        spin_guard const locked{lock_};
        return value_;
    }
    // A hint while others use it.
    std::size_t receivers() const noexcept { return receivers_.load(relaxed); }

private:
    void replace(borrowed value) noexcept;

    // A1: version_ is the number of sends; value_ is what the last of them left.
    // A2: a receiver waits only while it has seen version_, and the watch is open.
    // Guarded by lock_. The two atomics are also read without it, as hints; hence relaxed.
    mutable spin_lock lock_;
    bool closed_ = false;
    atomic<std::uint64_t> version_{0};
    borrowed value_;
    atomic<std::size_t> receivers_{0};
    intrusive_list<waiter> waiting_;
};

// One who watches.  Needs: the watch outlives it.  Threads: one at a time.
template <class T>
class [[nodiscard]] watch<T>::receiver {
public:
    receiver() = default;
    receiver(receiver&& other) noexcept : of_{std::exchange(other.of_, nullptr)}, seen_{other.seen_} {}
    receiver& operator=(receiver&& other) noexcept {
        receiver gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        seen_ = other.seen_;
        return *this;
    }
    ~receiver() {
        if (!of_) return;
        spin_guard const locked{of_->lock_};
        of_->receivers_.store(of_->receivers_.load(relaxed) - 1, relaxed); // under the lock
    }

    // Waits for a value that it has not seen, and counts it as seen.
    // Returns: result<void>.  Errors: errc::closed once the last change was seen.
    // Cancel:  nothing has happened: the change is still to be seen.
    // Needs:   one wait at a time; the receiver stays where it is meanwhile.
    operation<change_wait, receiver&> changed() noexcept { return operation<change_wait, receiver&>{*this}; }
    // A hint: what has changed stays so until it is seen, but a change may be missed for a moment.
    bool has_changed() const noexcept { return of_->version_.load(relaxed) != seen_; }

    // The latest value, which may be one that is still to be told of. Never null.
    borrowed borrow() const noexcept { return of_->borrow(); }
    // The same, and it counts as seen.
    borrowed borrow_and_update() noexcept {
        spin_guard const locked{of_->lock_};
        seen_ = of_->version_.load(relaxed); // under the lock
        return of_->value_;
    }

private:
    friend watch;
    receiver(watch& of, std::uint64_t seen) noexcept : of_{&of}, seen_{seen} {}

    watch* of_ = nullptr;
    std::uint64_t seen_ = 0;
};

template <class T>
class watch<T>::change_wait : public detail::guarded_wait<change_wait> {
    using base = detail::guarded_wait<change_wait>;

public:
    explicit change_wait(receiver& by) noexcept : base{by.of_->lock_, by.of_->waiting_}, by_{by} {}
    result<void> await_resume() noexcept {
        auto const waited = this->finish();
        if (!waited || ended_) return waited ? result<void>{errc::closed} : waited;
        spin_guard const locked{by_.of_->lock_};
        auto const newest = by_.of_->version_.load(relaxed); // under the lock
        if (std::exchange(by_.seen_, newest) == newest) return errc::closed; // woken by the close
        return {};
    }

private:
    friend base;
    bool settle(wake_list&) noexcept {
        bool const changed = by_.of_->version_.load(relaxed) != by_.seen_; // under the lock
        ended_ = !changed && by_.of_->closed_;
        return changed || ended_; // keeps A2
    }

    receiver& by_;
    bool ended_ = false;
};

template <class T>
auto watch<T>::subscribe() noexcept -> receiver {
    spin_guard const locked{lock_};
    receivers_.store(receivers_.load(relaxed) + 1, relaxed); // under the lock
    return receiver{*this, version_.load(relaxed)};
}

template <class T>
void watch<T>::replace(borrowed value) noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        WEIR_ASSERT(!closed_, "a value was sent to a closed watch");
        value_.swap(value); // keeps A1; the earlier value ends after the lock, if nobody has borrowed it
        version_.store(version_.load(relaxed) + 1, relaxed); // under the lock
        detail::claim_all(waiting_, woken); // keeps A2
    }
    woken.wake_all();
}

template <class T>
void watch<T>::close() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        closed_ = true;
        detail::claim_all(waiting_, woken); // keeps A2
    }
    woken.wake_all();
}

} // namespace weir
