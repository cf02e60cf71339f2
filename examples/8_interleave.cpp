// examples/8_interleave.cpp: searches in a sorted row that is far larger than the caches.
// One idea: a search is written as if it were alone, and sixteen of them go on while each waits for memory.
#include <weir/coro/interleave.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

using row = std::vector<std::uint64_t>;

// The last number that is not above `wanted`, or the first of all.
weir::interleaved<std::uint64_t> not_above(row const& sorted, std::uint64_t wanted) {
    std::uint64_t const* at = sorted.data();
    for (std::size_t left = sorted.size(); left > 1;) {
        std::size_t const half = left / 2;
        std::uint64_t const* const middle = co_await weir::prefetched(at + half);
        at += half * (*middle <= wanted); // computed: a branch would be guessed wrong every other time
        left -= half;
    }
    co_return *at;
}

// Returns: the checksum.
template <class Search>
std::uint64_t report(char const* how, std::size_t searches, Search search) {
    auto const begins = std::chrono::steady_clock::now();
    std::uint64_t const sum = search();
    std::chrono::duration<double, std::nano> const took = std::chrono::steady_clock::now() - begins;
    std::printf("%-12s %5.0f ns a search, checksum %016llx\n", how, took.count() / static_cast<double>(searches),
                static_cast<unsigned long long>(sum));
    return sum;
}

} // namespace

int main() {
    row sorted(std::size_t{1} << 25); // 256 MiB
    for (std::size_t n = 0; n < sorted.size(); ++n) sorted[n] = 3 * n;
    std::mt19937_64 random{1};
    row wanted(std::size_t{1} << 19);
    for (std::uint64_t& one : wanted) one = random() % (3 * sorted.size());

    auto const alone = report("one by one:", wanted.size(), [&] {
        std::uint64_t sum = 0;
        for (std::uint64_t const one : wanted) sum += *(std::ranges::upper_bound(sorted, one) - 1);
        return sum;
    });
    auto const together = report("interleaved:", wanted.size(), [&] {
        std::uint64_t sum = 0;
        weir::interleave<16>(
            wanted, [&](std::uint64_t one) { return not_above(sorted, one); },
            [&](std::size_t, std::uint64_t found) { sum += found; });
        return sum;
    });
    std::puts(alone == together ? "the checksums agree" : "the checksums differ");
}
