// weir/coro/shared_priority.hpp: the priority of work that is done for several, as the most urgent of them has it now.
// It rises while the work is under way, on several threads perhaps, so it is no member of the context that the work was
// given. It is looked up by the context's origin, which whatever the work awaits and narrows has inherited.
// Who wakes such work asks where that goes on now. The context's own executor stays what it was, because others may keep
// it for longer than this work lasts.
// Not:      told to what is queued already: that goes as it was queued, and is woken at the new one next time.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>

#include <cstdint>

namespace weir::inline v0 {

namespace detail {

class alignas(void*) shared_priority : immovable {
public:
    // What context::origin says of work that is done for this one. Bit 0 tells it from an origin that shares nothing.
    void const* origin() const noexcept { return reinterpret_cast<char const*>(this) + 1; }
    // The one that this is done for; null where it is done for one alone.  Needs: to be called by, or for, that work.
    static shared_priority* of_origin(void const* origin) noexcept {
        auto const bits = reinterpret_cast<std::uintptr_t>(origin);
        return bits & 1 ? reinterpret_cast<shared_priority*>(bits - 1) : nullptr;
    }

    // Threads: any. A look may be late by a rise that nothing orders before it.
    priority level() const noexcept { return level_.load(relaxed); } // a number: nothing is published by it
    // What its context says, and a narrower one that does not say otherwise.
    priority given_level() const noexcept { return given_; }

    // Before it begins: its context has this priority.
    void is_given(priority level) noexcept {
        given_ = level;
        level_.store(level, relaxed); // not yet known to others
    }
    // One more wants it, who is as urgent as that.  Needs: one at a time; its owner locks.
    void rises_to(priority wanted) noexcept {
        if (wanted < level_.load(relaxed)) level_.store(wanted, relaxed); // own word, by the lock; high is the least
    }

private:
    atomic<priority> level_{priority::low};
    priority given_ = priority::low;
};

static_assert(alignof(shared_priority) > 1);

} // namespace detail

// The priority that holds now: of what is done for several the highest of theirs, unless it was given another by itself.
inline priority priority_of(context const& here) noexcept {
    auto const* const shared = detail::shared_priority::of_origin(here.origin);
    return shared && here.priority == shared->given_level() ? shared->level() : here.priority;
}

// Where what is done in the context `here` goes on.  Cost: a test of one bit where it is done for one alone.
inline executor_ref executor_of(context const& here) noexcept {
    priority const now = priority_of(here);
    return now == here.priority ? here.executor : here.executor.at(now);
}

} // namespace weir
