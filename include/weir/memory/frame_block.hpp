// weir/memory/frame_block.hpp: the memory of one coroutine's frame, with a header in front, in one of 16 sizes.
// For:      authors of primitives: frame_pool.hpp and frame_parcel.hpp.
#pragma once

#include <weir/memory/poison.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

class frame_pool;

// Links lie here and not in the frame, whose lines stay cold.
struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) frame_block {
    union {
        frame_pool* owner; // null: from ::operator new, on a thread without a pool
        std::size_t label; // while it carries a parcel
    };
    frame_block* next; // while in a cache, or carrying a parcel

    static constexpr std::size_t step = 64;
    static constexpr std::size_t classes = 16;

    // Of a frame of 1 to `classes * step` bytes less those of the header.
    static constexpr std::size_t class_of(std::size_t bytes) noexcept { return (bytes + sizeof(frame_block) - 1) / step; }
    // Of the whole block.
    static constexpr std::size_t size_of(std::size_t size_class) noexcept { return (size_class + 1) * step; }

    void* frame() noexcept { return this + 1; }
    static frame_block* of(void* frame) noexcept { return static_cast<frame_block*>(frame) - 1; }

    // Nobody may touch the frame until it is picked up.
    void lay_down(std::size_t size_class) noexcept { poison(frame(), size_of(size_class) - sizeof(frame_block)); }
    void* pick_up(std::size_t size_class) noexcept {
        unpoison(frame(), size_of(size_class) - sizeof(frame_block));
        return frame();
    }
};

} // namespace weir
