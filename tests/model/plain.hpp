// tests/model/plain.hpp: what threads hand to each other besides atomics, and how a missing order between them shows.
#pragma once

#include "explorer.hpp"

#include <unordered_map>

namespace weir::model {

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
                if (static_cast<int>(n) != me && read_[n] > engine.time()[n])
                    engine.fail("a data race: written while read");
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

// Remembers who used which place, so that two values that lie in one place after each other are ordered, too. A model
// that passes parcels has one of these, made before them.
class places : immovable {
public:
    places() noexcept { current_ = this; }
    ~places() { current_ = nullptr; }
    static plain<int>& at(void const* place) { return current_->seen_[place]; }

private:
    static inline places* current_ = nullptr;
    std::unordered_map<void const*, plain<int>> seen_;
};

// A value that uses its place when it is made, moved, asked and ended.
class parcel {
public:
    explicit parcel(int content) noexcept { places::at(this).set(content); }
    parcel(parcel&& other) noexcept { places::at(this).set(other.take()); }
    parcel& operator=(parcel&& other) noexcept {
        places::at(this).set(other.take());
        return *this;
    }
    ~parcel() { places::at(this).set(ended); }
    int content() const noexcept {
        int const found = places::at(this).get();
        check(found != ended, "a value was used after its end");
        return found;
    }

private:
    static constexpr int ended = -1;
    int take() noexcept {
        int const found = content();
        places::at(this).set(0);
        return found;
    }
};

// A value for an atomic, whose load takes effect at the first `get`, not where it stands: a processor may do a load
// late, and it then finds what was stored meanwhile, short of stores that the load happens before. This is the load
// buffering that other atomics of a model lack; the later `get` is called, the more is seen. Ask one copy, once.
template <class T>
class late {
public:
    // The value that a load made by `thread` at `time` gets, of those from `oldest` on.
    using settle_function = late (*)(void const* from, std::uint32_t oldest, std::uint32_t thread, std::uint32_t time);

    late() = default;
    late(T value) noexcept : value_{value} {}
    late(settle_function settle, void const* from, std::uint32_t oldest, std::uint32_t thread,
         std::uint32_t time) noexcept
        : settle_{settle}, from_{from}, oldest_{oldest}, thread_{thread}, time_{time} {}

    T get() const noexcept { return settle_ ? settle_(from_, oldest_, thread_, time_).get() : value_; }
    explicit operator bool() const noexcept { return settle_ || value_ != T{}; }

private:
    T value_{};
    settle_function settle_ = nullptr;
    void const* from_ = nullptr;
    std::uint32_t oldest_ = 0, thread_ = 0, time_ = 0;
};

template <class T>
inline constexpr bool is_late = false;
template <class T>
inline constexpr bool is_late<late<T>> = true;

} // namespace weir::model
