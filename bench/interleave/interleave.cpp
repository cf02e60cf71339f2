// bench/interleave/interleave.cpp: lookups that miss the caches, one after the other and many at once.

#include "contenders.hpp"

#include <harness/measure.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace bench;

// An operation is one lookup. Each call goes on in the keys where the last one has ended.
template <class Way, class Table>
auto looking_up(std::shared_ptr<Table const> table, std::shared_ptr<std::vector<key> const> keys) {
    return [=, at = std::size_t{0}](std::uint64_t times) mutable {
        std::chrono::duration<double, std::nano> took{};
        for (std::uint64_t left = times; left > 0;) {
            std::span<key const> const some{keys->data() + at, std::min<std::size_t>(left, keys->size() - at)};
            auto const start = std::chrono::steady_clock::now();
            std::uint64_t const sum = Way::run(*table, some);
            took += std::chrono::steady_clock::now() - start;
            must_equal(sum, std::transform_reduce(some.begin(), some.end(), std::uint64_t{0}, std::plus{}, Table::found),
                       Way::name);
            left -= some.size();
            at = (at + some.size()) % keys->size();
        }
        return took.count();
    };
}

template <class Table>
void measure_in(char const* workload, settings const& chosen) {
    if (std::string_view{workload}.find(chosen.only) == std::string_view::npos) return; // the table takes a while
    auto const table = std::make_shared<Table const>();
    auto const keys = std::make_shared<std::vector<key> const>(random_keys(Table::size()));
    measure<plain_loop, by_hand, weir_interleave<8>, weir_interleave<16>, weir_interleave<32>>(
        workload, chosen, [=]<class Way> { return looking_up<Way>(table, keys); });
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure_in<chained_table>("hash table", chosen);
    measure_in<sorted_row>("binary search", chosen);
}
