// bench/memory/workloads.hpp: what is done to an allocator, each workload written once for all contenders.
// Every block is written to once, as the frame of a coroutine is.
#pragma once

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <weir/cpu/pause.hpp>
#include <weir/queue/spsc.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace bench {

inline constexpr std::size_t frame_bytes = 128;

// Writes to the block, such that the compiler cannot do without it.
inline void touch(void* block, std::uint64_t value) {
    auto* const word = ::new (block) std::uint64_t{value};
    keep(*word);
}

// An operation is one block taken and given back at once.
template <class Allocator>
auto pair() {
    return [](std::uint64_t times) {
        [[maybe_unused]] typename Allocator::visit const visit;
        for (std::uint64_t n = 0; n < times; ++n) {
            void* const block = Allocator::get(frame_bytes);
            touch(block, n);
            Allocator::put(block, frame_bytes);
        }
    };
}

// Sizes of 64 to 960 bytes, every contender's the same.
inline std::vector<std::size_t> random_sizes(std::size_t count) {
    std::mt19937_64 random{20};
    std::uniform_int_distribution<std::size_t> size{64, 960};
    std::vector<std::size_t> sizes(count);
    for (std::size_t& one : sizes) one = size(random);
    return sizes;
}

// Sixteen blocks of random sizes taken, then given back in reverse: the frames of a chain of calls. An operation is one
// of the blocks, taken and given back.
template <class Allocator>
auto chain() {
    constexpr std::size_t depth = 16;
    return [sizes = random_sizes(64 * depth)](std::uint64_t times) {
        [[maybe_unused]] typename Allocator::visit const visit;
        std::array<void*, depth> blocks{};
        for (std::uint64_t n = 0; n < times; n += depth) {
            std::size_t const* const size = &sizes[n % sizes.size()];
            for (std::size_t k = 0; k < depth; ++k) {
                blocks[k] = Allocator::get(size[k]);
                touch(blocks[k], n);
            }
            for (std::size_t k = depth; k-- > 0;) Allocator::put(blocks[k], size[k]);
        }
    };
}

// One thread takes, the other gives back; 1024 blocks may be on their way. An operation is one block.
template <class Allocator>
auto hand_over(core_pair cores) {
    return [=, ring = std::make_shared<weir::spsc<void*>>(1024)](std::uint64_t times) {
        std::uint64_t sum = 0;
        double const took = race({{[&] {
            [[maybe_unused]] typename Allocator::visit const visit;
            for (std::uint64_t n = 1; n <= times; ++n) {
                void* const block = Allocator::get(frame_bytes);
                touch(block, n);
                weir::backoff wait;
                while (!ring->try_push(block)) wait();
            }
        }, cores.one}, {[&] {
            [[maybe_unused]] typename Allocator::visit const visit;
            for (std::uint64_t n = 0; n < times; ++n) {
                auto block = ring->try_pop();
                for (weir::backoff wait; !block; block = ring->try_pop()) wait();
                sum += *static_cast<std::uint64_t*>(*block);
                Allocator::put(*block, frame_bytes);
            }
        }, cores.other}});
        must_equal(sum, times * (times + 1) / 2, Allocator::name);
        return took;
    };
}

} // namespace bench
