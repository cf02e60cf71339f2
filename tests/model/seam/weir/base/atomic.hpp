// tests/model/seam/weir/base/atomic.hpp: the atomics of a model, which takes the place of weir's own.
// Every operation is a step of the explorer. Outside of its threads the operations are plain.
#pragma once

#include "../../../explorer.hpp"

#include <atomic>

namespace weir {

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

// Its functions are not inlined, so that no compiler reasons about an object that has ended: the explorer judges that.
template <class T>
class atomic {
public:
    [[gnu::noinline]] atomic(T value = T{}) noexcept : id_{model::explorer::running()->born()} {
        history_[0] = {value, {}, -1, 0};
    }
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;
    [[gnu::noinline]] ~atomic() {
        model::explorer::running()->touched(id_);
        model::explorer::running()->died(id_);
    }

    [[gnu::noinline]] T load(std::memory_order order) const noexcept {
        if (!begins()) return newest().value;
        if (order == seq_cst) model::join(engine().time(), engine().order_of_all());
        std::uint32_t const oldest = oldest_visible();
        std::uint32_t const back = engine().takes_newest() ? 0 : engine().choose(count_ - oldest);
        return see(count_ - 1 - back, order);
    }
    [[gnu::noinline]] void store(T value, std::memory_order order) noexcept {
        if (!begins()) return replace(value);
        push(value, order, nullptr);
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
    [[gnu::noinline]] bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                                   std::memory_order failure) noexcept {
        if (!begins()) {
            bool const same = newest().value == expected;
            if (same) replace(desired);
            else expected = newest().value;
            return same;
        }
        if (!(newest().value == expected)) {
            expected = see(count_ - 1, failure);
            return false;
        }
        clock_vector const carried = newest().released;
        see(count_ - 1, success);
        push(desired, success, &carried);
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
    static constexpr std::uint32_t remembered = 4;

    struct record {
        T value;
        clock_vector released; // what an acquire of this store learns
        int writer;
        std::uint32_t at; // the writer's own time
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
        return true;
    }
    record& at(std::uint32_t number) const noexcept { return history_[number % remembered]; }
    record& newest() const noexcept { return at(count_ - 1); }
    std::uint32_t& seen_by_me() const noexcept { return seen_[static_cast<std::size_t>(engine().thread())]; }

    // Nothing older than what this thread saw, or than the last store that happens before now.
    std::uint32_t oldest_visible() const noexcept {
        std::uint32_t const kept = count_ > remembered ? count_ - remembered : 0;
        std::uint32_t oldest = seen_by_me() > kept ? seen_by_me() : kept;
        for (std::uint32_t n = count_ - 1; n > oldest; --n)
            if (at(n).writer < 0 || at(n).at <= engine().time()[static_cast<std::size_t>(at(n).writer)]) return n;
        return oldest;
    }
    T see(std::uint32_t number, std::memory_order order) const noexcept {
        seen_by_me() = number;
        if (acquires(order)) model::join(engine().time(), at(number).released);
        return at(number).value;
    }
    void push(T value, std::memory_order order, clock_vector const* carried) noexcept {
        int const me = engine().thread();
        auto& time = engine().time();
        if (order == seq_cst) {
            model::join(time, engine().order_of_all());
            model::join(engine().order_of_all(), time);
        }
        clock_vector released{};
        if (releases(order)) released = time;
        if (carried) model::join(released, *carried); // a release sequence goes on through read-modify-writes
        ++count_;
        newest() = {value, released, me, time[static_cast<std::size_t>(me)]};
        seen_by_me() = count_ - 1;
        ++time[static_cast<std::size_t>(me)]; // what follows is not part of what was released
        engine().stored();
    }
    void replace(T value) noexcept {
        ++count_;
        newest() = {value, {}, -1, 0};
    }
    template <class F>
    [[gnu::noinline]] T modify(F change, std::memory_order order) noexcept {
        if (!begins()) {
            T const old = newest().value;
            replace(change(old));
            return old;
        }
        if (order == seq_cst) model::join(engine().time(), engine().order_of_all());
        clock_vector const carried = newest().released;
        T const old = see(count_ - 1, order);
        push(change(old), order, &carried);
        return old;
    }

    std::size_t const id_;
    std::uint32_t count_ = 1;
    mutable std::array<record, remembered> history_{};
    mutable std::array<std::uint32_t, model::max_threads> seen_{};
};

namespace model {

// Plain memory that notices when two threads use it and nothing orders them.
template <class T>
class plain {
public:
    explicit plain(T value = T{}) noexcept : value_{value} {}
    T get() noexcept {
        auto& engine = *explorer::running();
        if (int const me = engine.thread(); me >= 0) {
            ordered_after_writer(engine, me);
            read_[static_cast<std::size_t>(me)] = engine.time()[static_cast<std::size_t>(me)];
        }
        return value_;
    }
    void set(T value) noexcept {
        auto& engine = *explorer::running();
        if (int const me = engine.thread(); me >= 0) {
            ordered_after_writer(engine, me);
            for (std::size_t n = 0; n < read_.size(); ++n)
                if (static_cast<int>(n) != me && read_[n] > engine.time()[n]) engine.fail("a data race: written while read");
            writer_ = me;
            written_ = engine.time()[static_cast<std::size_t>(me)];
        }
        value_ = value;
    }

private:
    void ordered_after_writer(explorer& engine, int me) noexcept {
        if (writer_ >= 0 && writer_ != me && written_ > engine.time()[static_cast<std::size_t>(writer_)])
            engine.fail("a data race: used while written");
    }
    T value_;
    int writer_ = -1;
    std::uint32_t written_ = 0;
    clock_vector read_{};
};

} // namespace model

} // namespace weir
