// weir/memory/buffer.hpp: bytes being gathered: written at the end, read from the front, frozen without a copy.
// Threads:  one at a time. The bytes that `freeze` and `split` give away may go anywhere.
// Not:      a ring: what is readable is always one contiguous run, for parsers.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/memory/shared_block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

class buffer {
public:
    // Allocates nothing until the first write.
    buffer() = default;
    explicit buffer(std::size_t capacity) { reserve(capacity); }
    buffer(buffer&& other) noexcept;
    buffer& operator=(buffer&& other) noexcept;
    ~buffer() {
        if (block_) block_->release_hold();
    }

    // All the room behind what is readable, at least `at_least` bytes, not initialised: to be filled, by the kernel for
    // instance, and then taken in with `commit`. Voids what `readable` and `prepare` gave before.
    // Errors: std::bad_alloc (ends the program without exceptions), and nothing has changed.
    // Cost:   nothing while there is room; else a move of what is readable, paid for by what was consumed, or a new
    //         block of twice the size.
    std::span<std::byte> prepare(std::size_t at_least);
    // The first `n` of the prepared bytes become readable.  Needs: n <= the length of the latest prepare.
    void commit(std::size_t n) noexcept;
    // Adds a copy.  Needs: `more` is not a part of this buffer.  Errors: as prepare.
    void append(std::span<std::byte const> more);
    void append(std::string_view more) { append(std::as_bytes(std::span{more})); }
    void append(char one);
    // Makes room for `capacity` bytes, readable ones included.  Errors: as prepare.
    void reserve(std::size_t capacity) { prepare(capacity > size() ? capacity - size() : 0); }

    // What was written and not consumed; stays in place until the next write.
    std::span<std::byte const> readable() const noexcept { return {data_ + begin_, size()}; }
    // The same as text.
    std::string_view view() const noexcept { return {reinterpret_cast<char const*>(data_) + begin_, size()}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }
    // Bytes of the block it has, consumed ones included.
    std::size_t capacity() const noexcept { return block_ ? block_->capacity() : 0; }

    // Drops the first `n` readable bytes and moves nothing.  Needs: n <= size().
    void consume(std::size_t n) noexcept;
    // Drops what is readable and keeps the room.
    void clear() noexcept { begin_ = end_; }

    // The first `n` readable bytes as a slice of the block, which the buffer goes on to fill behind them.
    // Needs: n <= size().  Cost: an atomic increment.
    bytes split(std::size_t n) noexcept;
    // All that is readable as bytes that own the block; the buffer is left empty and without one.
    bytes freeze() noexcept;

private:
    friend class block_lease;
    // Takes over the only hold of `block`, of which the first `size` bytes are readable.
    buffer(shared_block& block, std::size_t size) noexcept : block_{&block}, data_{block.data()}, end_{size} {}

    static constexpr std::size_t first_capacity = 256;
    static constexpr std::size_t usual_capacity = 64 * 1024;

    void make_room(std::size_t at_least);

    // I1: begin_ <= end_ <= capacity(); [begin_, end_) is readable, what follows is free to write.
    // I2: slices that were split off lie before begin_, and while there are any that part of the block is not written:
    //     only a unique block is compacted or used from its start again.
    shared_block* block_ = nullptr;
    std::byte* data_ = nullptr; // of block_, which may keep its bytes elsewhere
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

inline buffer::buffer(buffer&& other) noexcept
    : block_{std::exchange(other.block_, nullptr)},
      data_{std::exchange(other.data_, nullptr)},
      begin_{std::exchange(other.begin_, 0)},
      end_{std::exchange(other.end_, 0)} {}

inline buffer& buffer::operator=(buffer&& other) noexcept {
    buffer taken{std::move(other)};
    std::swap(block_, taken.block_);
    std::swap(data_, taken.data_);
    std::swap(begin_, taken.begin_);
    std::swap(end_, taken.end_);
    return *this;
}

inline std::span<std::byte> buffer::prepare(std::size_t at_least) {
    // An empty buffer starts afresh, but not already when it is emptied: what was prepared then stays where it is.
    if (begin_ == end_ && begin_ != 0 && block_->unique()) begin_ = end_ = 0; // keeps I2
    if (capacity() - end_ < at_least) make_room(at_least);
    return {data_ + end_, capacity() - end_};
}

inline void buffer::commit(std::size_t n) noexcept {
    WEIR_ASSERT(n <= capacity() - end_, "more was committed than prepared"); // keeps I1
    end_ += n;
}

inline void buffer::append(std::span<std::byte const> more) {
    if (more.empty()) return;
    std::memcpy(prepare(more.size()).data(), more.data(), more.size());
    commit(more.size());
}

inline void buffer::append(char one) {
    prepare(1)[0] = static_cast<std::byte>(one);
    commit(1);
}

inline void buffer::consume(std::size_t n) noexcept {
    WEIR_ASSERT(n <= size(), "more was consumed than is readable"); // keeps I1
    begin_ += n;
}

inline bytes buffer::split(std::size_t n) noexcept {
    WEIR_ASSERT(n <= size(), "more was split off than is readable");
    if (n == 0) return {};
    block_->hold();
    bytes first{block_, data_ + begin_, n};
    begin_ += n; // keeps I2
    return first;
}

inline bytes buffer::freeze() noexcept {
    if (!block_) return {};
    bytes all{block_, data_ + begin_, size()};
    block_ = nullptr;
    data_ = nullptr;
    begin_ = end_ = 0;
    return all;
}

// Called when the room behind what is readable is too small.
WEIR_COLD inline void buffer::make_room(std::size_t at_least) {
    auto const kept = size();
    // Compacting moves `kept` bytes for `begin_` bytes gained: worth it when it moves no more than was consumed.
    if (block_ && kept <= begin_ && at_least <= capacity() - kept && block_->unique()) { // keeps I2
        std::memcpy(data_, data_ + begin_, kept); // apart: kept <= begin_
    } else {
        auto const needed = at_least <= SIZE_MAX - kept ? kept + at_least : SIZE_MAX; // the latter is refused
        // Twice what is in use rather than twice the block: one that was mostly consumed need not grow, and shrinks
        // only from a size that was an exception.
        auto const usual = std::clamp(capacity(), first_capacity, usual_capacity);
        auto const wanted = std::max({needed, kept <= SIZE_MAX / 2 ? 2 * kept : SIZE_MAX, usual});
        auto* const larger = shared_block::make(wanted);
        if (kept > 0) std::memcpy(larger->data(), data_ + begin_, kept);
        if (block_) block_->release_hold();
        block_ = larger;
        data_ = larger->data();
    }
    begin_ = 0;
    end_ = kept;
}

} // namespace weir
