// weir/channel/result_line.hpp: results on their way from the tasks that make them to the one who takes them.
// It has so many places. One is taken before an element is read, and is free again when its result was taken: so what is
// read, is under way or lies finished is never more than that.
// For:      authors of primitives; the contract is in results.hpp.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/stop.hpp>
#include <weir/memory/frame_pool.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

// In which results are taken.
enum class result_order : unsigned char { as_read, as_done };

// Threads: one taker; one feeder, who takes places and ends the line; makers, any, who give results.
template <class T>
class result_line : immovable {
    static_assert(!std::is_reference_v<T>, "a task gives a value; let it give a pointer for a reference");
    static_assert(!std::is_convertible_v<T, std::error_code>, "an error is no value; let the task give a result<void>");
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two tasks");
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "compilers align frames no further; use a pointer");

    class taker : public waiter {
    public:
        using waiter::waiter;
        std::optional<result<T>> value; // given before it is woken; nothing at the end
    };

public:
    class take_wait; // gives result<T>
    class room_wait; // gives result<void>
    class end_wait;  // gives result<void>

    result_line(std::size_t places, result_order order)
        : places_{places}, order_{order}, mask_{std::bit_ceil(places) - 1},
          slots_{new std::optional<result<T>>[mask_ + 1]} {}

    // The feeder's.
    operation<room_wait, result_line&> room() noexcept { return operation<room_wait, result_line&>{*this}; }
    // Takes a place.  Needs: room.  Returns: its number.
    std::uint64_t begin() noexcept {
        spin_guard const locked{lock_};
        WEIR_ASSERT(has_room(), "a result was begun without a place for it");
        return begun_++;
    }
    // What comes after the last result; errc::closed, where nothing was said.
    void ends_with(std::error_code why) noexcept { why_ = why; }
    void ends_with(std::exception_ptr thrown) noexcept { thrown_ = std::move(thrown); }
    // Needs: all makers have ended.  The last touch.
    void leave_feeder() noexcept;

    // A maker's: the result of what took place `number`.
    void give(std::uint64_t number, result<T>&& value) noexcept;

    // The taker's.
    operation<take_wait, result_line&> take() noexcept { return operation<take_wait, result_line&>{*this}; }
    operation<end_wait, result_line&> end() noexcept { return operation<end_wait, result_line&>{*this}; }
    // Stops feeder and makers. The last touch.
    void leave_taker() noexcept;
    bool awaited() noexcept {
        spin_guard const locked{lock_};
        return !takers_.empty() || !joiners_.empty();
    }

    // Stops feeder and makers, which run under this token.
    void request_stop(errc reason = errc::cancelled) noexcept { stop_.request_stop(reason); }
    stop_token stop() noexcept { return stop_.token(); }

    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* line, std::size_t bytes) noexcept { frame_pool::deallocate(line, bytes); }

private:
    // These need the lock.
    bool has_room() const noexcept { return begun_ - taken_ < places_; }
    std::optional<result<T>>& at(std::uint64_t number) noexcept { return slots_[number & mask_]; }
    bool take(taker& who, wake_list& woken) noexcept;

    // What comes once the last result was taken.  Needs: ended_ was seen under the lock.
    std::error_code conclude();

    // Numbers run freely. Number n belongs to the slot n & mask_; with result_order::as_read it is that of the element,
    // with as_done that of the result, and both kinds begin at 0.
    // J1: begun_ - taken_ <= places_; results of the numbers [taken_, begun_) are to come, or lie in their slots.
    // J2: the taker waits only while the slot of taken_ is empty and not ended_.
    // J3: the feeder waits for room only while there is none; the joiner only while not ended_.
    // J4: a waiter is claimed, and what it waits for given to it, in one critical section.
    // J5: nothing is given once ended_. A slot that is empty then stays so: its maker has thrown.
    // J6: the side that finds the other gone frees the line; the other touched it last when it released the lock.
    // The last two are the feeder's until ended_ is set, then the taker's; the rest is guarded by lock_.
    std::size_t const places_;
    result_order const order_;
    std::size_t const mask_;
    std::unique_ptr<std::optional<result<T>>[]> const slots_;
    stop_source stop_;
    spin_lock lock_;
    bool ended_ = false;
    bool taker_gone_ = false;
    std::uint64_t begun_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t taken_ = 0;
    intrusive_list<taker> takers_;  // at most one
    intrusive_list<waiter> feeders_; // the same
    intrusive_list<waiter> joiners_; // the same
    std::error_code why_ = make_error_code(errc::closed);
    std::exception_ptr thrown_;
};

template <class T>
class result_line<T>::take_wait : public guarded_wait<take_wait, taker> {
    using base = guarded_wait<take_wait, taker>;

public:
    explicit take_wait(result_line& of) noexcept : base{of.lock_, of.takers_}, of_{of} {}
    result<T> await_resume() {
        auto const waited = this->finish();
        if (this->value) return *std::move(this->value);
        if (!waited) return waited.error();
        return of_.conclude();
    }

private:
    friend base;
    bool settle(wake_list& woken) noexcept {
        WEIR_ASSERT(of_.takers_.empty(), "results are taken twice at once");
        return of_.take(*this, woken);
    }
    result_line& of_;
};

template <class T>
class result_line<T>::room_wait : public guarded_wait<room_wait> {
    using base = guarded_wait<room_wait>;

public:
    explicit room_wait(result_line& of) noexcept : base{of.lock_, of.feeders_}, of_{of} {}
    result<void> await_resume() noexcept { return this->finish(); }

private:
    friend base;
    bool settle(wake_list&) noexcept { return of_.has_room(); }
    result_line& of_;
};

template <class T>
class result_line<T>::end_wait : public guarded_wait<end_wait> {
    using base = guarded_wait<end_wait>;

public:
    explicit end_wait(result_line& of) noexcept : base{of.lock_, of.joiners_}, of_{of} {}
    result<void> await_resume() noexcept { return this->finish(); }

private:
    friend base;
    bool settle(wake_list&) noexcept { return of_.ended_; }
    result_line& of_;
};

template <class T>
void result_line<T>::give(std::uint64_t number, result<T>&& value) noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        if (order_ == result_order::as_done) number = done_++;
        at(number).emplace(std::move(value));
        while (at(taken_)) {
            taker* const one = takers_.pop_front();
            if (!one) break;
            if (!one->claim()) continue; // T7: a stop has it; the result stays for who asks again
            static_cast<void>(take(*one, woken)); // keeps J4
            woken.add(*one);
        }
    }
    woken.wake_all(); // the feeder's scope joins its makers before it leaves, so the line is still there
}

template <class T>
bool result_line<T>::take(taker& who, wake_list& woken) noexcept {
    std::optional<result<T>>& next = at(taken_);
    if (!next) return ended_; // keeps J2
    who.value.emplace(*std::move(next));
    next.reset();
    ++taken_; // keeps J1
    claim_all(feeders_, woken); // keeps J3
    return true;
}

template <class T>
void result_line<T>::leave_feeder() noexcept {
    wake_list woken;
    bool last = false;
    {
        spin_guard const locked{lock_};
        ended_ = true;
        claim_all(takers_, woken);  // keeps J2: by J4 nothing is there for it
        claim_all(joiners_, woken); // keeps J3
        last = taker_gone_;
    }
    // ---- the line may be gone, unless the taker was first
    if (last) delete this; // keeps J6
    woken.wake_all();
}

template <class T>
void result_line<T>::leave_taker() noexcept {
    request_stop();
    bool last = false;
    {
        spin_guard const locked{lock_};
        taker_gone_ = true;
        last = ended_;
    }
    // ---- the line may be gone, unless the feeder was first
    if (last) delete this; // keeps J6
}

template <class T>
std::error_code result_line<T>::conclude() {
#if WEIR_EXCEPTIONS
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
    return why_;
}

} // namespace weir::detail
