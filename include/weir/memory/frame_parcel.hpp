// weir/memory/frame_parcel.hpp: blocks of one frame pool, freed on another thread, that go home together.
// A chain of blocks would be written link by link here and read link by link there, each a line that changes cores. So
// one block carries a list of the others, whose lines are not touched on the way.
// For:      authors of primitives: frame_pool.hpp.
#pragma once

#include <weir/memory/frame_block.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace weir::inline v0 {

class frame_parcel {
    // A block and its size class, which has the bits that its alignment leaves.
    enum class entry : std::uintptr_t {};
    static constexpr std::size_t class_bits = alignof(frame_block) - 1;
    static_assert(frame_block::classes <= class_bits + 1);

public:
    // What a block of the smallest class can carry, and that block.
    static constexpr std::size_t capacity = (frame_block::step - sizeof(frame_block)) / sizeof(entry) + 1;

    // Whose the blocks are; null when there are none.
    frame_pool* owner() const noexcept { return owner_; }
    std::size_t size() const noexcept { return size_; }
    bool full() const noexcept { return size_ == capacity; }

    // Needs: not full, and the blocks in it are of the same owner.
    void add(frame_block* freed, frame_pool* owner, std::size_t size_class) noexcept {
        owner_ = owner;
        entries_[size_++] = entry{reinterpret_cast<std::uintptr_t>(freed) | size_class};
    }
    void clear() noexcept {
        owner_ = nullptr;
        size_ = 0;
    }
    // Writes the list into one of the blocks, which stands for all until `unload`.  Needs: size() > 0.
    frame_block* load() const noexcept;

    // Calls `sink(block, size_class)` for each block here.
    template <class Sink>
    void for_each(Sink sink) const {
        for (std::size_t n = 0; n < size_; ++n) sink(block_of(entries_[n]), class_of(entries_[n]));
    }
    // The same for all that the chain of `carriers` brings. The carriers' owner is overwritten.
    template <class Sink>
    static void unload(frame_block* carriers, Sink sink);

private:
    using manifest = std::array<entry, capacity - 1>; // in the carrier's frame
    static_assert(sizeof(frame_block) + sizeof(manifest) <= frame_block::step);

    static frame_block* block_of(entry which) noexcept {
        return reinterpret_cast<frame_block*>(static_cast<std::uintptr_t>(which) & ~std::uintptr_t{class_bits});
    }
    static std::size_t class_of(entry which) noexcept { return static_cast<std::uintptr_t>(which) & class_bits; }

    // A carrier's label: its size class, and above that the number of the others.
    static std::size_t label_of(std::size_t size_class, std::size_t others) noexcept {
        return others * frame_block::classes + size_class;
    }

    frame_pool* owner_ = nullptr;
    std::size_t size_ = 0;
    std::array<entry, capacity> entries_; // the first size_
};

inline frame_block* frame_parcel::load() const noexcept {
    auto const others = size_ - 1;
    frame_block* const carrier = block_of(entries_[others]);
    auto const size_class = class_of(entries_[others]);
    auto& list = *::new (carrier->pick_up(size_class)) manifest;
    for (std::size_t n = 0; n < others; ++n) list[n] = entries_[n];
    carrier->label = label_of(size_class, others);
    return carrier;
}

template <class Sink>
void frame_parcel::unload(frame_block* carriers, Sink sink) {
    while (frame_block* const carrier = carriers) {
        carriers = carrier->next; // before the sink takes it
        auto const label = carrier->label;
        auto const& list = *std::launder(static_cast<manifest*>(carrier->frame()));
        for (std::size_t n = 0; n < label / frame_block::classes; ++n) sink(block_of(list[n]), class_of(list[n]));
        sink(carrier, label % frame_block::classes);
    }
}

} // namespace weir
