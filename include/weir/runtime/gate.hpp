// weir/runtime/gate.hpp: lets in until it is shut; who shuts it waits until those inside have left.
// Progress: enter and leave are lock-free.
// For:      authors of primitives: runtime.hpp, whose spawns come through it.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/pause.hpp>

namespace weir::inline v0 {

// Threads: any, for every function.
class gate : immovable {
public:
    // False once it is shut; else `leave` must follow.
    bool enter() noexcept;
    void leave() noexcept { word_.fetch_sub(one_inside, release); } // [gate]
    // Nobody enters from here on. Waits for those inside, in whose place the caller must not be; also when called again.
    void shut() noexcept;

    // Leaves at the end of its life.
    class visit : immovable {
    public:
        explicit visit(gate& of) noexcept : of_{of}, entered_{of.enter()} {}
        ~visit() {
            if (entered_) of_.leave();
        }
        explicit operator bool() const noexcept { return entered_; }

    private:
        gate& of_;
        bool const entered_;
    };

private:
    // Bit 0: it is shut; above it the number of those inside.
    static constexpr unsigned is_shut = 1;
    static constexpr unsigned one_inside = 2;
    atomic<unsigned> word_{0};
};

inline bool gate::enter() noexcept {
    auto now = word_.load(relaxed); // the exchange decides
    do {
        if (now & is_shut) return false;
    } while (!word_.compare_exchange_weak(now, now + one_inside, acquire, relaxed)); // [gate]
    return true;
}

inline void gate::shut() noexcept {
    word_.fetch_or(is_shut, acq_rel); // [gate]
    backoff wait;
    while (word_.load(acquire) != is_shut) wait(); // [gate] who was let in comes through
}

} // namespace weir
