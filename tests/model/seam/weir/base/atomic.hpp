// tests/model/seam/weir/base/atomic.hpp: the atomics of a model, which takes the place of weir's own.
// Every operation is a step of the explorer. Outside of its threads the operations are plain. The end of an atomic is one
// of plain memory: what other threads did with it must happen before.
#pragma once

#include "../../../explorer.hpp"
#include "../../../plain.hpp"

#include <atomic>

namespace weir::inline v0 {

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

// It only makes seen: what the standard adds, that a fence releases and acquires for relaxed operations about it, is
// missing, as under the thread sanitizers; so no algorithm may lean on it.
inline void store_load_fence() noexcept { model::explorer::running()->fence(); }

// Its functions are not inlined, so that no compiler reasons about an object that has ended: the explorer judges that.
template <class T>
class atomic {
public:
    static constexpr bool is_always_lock_free = true;

    [[gnu::noinline]] atomic(T value = T{}) noexcept : id_{model::explorer::running()->born()} {
        history_[0].value = value;
    }
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;
    [[gnu::noinline]] ~atomic() {
        engine().touched(id_);
        if (int const me = engine().thread(); me >= 0)
            for (std::size_t n = 0; n < used_.size(); ++n)
                if (static_cast<int>(n) != me && used_[n] > engine().time()[n])
                    engine().fail("an atomic ended, and nothing orders that after its last use");
        engine().died(id_);
    }

    [[gnu::noinline]] T load(std::memory_order order) const noexcept {
        if (!begins()) return newest().value;
        if constexpr (model::is_late<T>) {
            auto const me = static_cast<std::uint32_t>(engine().thread());
            if (order == relaxed) return T{&settle, this, oldest_visible(), me, engine().time()[me]};
        }
        return see(choose_visible(order, nullptr), order);
    }
    [[gnu::noinline]] void store(T value, std::memory_order order) noexcept {
        if constexpr (model::is_late<T>) value = T{value.get()};
        if (!begins()) return replace(value);
        push(value, order, enter(order), nullptr);
    }
    T exchange(T value, std::memory_order order) noexcept {
        return modify([&](T) { return value; }, order);
    }
    T fetch_add(T amount, std::memory_order order) noexcept {
        return modify([&](T old) { return static_cast<T>(old + amount); }, order);
    }
    T fetch_sub(T amount, std::memory_order order) noexcept {
        return modify([&](T old) { return static_cast<T>(old - amount); }, order);
    }
    T fetch_or(T bits, std::memory_order order) noexcept {
        return modify([&](T old) { return static_cast<T>(old | bits); }, order);
    }
    T fetch_and(T bits, std::memory_order order) noexcept {
        return modify([&](T old) { return static_cast<T>(old & bits); }, order);
    }
    // Succeeds on the newest value only; a failure may have read an older one.
    [[gnu::noinline]] bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                                   std::memory_order failure) noexcept {
        if (!begins()) {
            bool const same = newest().value == expected;
            if (same) replace(desired);
            else expected = newest().value;
            return same;
        }
        std::uint32_t const number = choose_visible(failure, &expected);
        if (!(at(number).value == expected)) {
            expected = see(number, failure);
            return false;
        }
        auto const place = enter(success);
        auto const carried = newest().released;
        see(count_ - 1, success == seq_cst ? acq_rel : success);
        push(desired, success, place, &carried);
        return true;
    }
    // Does not fail for no reason: that would only repeat the loops around it.
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) noexcept {
        return compare_exchange_strong(expected, desired, success, failure);
    }

    [[gnu::noinline]] void wait(T old, std::memory_order order) const noexcept {
        while (begins() && newest().value == old) engine().park(this);
        if (engine().thread() >= 0) see(count_ - 1, order);
    }
    [[gnu::noinline]] void notify_one() noexcept {
        begins();
        engine().wake(this, false);
    }
    [[gnu::noinline]] void notify_all() noexcept {
        begins();
        engine().wake(this, true);
    }

private:
    using clock_vector = model::clock_vector;
    using operations = model::total_order::operations;
    static constexpr std::uint32_t remembered = 4;
    static constexpr std::size_t no_place = model::total_order::most;

    struct knowledge { // what an acquire of a store learns
        clock_vector time{};
        clock_vector sees{};
        operations order; // seq_cst operations that stand before
    };
    struct record {
        T value{};
        knowledge released;
        clock_vector made{}; // what the writer knew
        int writer = -1;
        std::uint32_t number = 0; // among all stores
        std::size_t place = no_place; // of the store in the order of seq_cst operations
        operations users;             // the store and its loads, as far as they are seq_cst
    };
    // A thread's own time at which it saw, or stored, a value.
    struct sighting {
        std::uint32_t time, number;
    };

    static model::explorer& engine() noexcept { return *model::explorer::running(); }
    static bool acquires(std::memory_order order) noexcept { return order != relaxed && order != release; }
    static bool releases(std::memory_order order) noexcept { return order != relaxed && order != acquire; }

    // False outside of the model's threads.
    bool begins() const noexcept {
        engine().touched(id_);
        if (engine().thread() < 0) return false;
        engine().step();
        engine().touched(id_); // another thread may have gone on meanwhile
        auto const me = static_cast<std::size_t>(engine().thread());
        used_[me] = engine().time()[me];
        return true;
    }
    record& at(std::uint32_t number) const noexcept { return history_[number % remembered]; }
    record& newest() const noexcept { return at(count_ - 1); }
    std::uint32_t oldest_kept() const noexcept {
        return count_ > first_ + remembered ? count_ - remembered : first_;
    }

    void note_sight(std::uint32_t number) const noexcept {
        auto const me = static_cast<std::size_t>(engine().thread());
        auto& mine = sights_[me];
        if (mine.front().number >= number) return;
        for (std::size_t n = mine.size() - 1; n > 0; --n) mine[n] = mine[n - 1];
        mine.front() = {engine().time()[me], number};
    }
    // Nothing older than what any thread saw or stored in what happened before now, or than what this one waited for.
    std::uint32_t oldest_visible() const noexcept {
        std::uint32_t oldest = oldest_kept();
        if (auto const in_the_end = engine().seen_in_the_end(); in_the_end > 0)
            for (std::uint32_t n = oldest + 1; n < count_ && at(n).number <= in_the_end; ++n) oldest = n;
        for (std::size_t n = 0; n < sights_.size(); ++n)
            for (sighting const& one : sights_[n])
                if (one.time <= engine().time()[n] || one.time <= engine().sees()[n]) {
                    if (oldest < one.number) oldest = one.number;
                    break; // those behind it are older
                }
        return oldest;
    }
    // The number of a value that may be seen now; of the older ones, none that equals `other_than`.
    std::uint32_t choose_visible(std::memory_order order, T const* other_than) const noexcept {
        std::array<std::uint32_t, remembered> allowed{count_ - 1};
        unsigned count = 1;
        for (std::uint32_t number = count_ - 1, oldest = oldest_visible(); number-- > oldest;) {
            if constexpr (requires(T const& value) { value == value; })
                if (other_than && at(number).value == *other_than) continue;
            if (order == seq_cst && !engine().order_allows(users_before(number), users_after(number))) continue;
            allowed[count++] = number;
        }
        return allowed[engine().choose(count)];
    }
    // The seq_cst operations that stand before, and after, one that sees this value.
    operations users_before(std::uint32_t number) const noexcept {
        operations all = users_of_older_;
        for (std::uint32_t n = oldest_kept(); n < number; ++n) all |= at(n).users;
        if (at(number).place != no_place) all.set(at(number).place);
        return all;
    }
    operations users_after(std::uint32_t number) const noexcept {
        operations all;
        for (std::uint32_t n = number + 1; n < count_; ++n) all |= at(n).users;
        return all;
    }
    // Of a store that is to come, or of a read-modify-write.
    std::size_t enter(std::memory_order order) const noexcept {
        return order == seq_cst ? engine().enter_order(users_before(count_ - 1) | newest().users, {}) : no_place;
    }
    T see(std::uint32_t number, std::memory_order order) const noexcept {
        record& one = at(number);
        std::size_t place = no_place;
        if (order == seq_cst) {
            place = engine().enter_order(users_before(number), users_after(number));
            one.users.set(place);
        }
        note_sight(number);
        if (acquires(order)) {
            model::join(engine().time(), one.released.time);
            model::join(engine().sees(), one.released.sees);
            engine().stands_after() |= one.released.order;
        }
        if (place != no_place) engine().stands_after().set(place);
        return one.value;
    }
    void push(T value, std::memory_order order, std::size_t place, knowledge const* carried) noexcept {
        int const me = engine().thread();
        auto& time = engine().time();
        if (count_ >= remembered) users_of_older_ |= at(count_).users; // falls out of the history
        record& one = at(count_++);
        one = {value, {}, time, me, engine().stored(), place, {}};
        if (releases(order)) one.released = {time, engine().sees(), engine().stands_after()};
        if (carried) { // a release sequence goes on through read-modify-writes
            model::join(one.released.time, carried->time);
            model::join(one.released.sees, carried->sees);
            one.released.order |= carried->order;
        }
        if (place != no_place) {
            one.users.set(place);
            engine().stands_after().set(place);
        }
        note_sight(count_ - 1);
        ++time[static_cast<std::size_t>(me)]; // what follows is not part of what was released
    }
    // Outside of the threads nothing older is left to see.
    void replace(T value) noexcept {
        first_ = count_;
        record& one = at(count_++);
        one = {};
        one.value = value;
    }
    template <class F>
    [[gnu::noinline]] T modify(F change, std::memory_order order) noexcept {
        if (!begins()) {
            T const old = newest().value;
            replace(change(old));
            return old;
        }
        auto const place = enter(order);
        auto const carried = newest().released;
        T const old = see(count_ - 1, order == seq_cst ? acq_rel : order);
        push(change(old), order, place, &carried);
        return old;
    }
    // For a load that takes effect late: any value but those whose store it happens before.
    static T settle(void const* from, std::uint32_t oldest, std::uint32_t thread, std::uint32_t time) {
        auto const& self = *static_cast<atomic const*>(from);
        if (oldest < self.oldest_kept()) oldest = self.oldest_kept();
        std::array<std::uint32_t, remembered> allowed{};
        unsigned count = 0;
        for (std::uint32_t number = self.count_; number-- > oldest;)
            if (self.at(number).writer < 0 || self.at(number).made[thread] < time) allowed[count++] = number;
        if (count == 0) engine().fail("more values than are kept");
        return self.at(allowed[engine().choose(count)]).value;
    }

    std::size_t const id_;
    std::uint32_t first_ = 0; // the value that all threads know
    std::uint32_t count_ = 1;
    mutable std::array<record, remembered> history_{};
    operations users_of_older_; // than what is remembered
    mutable clock_vector used_{};
    mutable std::array<std::array<sighting, remembered>, model::max_threads> sights_{}; // newest first
};

} // namespace weir
