// tests/model/total_order.hpp: the orders in which the seq_cst operations of one execution may stand.
// C++20 ([atomics.order]) asks for one total order of them that agrees with what happens strongly before what, and with
// the order in which each atomic's values follow one another. It does not make them synchronise. So the operations are
// kept as a graph of who must stand before whom, and a value is allowed as long as reading it closes no circle.
// Source:   H. Boehm, O. Giroux, V. Vafeiadis, "Revising the C++ memory model", P0668R5, 2018.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>

namespace weir::model {

class total_order {
public:
    static constexpr std::size_t most = 128; // in one execution
    using operations = std::bitset<most>;

    void clear() noexcept { count_ = 0; }
    bool full() const noexcept { return count_ == most; }

    // May an operation that stands after all of `before` stand before all of `after`?
    bool allows(operations const& before, operations const& after) const noexcept {
        return (closed(before) & after).none();
    }
    // Adds it and gives its number.  Needs: allows(before, after), and not full.
    std::size_t add(operations const& before, operations const& after) noexcept {
        std::size_t const number = count_++;
        before_[number] = closed(before);
        if (after.none()) return number;
        operations moved = before_[number];
        moved.set(number);
        for (std::size_t n = 0; n < number; ++n)
            if (after[n] || (before_[n] & after).any()) before_[n] |= moved; // keeps the sets transitive
        return number;
    }

private:
    operations closed(operations const& some) const noexcept {
        operations all = some;
        for (std::size_t n = 0; n < count_; ++n)
            if (some[n]) all |= before_[n];
        return all;
    }

    std::size_t count_ = 0;
    std::array<operations, most> before_; // all that must stand before each, transitively
};

} // namespace weir::model
