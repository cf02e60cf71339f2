// weir/flow/bisect.hpp: finds the few that spoil a batch: what fails is split in halves, until each of them is alone.
//     for (bisection part{count, calls}; part.more(); part.ended(failed)) { ... part.begin(), part.end() ... }
// One in a batch of n costs at most 2 * ceil(log2(n)) calls beyond the first, k of them at most k times that; but where
// everything fails, as it does while a backend is down, it would be 2n. So the calls are bounded, and what the bound
// leaves whole has failed whole.
// Order:    parts come from front to back, and each keeps the order of the batch.
// For:      authors of primitives.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

namespace weir::inline v0::detail {

class bisection {
public:
    bisection(std::size_t count, std::size_t extra_calls) noexcept : extra_{extra_calls} {
        if (count != 0) ends_[depth_++] = count;
    }

    bool more() const noexcept { return depth_ != 0; }
    // The part that is to be tried.  Needs: more().
    std::size_t begin() const noexcept { return begin_; }
    std::size_t end() const noexcept { return ends_[depth_ - 1]; }
    // How many calls beyond the first were made, or will be.
    std::size_t extra_calls() const noexcept { return spent_; }

    // Tells how it went.  True: it will be tried again, by halves; else it is over.
    bool ended(bool failed) noexcept {
        std::size_t const size = end() - begin_;
        if (failed && size > 1 && extra_ - spent_ >= 2) {
            spent_ += 2;
            ends_[depth_++] = begin_ + size / 2; // keeps Y1: half the size for a level more
            return true;
        }
        begin_ = end();
        --depth_;
        return false;
    }

private:
    // Y1: what is left lies behind begin_, in depth_ parts that end at ends_, the last of which is next. Each was made by
    //     halving, so there are never more than a size has bits, and one.
    std::array<std::size_t, std::numeric_limits<std::size_t>::digits + 1> ends_;
    std::size_t depth_ = 0;
    std::size_t begin_ = 0;
    std::size_t spent_ = 0;
    std::size_t const extra_;
};

} // namespace weir::detail
