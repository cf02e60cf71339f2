// weir/memory/shared_block.hpp: a run of bytes and the count of who holds it.
// An ordinary block is one allocation, with the bytes behind the count; a lent one belongs to a pool, where it goes
// when nobody holds it any more, and its bytes lie where the pool wants them.
// For:      authors of primitives: bytes.hpp and buffer.hpp, between which it passes without a copy; pools.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

namespace weir::inline v0 {

class alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) shared_block : immovable {
public:
    class lent;

    // Room for `capacity` bytes, not initialised, held once.
    // Errors: std::bad_alloc; the end of the program without exceptions.  Cost: one allocation.
    static shared_block* make(std::size_t capacity);

    // One more holder.  Threads: any holder.
    void hold() noexcept { holders_.fetch_add(1, relaxed); } // the caller holds it, so nothing can end meanwhile
    // One holder less; the last one frees it, or gives it back to its lender.
    void release_hold() noexcept;
    // True when the caller is the only holder, and then all that others did with the bytes happened before.
    bool unique() const noexcept { return holders_.load(acquire) == 1; } // [drop]

    std::byte* data() noexcept;
    std::size_t capacity() const noexcept { return capacity_; }

private:
    enum class kind : std::uint32_t { ordinary, lent };
    shared_block(std::size_t capacity, kind which) noexcept
        : holders_{which == kind::ordinary}, kind_{which}, capacity_{capacity} {}
    ~shared_block() = default;

    // I1: holders_ is the number of handles that point here; who takes away the last one frees the block, or gives it
    //     back, and it is zero while nobody has the block.
    // I2: bytes that a second holder can see are not written any more.
    atomic<std::uint32_t> holders_; // as many handles as would overflow it have no room in 90 GiB
    kind const kind_; // beside the count: who has just taken away the last holder has it at hand
    std::size_t const capacity_;
};

// A block of a pool's memory. The pool derives its entries from it.
class shared_block::lent : public shared_block {
public:
    // What its lender calls it.
    std::uint16_t number() const noexcept { return number_; }
    // From here on the caller holds it, alone.  Needs: nobody does.  Threads: whoever was given it by the lender.
    void lend() noexcept { holders_.store(1, relaxed); } // whoever sees it held was handed it by the caller

protected:
    using taker = void(lent&) noexcept;
    // `take_back` is called by the last holder, on any thread.
    lent(std::byte* data, std::size_t capacity, std::uint16_t number, taker* take_back) noexcept
        : shared_block{capacity, kind::lent}, data_{data}, take_back_{take_back}, number_{number} {}
    ~lent() = default;

private:
    friend shared_block;

    std::byte* const data_;
    taker* const take_back_;
    std::uint16_t const number_;
};

inline shared_block* shared_block::make(std::size_t capacity) {
    void* memory = nullptr; // and so it stays for a size that is none
    if (capacity <= SIZE_MAX / 2) memory = ::operator new(sizeof(shared_block) + capacity, std::nothrow);
    if (memory) return ::new (memory) shared_block(capacity, kind::ordinary);
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a block of bytes");
#endif
}

inline std::byte* shared_block::data() noexcept {
    if (kind_ == kind::lent) return static_cast<lent*>(this)->data_;
    return reinterpret_cast<std::byte*>(this + 1);
}

inline void shared_block::release_hold() noexcept {
    // The only holder needs no read-modify-write: nobody else can raise the count.
    // acq_rel: our use of the bytes before this, that of the others before the last one's free.
    if (!unique() && holders_.fetch_sub(1, acq_rel) != 1) return; // [drop]
    // -----------------------------------------------------------------------------------------------------------------
    if (kind_ == kind::lent) {
        holders_.store(0, relaxed); // keeps I1; still ours until it is taken back
        auto& mine = static_cast<lent&>(*this);
        return mine.take_back_(mine);
    }
    this->~shared_block();
    ::operator delete(this);
}

} // namespace weir
