// weir/memory/bytes.hpp: an immutable run of bytes that many may share: copies and slices cost no copy of the bytes.
// Threads:  each handle one at a time; handles of the same bytes independently.
// Not:      a string: no terminating zero, and text only as far as a std::string_view is. Not writable; use buffer.hpp.
// Note:     a small slice keeps the whole allocation; `copy_of(slice)` lets it go.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/memory/shared_block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

class bytes {
public:
    bytes() = default;
    // A copy of what is given.  Cost: one allocation, none when empty.
    static bytes copy_of(std::span<std::byte const> content);
    static bytes copy_of(std::string_view content) { return copy_of(std::as_bytes(std::span{content})); }
    // What is given, in place, without a count.  Needs: it is never changed and never ends.
    static bytes of_static(std::string_view content) noexcept;
    // A literal, without its terminating zero.
    template <std::size_t Size>
    static bytes literal(char const (&text)[Size]) noexcept {
        return of_static({text, Size - 1});
    }

    // Cost: an atomic increment, none for static and empty ones.
    bytes(bytes const& other) noexcept;
    bytes(bytes&& other) noexcept;
    bytes& operator=(bytes other) noexcept;
    ~bytes() {
        if (block_) block_->release_hold();
    }

    // `count` bytes from `offset` on, or what there is of them.  Needs: offset <= size().  Cost: as a copy.
    bytes slice(std::size_t offset, std::size_t count = SIZE_MAX) const noexcept;
    // The first `n` bytes; the rest stays here.  Needs: n <= size().
    bytes split_to(std::size_t n) noexcept;
    // What follows the first `n` bytes; those stay here.  Needs: n <= size().
    bytes split_off(std::size_t n) noexcept;
    // Drop bytes at an end.  Needs: n <= size().
    void remove_prefix(std::size_t n) noexcept;
    void remove_suffix(std::size_t n) noexcept;

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    std::byte const* data() const noexcept { return data_; }
    std::byte const* begin() const noexcept { return data_; }
    std::byte const* end() const noexcept { return data_ + size_; }
    // Needs: at < size().
    std::byte operator[](std::size_t at) const noexcept;

    // The bytes as text, or as what they are; both last as long as any handle of them.
    std::string_view view() const noexcept { return {reinterpret_cast<char const*>(data_), size_}; }
    operator std::string_view() const noexcept { return view(); }
    operator std::span<std::byte const>() const noexcept { return {data_, size_}; }

    friend bool operator==(bytes const& a, bytes const& b) noexcept { return a.view() == b.view(); }
    friend bool operator==(bytes const& a, std::string_view b) noexcept { return a.view() == b; }
    friend auto operator<=>(bytes const& a, bytes const& b) noexcept { return a.view() <=> b.view(); }

private:
    friend class buffer;
    friend class block_lease;
    // Takes over one hold of `block`; null for static content.
    bytes(shared_block* block, std::byte const* data, std::size_t size) noexcept;

    // I1: [data_, data_ + size_) lies in block_, of which this handle is one holder, or in static storage.
    // I2: an empty handle holds no block, so it keeps no memory alive.
    shared_block* block_ = nullptr;
    std::byte const* data_ = nullptr;
    std::size_t size_ = 0;
};

inline bytes bytes::copy_of(std::span<std::byte const> content) {
    if (content.empty()) return {};
    auto* const block = shared_block::make(content.size());
    std::memcpy(block->data(), content.data(), content.size());
    return {block, block->data(), content.size()};
}

inline bytes bytes::of_static(std::string_view content) noexcept {
    return {nullptr, reinterpret_cast<std::byte const*>(content.data()), content.size()};
}

inline bytes::bytes(shared_block* block, std::byte const* data, std::size_t size) noexcept
    : block_{block}, data_{data}, size_{size} {
    if (size == 0) *this = {}; // keeps I2
}

inline bytes::bytes(bytes const& other) noexcept : block_{other.block_}, data_{other.data_}, size_{other.size_} {
    if (block_) block_->hold(); // keeps I1
}

inline bytes::bytes(bytes&& other) noexcept
    : block_{std::exchange(other.block_, nullptr)},
      data_{std::exchange(other.data_, nullptr)},
      size_{std::exchange(other.size_, 0)} {}

inline bytes& bytes::operator=(bytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

inline bytes bytes::slice(std::size_t offset, std::size_t count) const noexcept {
    WEIR_ASSERT(offset <= size_, "a slice begins behind the end of its bytes");
    count = std::min(count, size_ - offset);
    if (count == 0) return {};
    if (block_) block_->hold();
    return {block_, data_ + offset, count};
}

inline bytes bytes::split_to(std::size_t n) noexcept {
    if (n == size_) return std::move(*this);
    bytes first = slice(0, n);
    remove_prefix(n);
    return first;
}

inline bytes bytes::split_off(std::size_t n) noexcept {
    if (n == 0) return std::move(*this);
    bytes rest = slice(n);
    remove_suffix(size_ - n);
    return rest;
}

inline void bytes::remove_prefix(std::size_t n) noexcept {
    WEIR_ASSERT(n <= size_, "more was removed than there is");
    data_ += n;
    size_ -= n;
    if (size_ == 0) *this = {}; // keeps I2
}

inline void bytes::remove_suffix(std::size_t n) noexcept {
    WEIR_ASSERT(n <= size_, "more was removed than there is");
    size_ -= n;
    if (size_ == 0) *this = {}; // keeps I2
}

inline std::byte bytes::operator[](std::size_t at) const noexcept {
    WEIR_ASSERT(at < size_, "an index lies behind the end of its bytes");
    return data_[at];
}

static_assert(sizeof(bytes) == 3 * sizeof(void*));

} // namespace weir
