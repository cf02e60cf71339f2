// weir/sync/queue_awaiter.hpp: what the awaiters over a wait_queue have in common: try, listen, look again under the
// lock, enqueue. A primitive adds what its state means.
// Cost:     who need not wait pays for one flag: the waiter is made when it is known that there is something to wait for.
// For:      authors of primitives.
#pragma once

#include <weir/base/slot.hpp>
#include <weir/base/type_name.hpp>
#include <weir/coro/budget.hpp>
#include <weir/coro/operation.hpp>
#include <weir/sync/wait_queue.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <type_traits>

namespace weir::inline v0 {

// `Derived`, which gives result<Value>, offers
//   bool try_now() noexcept                     takes without the lock what it wants, if that is to be had
//   bool take(std::uint64_t& state) noexcept    the same under the lock, which `state` is then released with
//   void waits(std::uint64_t& state) noexcept   notes in `state` that somebody waits
//   Value value() noexcept                      what was taken, or was handed over; not where Value is void
// and, where there is more to say of the wait than its type's name, a `void describe(wait_text& into) const noexcept`;
// where more is left to do for one that is stopped than to take it out, a `void abandon() noexcept` of its own.
template <class Derived, class Value>
class queue_awaiter : immovable {
public:
    bool await_ready() noexcept {
        if (!derived().try_now()) return false;
        has_ = !turn_budget::spend();
        return !has_;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        waits_ = true;
        auto& mine = waiter_.construct(derived());
        if (!has_) return mine.listen(handle, at, &describe) && enqueue();
        mine.give_way(handle);
        return true;
        // ---- the frame may be gone
    }
    result<Value> await_resume() noexcept;

    // Takes it out of the queue, if it is still there.
    void abandon() noexcept { queue_.remove(waiter_.value()); }

    // Whose waiter this is, which stands in the queue.
    static Derived& of(waiter& one) noexcept { return static_cast<member&>(one).of_; }

protected:
    explicit queue_awaiter(wait_queue& queue) noexcept : queue_{queue} {}
    ~queue_awaiter() {
        if (waits_) waiter_.destroy();
    }

    wait_queue& queue() const noexcept { return queue_; }
    // Needs: to wait.
    waiter& in_queue() noexcept { return waiter_.value(); }

private:
    class member : public waiter {
    public:
        explicit member(Derived& of) noexcept : waiter{&is_stopped}, of_{of} {}

    private:
        friend queue_awaiter;
        static void is_stopped(waiter& self) noexcept { queue_awaiter::of(self).abandon(); }
        Derived& of_;
    };

    static void describe(void const* key, wait_text& into) noexcept {
        auto& one = static_cast<member const*>(static_cast<waiter const*>(key))->of_;
        if constexpr (requires { one.describe(into); }) {
            one.describe(into);
        } else {
            auto name = type_name<Derived>();
            if (name.ends_with("::awaiter")) name.remove_suffix(9);
            into.add(name);
        }
    }
    Derived& derived() noexcept { return static_cast<Derived&>(*this); }
    // Out of the way of who need not wait.
    WEIR_NOINLINE bool enqueue() noexcept;
    WEIR_NOINLINE result<void> finish() noexcept { return waiter_.value().finish(); }

    wait_queue& queue_;
    bool has_ = false;   // it was to be had at once, and the others have their turn first
    bool waits_ = false; // it was not to be had at once, or gives way; and the waiter lives
    slot<member> waiter_;
};

template <class Derived, class Value>
bool queue_awaiter<Derived, Value>::enqueue() noexcept {
    wait_queue& queue = queue_;
    waiter& mine = waiter_.value();
    bool suspends = false;
    std::uint64_t state = queue.lock();
    if (derived().take(state)) {
        mine.complete_unpublished();
    } else if (mine.publish()) {
        derived().waits(state);
        queue.push(mine); // keeps V3
        suspends = true;
    }
    queue.unlock(state);
    // ---- suspended, the coroutine may run elsewhere
    return suspends;
}

template <class Derived, class Value>
result<Value> queue_awaiter<Derived, Value>::await_resume() noexcept {
    if (waits_) {
        auto const ended = finish();
        if (!ended) return ended.error();
    }
    if constexpr (std::is_void_v<Value>) return {};
    else return derived().value();
}

} // namespace weir
