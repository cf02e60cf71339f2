// weir/memory/shared_block.hpp: a run of bytes and the count of who holds it, in one allocation.
// For:      authors of primitives: bytes.hpp and buffer.hpp, between which it passes without a copy.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

namespace weir {

class alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) shared_block : immovable {
public:
    // Room for `capacity` bytes, not initialised, held once.
    // Errors: std::bad_alloc; the end of the program without exceptions.  Cost: one allocation.
    static shared_block* make(std::size_t capacity);

    // One more holder.  Threads: any holder.
    void hold() noexcept { holders_.fetch_add(1, relaxed); } // the caller holds it, so nothing can end meanwhile
    // One holder less; the last one frees it.
    void release_hold() noexcept;
    // True when the caller is the only holder, and then all that others did with the bytes happened before.
    bool unique() const noexcept { return holders_.load(acquire) == 1; } // [drop]

    std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    std::size_t capacity() const noexcept { return capacity_; }

private:
    explicit shared_block(std::size_t capacity) noexcept : capacity_{capacity} {}
    ~shared_block() = default;

    // I1: holders_ is the number of handles that point here; at zero the block is freed by who made it zero.
    // I2: bytes that a second holder can see are not written any more.
    atomic<std::size_t> holders_{1};
    std::size_t const capacity_;
};

inline shared_block* shared_block::make(std::size_t capacity) {
    void* memory = nullptr; // and so it stays for a size that is none
    if (capacity <= SIZE_MAX / 2) memory = ::operator new(sizeof(shared_block) + capacity, std::nothrow);
    if (memory) return ::new (memory) shared_block(capacity);
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a block of bytes");
#endif
}

inline void shared_block::release_hold() noexcept {
    // The only holder needs no read-modify-write: nobody else can raise the count.
    // acq_rel: our use of the bytes before this, that of the others before the last one's free.
    if (!unique() && holders_.fetch_sub(1, acq_rel) != 1) return; // [drop]
    // -----------------------------------------------------------------------------------------------------------------
    this->~shared_block();
    ::operator delete(this);
}

} // namespace weir
