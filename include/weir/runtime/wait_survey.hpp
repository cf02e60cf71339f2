// weir/runtime/wait_survey.hpp: all waits of a runtime at one time, with those who await who waits, and who holds what.
// Who waits for what another holds, who waits in turn, may come back to himself: those cycles are found here.
// For:      authors of primitives: dump.hpp.
#pragma once

#include <weir/coro/wait_book.hpp>
#include <weir/runtime/await_chain.hpp>
#include <weir/runtime/runtime.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <source_location>
#include <span>
#include <vector>

namespace weir::inline v0 {

// One who waits.
class wait_sight {
public:
    wait_sight() noexcept {}

    // The coroutine that waits, then each that awaits the one before, or has opened its scope.
    std::span<frame_sight const> chain() const noexcept { return std::span{frames}.first(count); }
    bool is_inside(std::uintptr_t frame, std::uintptr_t function) const noexcept {
        auto const all = chain();
        return std::any_of(all.begin(), all.end(),
                           [=](auto const& one) { return one.frame == frame && one.function == function; });
    }

    std::array<frame_sight, 32> frames;
    std::size_t count = 0;
    std::source_location where;
    std::uintptr_t awaits = 0;
    wait_text text;
    time_point since;
    unsigned worker = 0;
};

// One who holds what others may wait for. The coroutine is the one that has got it; it may run, or be gone.
class hold_sight {
public:
    hold_sight() noexcept {}

    std::uintptr_t frame = 0;
    std::uintptr_t function = 0;
    std::source_location where;
    time_point since;
};

class wait_survey {
public:
    // Each wait is seen under the lock that keeps it from ending, and no two at the same moment: of those that come and
    // go meanwhile a part is seen. What stands still is seen whole.
    wait_survey(runtime& of, await_chain const& coroutines);

    std::vector<wait_sight> const& waits() const noexcept { return waits_; }
    // Those for which there was no room.
    std::size_t unseen() const noexcept { return unseen_; }
    // Null where nobody is known to hold it.
    hold_sight const* holder_of(void const* object) const {
        auto const found = holds_.find(object);
        return found == holds_.end() ? nullptr : &found->second;
    }
    // A wait of that coroutine, or of one that it awaits; null where there is none.
    wait_sight const* wait_below(hold_sight const& one) const {
        auto const found = std::find_if(waits_.begin(), waits_.end(),
                                        [&](auto const& each) { return each.is_inside(one.frame, one.function); });
        return found == waits_.end() ? nullptr : &*found;
    }
    // Waits of which each is for something that the next one's coroutine holds, or one that awaits it; and the last one's
    // is held by the first. Each wait is in one cycle at most.
    std::vector<std::vector<wait_sight const*>> cycles() const;

private:
    std::vector<wait_sight> waits_;
    std::map<void const*, hold_sight> holds_;
    std::size_t unseen_ = 0;
};

inline wait_survey::wait_survey(runtime& of, await_chain const& coroutines) {
    waits_.reserve(of.figures().tasks_live * 2 + 256); // beforehand, as nobody may allocate under the book's locks
    wait_book::for_each([&](wait_entry const& one) {
        auto const worker = of.number_of(one.worker);
        if (!worker) return;
        if (waits_.size() == waits_.capacity()) {
            ++unseen_;
            return;
        }
        wait_sight& seen = waits_.emplace_back();
        auto at = coroutines.look(reinterpret_cast<std::uintptr_t>(one.who.address()));
        for (; at.function != 0 && seen.count < seen.frames.size(); at = coroutines.look(at.awaiter))
            seen.frames[seen.count++] = at;
        seen.where = one.where;
        seen.awaits = one.awaits;
        if (one.describe) one.describe(one.key, seen.text);
        seen.since = one.since;
        seen.worker = *worker;
    });
    for (auto const& each : waits_)
        if (each.text.object) holds_.try_emplace(each.text.object); // what nobody waits for is nobody's trouble
    wait_book::for_each_hold([&](wait_entry const& one) {
        auto const found = holds_.find(one.key);
        if (found == holds_.end()) return;
        found->second.frame = reinterpret_cast<std::uintptr_t>(one.who.address());
        found->second.function = one.function;
        found->second.where = one.where;
        found->second.since = one.since;
    });
    std::erase_if(holds_, [](auto const& each) { return each.second.frame == 0; });
}

inline std::vector<std::vector<wait_sight const*>> wait_survey::cycles() const {
    std::vector<std::vector<wait_sight const*>> found;
    std::map<wait_sight const*, std::size_t> seen; // the walk in which it was first met
    std::size_t walk = 0;
    for (auto const& first : waits_) {
        std::vector<wait_sight const*> path;
        ++walk;
        // One thing is waited for at a time, and held by one, so there is one way to go on; of several who wait below the
        // holder, as the children of its scope, the first is taken unless another leads back.
        for (auto const* at = &first; at;) {
            if (auto const [place, fresh] = seen.try_emplace(at, walk); !fresh) {
                if (place->second == walk) found.emplace_back(std::find(path.begin(), path.end(), at), path.end());
                break;
            }
            path.push_back(at);
            auto const* const holder = at->text.object ? holder_of(at->text.object) : nullptr;
            if (!holder) break;
            auto const back = std::find_if(path.begin(), path.end(), [&](auto const* each) {
                return each->is_inside(holder->frame, holder->function);
            });
            at = back != path.end() ? *back : wait_below(*holder);
        }
    }
    return found;
}

} // namespace weir
