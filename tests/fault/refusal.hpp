// tests/fault/refusal.hpp: a scenario played again and again, in which each allocation in turn is refused: the first, the
// second, and so on until none is left to refuse; and once more, in which it and all behind it are.
//     auto const told = at_every_allocation([](refusal& memory) -> fault { ... memory.during([&] { ... }); ... });
//     CHECK(told.found == nullptr);
//     CHECK(told.points >= 3);
// One source of the program includes support/counting_new.hpp. Where that counts nothing, nothing is refused.
#pragma once

#include "support/allocations.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>

#include <cstddef>
#include <limits>
#include <new>
#include <utility>

namespace weir::test {

// What is wrong, in words; null when nothing is.
using fault = char const*;

inline constexpr bool refuses = !WEIR_TSAN;

// One play of the scenario.
class refusal : immovable {
public:
    // Allocation number `first` of those in `during` is refused, counted from 0.
    refusal(std::size_t first, bool ever_after) noexcept
        : left_{static_cast<std::ptrdiff_t>(first) + 1}, ever_after_{ever_after}, before_{blocks_refused.load()} {}

    // For as long as it lives memory is as short as was told. There may be several in turn; the count goes on.
    class shortage : immovable {
    public:
        explicit shortage(refusal& of) noexcept : of_{of} {
            refuses_ever_after.store(of.ever_after_);
            blocks_until_refusal.store(of.left_);
        }
        ~shortage() {
            of_.left_ = blocks_until_refusal.exchange(0);
            refuses_ever_after.store(false);
        }

    private:
        refusal& of_;
    };
    template <class F>
    void during(F&& work) {
        shortage const now{*this};
        std::forward<F>(work)();
    }
    // Something was refused.
    bool happened() const noexcept { return blocks_refused.load() != before_; }

private:
    std::ptrdiff_t left_;
    bool const ever_after_;
    std::size_t const before_;
};

struct told_of_refusals {
    fault found = nullptr; // the first
    std::size_t at = 0;    // at which allocation
    bool ever_after = false;
    std::size_t points = 0; // how many allocations there were to refuse
};

// Needs: no assertion of the test framework in the scenario, as the blocks are counted.
template <class Scenario>
told_of_refusals at_every_allocation(Scenario scenario) {
    told_of_refusals told;
    for (bool const ever_after : {false, true})
        for (std::size_t n = 0;; ++n) {
            refusal memory{n, ever_after};
            fault found = nullptr;
            std::ptrdiff_t const left = blocks_left_by([&] { found = scenario(memory); });
            if (!found && left != 0) found = "a block stayed behind";
            if (found) {
                told.found = found;
                told.at = n;
                told.ever_after = ever_after;
                return told;
            }
            if (!memory.happened()) break;
            told.points = n + 1;
        }
    return told;
}

} // namespace weir::test

// Plays it, and says where it went wrong.  `least`: so many allocations there are at least, where any can be refused;
// compilers put frames together, some more than others.
#define WEIR_CHECK_REFUSALS(least, ...)                                                                                \
    do {                                                                                                               \
        auto const told_by_all = weir::test::at_every_allocation(__VA_ARGS__);                                         \
        INFO("allocation " << told_by_all.at << (told_by_all.ever_after ? " and all behind it" : ""));                 \
        CHECK(told_by_all.found == nullptr);                                                                           \
        std::size_t const at_least = least;                                                                            \
        CHECK((told_by_all.points >= at_least || !weir::test::refuses));                                               \
    } while (false)
