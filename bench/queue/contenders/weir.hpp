// bench/queue/contenders/weir.hpp: our queues.
#pragma once

#include "contender.hpp"

#include <weir/queue/mpmc.hpp>
#include <weir/queue/spsc.hpp>
#include <weir/queue/unbounded.hpp>

#include <cstddef>
#include <span>

namespace bench {

bool pop_of(auto& from, item& value) {
    auto const found = from.try_pop();
    if (!found) return false;
    value = *found;
    return true;
}

template <class Ring>
struct weir_ring {
    Ring ring{room};

    bool push(item value) { return ring.try_push(value); }
    bool pop(item& value) { return pop_of(ring, value); }
    std::size_t push_n(std::span<item> values) { return ring.try_push_n(values); }
    std::size_t pop_n(std::span<item> values) { return ring.try_pop_n(values); }
};

struct weir_spsc : weir_ring<weir::spsc<item>> {
    static constexpr auto name = "weir spsc";
};

struct weir_mpmc : weir_ring<weir::mpmc<item>> {
    static constexpr auto name = "weir mpmc";
};

struct weir_unbounded {
    static constexpr auto name = "weir unbounded, tokens";
    weir::unbounded<item> queue;

    struct producer {
        weir::unbounded<item>::producer to;
        explicit producer(weir_unbounded& of) : to{of.queue} {}
        bool push(item value) { return to.try_push(value); }
        std::size_t push_n(std::span<item> values) { return to.try_push_n(values); }
    };
    struct consumer {
        weir::unbounded<item>::consumer from;
        explicit consumer(weir_unbounded& of) : from{of.queue} {}
        bool pop(item& value) { return pop_of(from, value); }
        std::size_t pop_n(std::span<item> values) { return from.try_pop_n(values); }
    };
};

} // namespace bench
