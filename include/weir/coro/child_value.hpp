// weir/coro/child_value.hpp: what a child of a scope will give, for who wants to wait for it.
//     auto total = children.start(sum, std::move(rows));
//     ...
//     auto const sum_of_rows = co_await total.get();
// The child belongs to its scope like one that was spawned. This is only the place of its value, which both hold, so it
// may outlive the scope; who drops it loses the value and nothing else.
// Cost:     one small block from the thread's frame_pool.
// Not:      in charge of the child: dropping it stops nothing, and an exception fails the scope, awaited or not.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/memory/frame_pool.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

// Between the child that gives a value and who waits for it.
// P1: outcome_ is written by the child before given_ is set, and touched by the other side only afterwards.
// P2: waiting_ is set only while given_ is not, in the critical section of the waiter's publish (V3), and cleared in that
//     of its claim or by its abandon.
// P3: owners_ counts the ends, two at first; who lets go of the last one frees the place.
template <class T>
class value_place : immovable {
public:
    bool given() const noexcept { return given_.load(acquire); } // [given]
    // The child's, once.  Needs: its outcome is set.
    void give() noexcept;
    outcome<T>& end() noexcept { return outcome_; }

    // True when `one` waits now; false when there is nothing to wait for, or a stop was quicker.
    bool enqueue(waiter& one) noexcept;
    void forget(waiter& one) noexcept {
        spin_guard const locked{lock_};
        if (waiting_ == &one) waiting_ = nullptr;
    }
    bool awaited() noexcept {
        spin_guard const locked{lock_};
        return waiting_ != nullptr;
    }
    void let_go() noexcept {
        if (owners_.fetch_sub(1, acq_rel) == 1) delete this; // [end] keeps P3
    }

    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* place, std::size_t bytes) noexcept { frame_pool::deallocate(place, bytes); }

private:
    spin_lock lock_;
    atomic<bool> given_{false};
    atomic<unsigned char> owners_{2};
    waiter* waiting_ = nullptr;
    outcome<T> outcome_;
};

template <class T>
void value_place<T>::give() noexcept {
    waiter* woken;
    {
        spin_guard const locked{lock_};
        given_.store(true, release); // [given]
        woken = std::exchange(waiting_, nullptr);
        if (woken && !woken->claim()) woken = nullptr; // T7: a stop has it; the value stays for who asks again
    }
    if (woken) woken->wake();
}

template <class T>
bool value_place<T>::enqueue(waiter& one) noexcept {
    spin_guard const locked{lock_};
    if (given_.load(relaxed)) { // written under the lock
        one.complete_unpublished();
        return false;
    }
    WEIR_ASSERT(!waiting_, "two tasks wait for one child");
    if (!one.publish()) return false;
    waiting_ = &one; // keeps P2
    return true;
}

// One end of a place.
template <class T>
class value_end {
public:
    explicit value_end(value_place<T>* place) noexcept : place_{place} {}
    value_end(value_end&& other) noexcept : place_{std::exchange(other.place_, nullptr)} {}
    value_end& operator=(value_end&& other) noexcept {
        value_end gone{std::move(*this)};
        place_ = std::exchange(other.place_, nullptr);
        return *this;
    }
    ~value_end() {
        if (place_) place_->let_go();
    }
    value_place<T>* operator->() const noexcept { return place_; }
    value_place<T>* get() const noexcept { return place_; }

private:
    value_place<T>* place_;
};

} // namespace detail

class scope;

// Threads: one task at a time.
template <class T>
class [[nodiscard]] child_value {
    static_assert(!std::is_reference_v<T>, "a child gives a value; let it give a pointer for a reference");
    static_assert(alignof(detail::value_place<T>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "a frame_pool aligns no further");
    static_assert(!std::is_convertible_v<T, std::error_code>, "an error is no value; let the child give a result<void>");

    class awaiter;

public:
    using value_type = T;
    using result_type = std::conditional_t<is_result<T>, T, result<T>>;

    child_value(child_value&&) noexcept = default;
    child_value& operator=(child_value&& other) noexcept {
        child_value gone{std::move(*this)};
        end_ = std::move(other.end_);
        return *this;
    }
    // Needs: nobody waits for it.
    ~child_value() {
        if (end_.get() && !end_->given()) WEIR_ASSERT(!end_->awaited(), "a child_value died while a task waits for it");
    }

    // False once moved from.
    bool valid() const noexcept { return end_.get() != nullptr; }
    // True when the child has given its value, or thrown; then `get` does not wait.
    bool ready() const noexcept { return end_->given(); }

    // Waits for the child.  Needs: valid; the value was not had before.
    // Returns: result<T>, or what the child gave where that is a result already.
    // Errors:  what the child threw.
    // Cancel:  ends this wait and not the child; the value stays, and `get` may be awaited again.
    operation<awaiter, detail::value_place<T>*> get() noexcept {
        WEIR_ASSERT(end_.get(), "a child_value was asked that was moved from");
        return operation<awaiter, detail::value_place<T>*>{end_.get()};
    }

private:
    friend scope;
    explicit child_value(detail::value_end<T> end) noexcept : end_{std::move(end)} {}

    detail::value_end<T> end_;
};

template <class T>
class child_value<T>::awaiter : public waiter {
public:
    explicit awaiter(detail::value_place<T>* of) noexcept : waiter{&abandon}, of_{*of} {}
    bool await_ready() noexcept {
        if (!of_.given()) return false;
        complete_unpublished();
        return true;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(handle, at) && of_.enqueue(*this);
        // ---- on true the coroutine may run elsewhere
    }
    result_type await_resume() {
        auto const waited = finish();
        if (!waited) return waited.error();
        if constexpr (std::is_void_v<T>) {
            of_.end().take();
            return {};
        } else {
            return of_.end().take();
        }
    }

private:
    static void abandon(waiter& self) noexcept { static_cast<awaiter&>(self).of_.forget(self); }

    detail::value_place<T>& of_;
};

} // namespace weir
