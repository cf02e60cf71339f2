// bench/queue/contenders/mutex_deque.hpp: what everybody writes first, and what nobody may be slower than.
#pragma once

#include "contender.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>

namespace bench {

struct mutex_deque {
    static constexpr auto name = "mutex + deque";
    std::mutex mutex;
    std::deque<item> values;

    bool push(item value) { return push_n({&value, 1}) == 1; }
    bool pop(item& value) { return pop_n({&value, 1}) == 1; }
    std::size_t push_n(std::span<item> from) {
        std::lock_guard const lock{mutex};
        auto const count = std::min(from.size(), room - values.size());
        for (item const value : from.first(count)) values.push_back(value);
        return count;
    }
    std::size_t pop_n(std::span<item> into) {
        std::lock_guard const lock{mutex};
        auto const count = std::min(into.size(), values.size());
        for (item& value : into.first(count)) {
            value = values.front();
            values.pop_front();
        }
        return count;
    }
};

} // namespace bench
