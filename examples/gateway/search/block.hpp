// examples/gateway/search/block.hpp: the rows of a collection, in pieces that never move.
#pragma once

#include "kernel.hpp"
#include "point.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gateway {

// How many bytes all collections together may take.  Threads: any.
class space : weir::immovable {
public:
    explicit space(std::size_t bytes) noexcept : bytes_{bytes} {}

    bool take(std::size_t bytes) noexcept {
        auto now = taken_.load(weir::relaxed); // the exchange decides
        do {
            if (bytes > bytes_ - now) return false;
        } while (!taken_.compare_exchange_weak(now, now + bytes, weir::relaxed, weir::relaxed)); // only a number
        return true;
    }
    void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, weir::relaxed); } // only a number
    std::size_t taken() const noexcept { return taken_.load(weir::relaxed); }              // a figure
    std::size_t most() const noexcept { return bytes_; }

private:
    std::size_t const bytes_;
    weir::atomic<std::size_t> taken_{0}; // at most bytes_
};

// A row is written once, by the collection's writer, and ended at most once. Who reads knows from its view which rows
// have been written (collection.hpp), so nothing here but the end of a row needs to be atomic.
class block : weir::immovable {
public:
    static constexpr std::size_t vector_bytes = 256 * 1024; // what one resume of a search reads
    static constexpr std::uint64_t alive = std::numeric_limits<std::uint64_t>::max();

    static std::size_t rows_for(std::size_t dimensions) noexcept {
        return std::max<std::size_t>(vector_bytes / (padded(dimensions) * sizeof(float)), 1);
    }
    // Null if `room` has no more.
    static std::shared_ptr<block> make(std::size_t dimensions, space& room);
    ~block() {
        ::operator delete[](vectors_, std::align_val_t{alignment});
        room_.give_back(bytes());
    }

    std::size_t rows() const noexcept { return entries_.size(); }
    float const* vectors() const noexcept { return vectors_; }
    std::span<float const> vector(std::size_t row) const noexcept { return {vectors_ + row * stride_, stride_}; }
    std::string const& id(std::size_t row) const noexcept { return entries_[row].id; }
    std::shared_ptr<payload const> const& about(std::size_t row) const noexcept { return entries_[row].about; }
    std::size_t bytes() const noexcept { return taken_.load(weir::relaxed); } // a figure

    // The version of the first view that does not have it any more.
    std::uint64_t ended(std::size_t row) const noexcept {
        // relaxed: a reader's own view came with every end before it (collection.hpp, P3)
        return entries_[row].ended.load(weir::relaxed);
    }

    // Threads: the writer ---------------------------------------------------------------------------------------------
    // Writes a row that no view has. `direction` has length one, and any number of zeros behind the dimensions.
    // False if there is no space; then the row is as before.
    bool write(std::size_t row, std::string id, std::span<float const> direction, std::shared_ptr<payload const> about);
    void end(std::size_t row, std::uint64_t at) noexcept { entries_[row].ended.store(at, weir::relaxed); } // see ended()

private:
    static constexpr std::size_t alignment = 64;
    struct entry {
        std::string id;
        std::shared_ptr<payload const> about;
        weir::atomic<std::uint64_t> ended{alive};
    };
    static std::size_t text_bytes(std::string const& id, payload const* about) noexcept {
        return 2 * id.size() + (about ? about->bytes() : 0); // the index has the id, too
    }

    block(std::size_t dimensions, space& room)
        : stride_{padded(dimensions)}, entries_(rows_for(dimensions)), room_{room},
          vectors_{new (std::align_val_t{alignment}) float[entries_.size() * stride_]} {}

    std::size_t const stride_;
    std::vector<entry> entries_;
    space& room_;
    weir::atomic<std::size_t> taken_{0}; // of room_; written by the writer
    float* const vectors_;               // the rows, one behind the other
};

inline std::shared_ptr<block> block::make(std::size_t dimensions, space& room) {
    auto const bytes = rows_for(dimensions) * (padded(dimensions) * sizeof(float) + sizeof(entry));
    if (!room.take(bytes)) return nullptr;
    std::shared_ptr<block> made;
    try {
        made.reset(new block{dimensions, room});
    } catch (...) {
        room.give_back(bytes);
        throw;
    }
    made->taken_.store(bytes, weir::relaxed); // nobody else has it yet
    return made;
}

inline bool block::write(std::size_t at, std::string id, std::span<float const> direction,
                         std::shared_ptr<payload const> about) {
    auto& one = entries_[at];
    auto const had = text_bytes(one.id, one.about.get()); // of a write that was given up
    auto const bytes = text_bytes(id, about.get());
    if (!room_.take(bytes)) return false;
    room_.give_back(had);
    taken_.store(taken_.load(weir::relaxed) + bytes - had, weir::relaxed); // own word: only the writer writes it
    auto const rest = std::copy(direction.begin(), direction.end(), vectors_ + at * stride_);
    std::fill(rest, vectors_ + (at + 1) * stride_, 0.0F);
    one.id = std::move(id);
    one.about = std::move(about);
    return true;
}

} // namespace gateway
