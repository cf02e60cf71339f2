// bench/queue/contenders/crossbeam.hpp: crossbeam's ArrayQueue, compiled from Rust and linked in.
// Each operation is a call through C that is not inlined, which costs it about a nanosecond that Rust would not pay.
#pragma once

#include "contender.hpp"

#include <cstddef>

#if WEIR_BENCH_CROSSBEAM
extern "C" {
void* crossbeam_new(std::size_t capacity);
void crossbeam_delete(void* queue);
bool crossbeam_push(void* queue, std::uint64_t value);
bool crossbeam_pop(void* queue, std::uint64_t* value);
}
#endif

namespace bench {

struct crossbeam_array {
    static constexpr auto name = "crossbeam ArrayQueue";
#if WEIR_BENCH_CROSSBEAM
    void* const queue = crossbeam_new(room);

    crossbeam_array() = default;
    crossbeam_array(crossbeam_array const&) = delete;
    crossbeam_array& operator=(crossbeam_array const&) = delete;
    ~crossbeam_array() { crossbeam_delete(queue); }
    bool push(item value) { return crossbeam_push(queue, value); }
    bool pop(item& value) { return crossbeam_pop(queue, &value); }
#else
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
#endif
};

} // namespace bench
