// bench/queue/contenders/cache_line.hpp: one word on a line of its own, which is as fast as a message can be.
// Not: a queue: it holds one item, the next one overwrites it, and each must differ from the one before.
#pragma once

#include "contender.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>

namespace bench {

struct raw_cache_line {
    static constexpr auto name = "raw cache line";
    struct alignas(weir::cache_line) {
        weir::atomic<item> word{0};
    } sent;
    // The consumer's own.
    struct alignas(weir::cache_line) {
        item seen = 0;
    } taken;

    bool push(item value) {
        sent.word.store(value, weir::release); // [sent]
        return true;
    }
    bool pop(item& value) {
        value = sent.word.load(weir::acquire); // [sent]
        if (value == taken.seen) return false;
        taken.seen = value;
        return true;
    }
};

} // namespace bench
