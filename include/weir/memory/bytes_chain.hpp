// weir/memory/bytes_chain.hpp: bytes in a row that need not lie in one: joined without a copy, written by one call.
// Threads:  one at a time.
// Not:      text to be searched: `to_bytes` makes it one run, with a copy when it is not one already.
//
// Written to a descriptor, which may take less than it is offered:
//   std::array<iovec, 16> parts;
//   while (!chain.empty()) {
//       auto const written = ::writev(file, parts.data(), static_cast<int>(chain.fill(parts)));
//       if (written < 0) ...
//       chain.remove_prefix(static_cast<std::size_t>(written));
//   }
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/platform.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/memory/bytes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#if WEIR_LINUX
#include <sys/uio.h>
#endif

namespace weir::inline v0 {

class bytes_chain {
public:
    // So many pieces it holds without an allocation.
    static constexpr std::size_t inline_pieces = 4;
    // So many the system takes in one call (IOV_MAX of Linux).
    static constexpr std::size_t most_in_a_call = 1024;

    bytes_chain() = default;
    explicit bytes_chain(bytes piece) { push_back(std::move(piece)); }
    // Shares the pieces.  Cost: an atomic increment for each, and an allocation when they are many.
    bytes_chain(bytes_chain const& other);
    // Leaves `other` empty.
    bytes_chain(bytes_chain&& other) noexcept { swap(other); }
    bytes_chain& operator=(bytes_chain other) noexcept {
        swap(other);
        return *this;
    }
    ~bytes_chain() = default;
    void swap(bytes_chain& other) noexcept;

    // Add a piece at an end; an empty one leaves no trace.  Errors: std::bad_alloc (ends the program without exceptions),
    // and nothing has changed; so below.  Cost: constant, over all pieces; an allocation when their number doubles.
    void push_back(bytes piece);
    void push_front(bytes piece);
    // Adds all pieces of `other`.  Cost: a move of each piece of the shorter of the two chains.
    void append(bytes_chain other);

    // Bytes, of all pieces together.
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    // How many pieces, and the n-th of them, which is not empty.  Needs: n < pieces().
    std::size_t pieces() const noexcept { return count_; }
    bytes const& piece(std::size_t n) const noexcept;

    // The first `n` bytes; the rest stays here.  Needs: n <= size().  Cost: a move of each piece that goes.
    bytes_chain split_to(std::size_t n);
    // Drops the first `n` bytes, as after a call that wrote so many.  Needs: n <= size().
    void remove_prefix(std::size_t n) noexcept;
    void clear() noexcept { remove_prefix(size_); }

    // All of it in one run.  Cost: an allocation and a copy when there is more than one piece; else as copying bytes.
    bytes to_bytes() const;
    // Where the first pieces lie, as many as `into` has room for; they stay there until the chain changes.
    // Returns: how many.
    std::size_t fill(std::span<std::span<std::byte const>> into) const noexcept;
#if WEIR_LINUX
    // The same for writev and sendmsg, and no more than one call takes.
    std::size_t fill(std::span<iovec> into) const noexcept;
#endif

    // By content, however it is cut.
    friend bool operator==(bytes_chain const& a, bytes_chain const& b) noexcept;
    friend bool operator==(bytes_chain const& a, std::string_view b) noexcept;

private:
    std::size_t place(std::size_t n) const noexcept { return (first_ + n) & (capacity_ - 1); }
    bytes* places() noexcept { return more_ ? more_.get() : few_.data(); }
    bytes const* places() const noexcept { return more_ ? more_.get() : few_.data(); }
    void make_room(std::size_t pieces);
    void add_back(bytes&& piece) noexcept;
    void add_front(bytes&& piece) noexcept;
    bytes take_front() noexcept;

    // A ring of places, in the chain itself until they do not suffice.
    // I1: the pieces are at place(0) to place(count_ - 1), none of them is empty, and every other place is.
    // I2: size_ is the sum of their sizes.
    // I3: capacity_ is a power of two: inline_pieces without more_, else the length of more_.
    std::array<bytes, inline_pieces> few_;
    std::unique_ptr<bytes[]> more_;
    std::size_t capacity_ = inline_pieces;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::size_t size_ = 0;
};

inline bytes_chain::bytes_chain(bytes_chain const& other) {
    make_room(other.count_);
    for (std::size_t n = 0; n < other.count_; ++n) add_back(bytes{other.piece(n)});
}

inline void bytes_chain::swap(bytes_chain& other) noexcept {
    std::swap(few_, other.few_);
    std::swap(more_, other.more_);
    std::swap(capacity_, other.capacity_);
    std::swap(first_, other.first_);
    std::swap(count_, other.count_);
    std::swap(size_, other.size_);
}

inline void bytes_chain::push_back(bytes piece) {
    if (piece.empty()) return;
    if (count_ == capacity_) make_room(count_ + 1);
    add_back(std::move(piece));
}

inline void bytes_chain::push_front(bytes piece) {
    if (piece.empty()) return;
    if (count_ == capacity_) make_room(count_ + 1);
    add_front(std::move(piece));
}

inline void bytes_chain::append(bytes_chain other) {
    if (other.count_ > count_) { // ours before theirs rather than theirs behind ours
        other.make_room(other.count_ + count_);
        while (count_ > 0) {
            auto& last = places()[place(--count_)];
            other.add_front(std::move(last));
        }
        size_ = 0;
        swap(other);
    } else {
        make_room(count_ + other.count_);
        while (other.count_ > 0) add_back(other.take_front());
    }
}

inline bytes const& bytes_chain::piece(std::size_t n) const noexcept {
    WEIR_ASSERT(n < count_, "a chain has no such piece");
    return places()[place(n)];
}

inline bytes_chain bytes_chain::split_to(std::size_t n) {
    WEIR_ASSERT(n <= size_, "more was split off than there is");
    std::size_t whole = 0;
    std::size_t left = n;
    for (; whole < count_ && piece(whole).size() <= left; ++whole) left -= piece(whole).size();
    bytes_chain front;
    front.make_room(whole + (left > 0));
    for (; whole > 0; --whole) front.add_back(take_front());
    if (left > 0) {
        front.add_back(places()[place(0)].split_to(left));
        size_ -= left; // keeps I2
    }
    return front;
}

inline void bytes_chain::remove_prefix(std::size_t n) noexcept {
    WEIR_ASSERT(n <= size_, "more was removed than there is");
    while (n > 0 && n >= piece(0).size()) n -= take_front().size();
    if (n > 0) {
        places()[place(0)].remove_prefix(n);
        size_ -= n; // keeps I2
    }
}

inline bytes bytes_chain::to_bytes() const {
    if (count_ == 0) return {};
    if (count_ == 1) return piece(0);
    buffer whole{size_};
    for (std::size_t n = 0; n < count_; ++n) whole.append(std::span<std::byte const>{piece(n)});
    return whole.freeze();
}

inline std::size_t bytes_chain::fill(std::span<std::span<std::byte const>> into) const noexcept {
    auto const filled = std::min(into.size(), count_);
    for (std::size_t n = 0; n < filled; ++n) into[n] = piece(n);
    return filled;
}

#if WEIR_LINUX
inline std::size_t bytes_chain::fill(std::span<iovec> into) const noexcept {
    auto const filled = std::min({into.size(), count_, most_in_a_call});
    // The calls that write take it as void*, and do not write there.
    for (std::size_t n = 0; n < filled; ++n) into[n] = {const_cast<std::byte*>(piece(n).data()), piece(n).size()};
    return filled;
}
#endif

inline bool operator==(bytes_chain const& a, std::string_view b) noexcept {
    if (a.size_ != b.size()) return false;
    for (std::size_t n = 0; n < a.count_; ++n) {
        auto const piece = a.piece(n).view();
        if (piece != b.substr(0, piece.size())) return false;
        b.remove_prefix(piece.size());
    }
    return true;
}

inline bool operator==(bytes_chain const& a, bytes_chain const& b) noexcept {
    if (a.size_ != b.size_) return false;
    std::string_view left;
    std::string_view right;
    for (std::size_t m = 0, n = 0;;) {
        if (left.empty() && m < a.count_) left = a.piece(m++).view();
        if (right.empty() && n < b.count_) right = b.piece(n++).view();
        auto const both = std::min(left.size(), right.size());
        if (both == 0) return true; // of equal sizes they end together
        if (left.substr(0, both) != right.substr(0, both)) return false;
        left.remove_prefix(both);
        right.remove_prefix(both);
    }
}

// Room for `pieces` in all; the ring is dealt out anew when it grows.
inline void bytes_chain::make_room(std::size_t pieces) {
    if (pieces <= capacity_) return;
    auto const capacity = std::bit_ceil(pieces);
    auto more = std::make_unique<bytes[]>(capacity);
    for (std::size_t n = 0; n < count_; ++n) more[n] = std::move(places()[place(n)]);
    more_ = std::move(more);
    capacity_ = capacity; // keeps I3
    first_ = 0;
}

// The ring has a place.
inline void bytes_chain::add_back(bytes&& piece) noexcept {
    size_ += piece.size();
    places()[place(count_++)] = std::move(piece);
}

inline void bytes_chain::add_front(bytes&& piece) noexcept {
    size_ += piece.size();
    first_ = place(capacity_ - 1);
    ++count_;
    places()[first_] = std::move(piece);
}

inline bytes bytes_chain::take_front() noexcept {
    bytes taken = std::move(places()[first_]); // keeps I1: what is left there is empty
    first_ = place(1);
    --count_;
    size_ -= taken.size();
    return taken;
}

} // namespace weir
