// bench/forkjoin/contenders/problem.hpp: the four problems: their size, their answer, and what all contenders do alike.
// A contender is made of a problem, and `solve()` divides it until nothing is left to divide; each part is a task.
// Source:   shapes and names after tzcnt's runtime-benchmarks; skynet after A. Temerev's.
#pragma once

#include <weir/base/cache_line.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace bench {

enum class problem : unsigned char {
    fib,    // two parts that do nothing but add: the price of a fork and a join
    skynet, // ten parts, each of which divides again, down to a million leaves
    queens, // as many parts as a board has squares left, so that no two branches are of one size
    matmul, // eight products, four at a time, of blocks whose own work outweighs the forks
};

inline constexpr std::uint64_t fib_number = 30;
inline constexpr std::uint64_t skynet_leaves = 1'000'000;
inline constexpr std::uint64_t skynet_parts = 10;
inline constexpr unsigned queens = 11;
inline constexpr std::size_t matrix_side = 512;
inline constexpr std::size_t block_side = 32;

constexpr char const* name_of(problem what) {
    switch (what) {
        case problem::fib: return "fib";
        case problem::skynet: return "skynet";
        case problem::queens: return "queens";
        case problem::matmul: return "matmul";
    }
    return "";
}

// In how many parts it ends, of which a table tells the nanoseconds: calls, nodes, boards, blocks.
constexpr std::uint64_t parts_of(problem what) {
    switch (what) {
        case problem::fib: return 2'692'537;    // 2 fib(31) - 1
        case problem::skynet: return 1'111'111; // 1 + 10 + ... + 10^6
        case problem::queens: return 166'926;   // boards on which no two queens meet, the empty one among them
        case problem::matmul: return 16 * 16 * 16;
    }
    return 1;
}

// A board with a queen in each of its first rows.
struct board {
    std::array<std::uint8_t, queens> columns{};
    unsigned rows = 0;

    // Whether none of them meets one in the next row at `column`.
    bool admits(unsigned column) const noexcept {
        for (unsigned row = 0; row < rows; ++row) {
            unsigned const other = columns[row];
            unsigned const apart = rows - row;
            if (other == column || other + apart == column || other == column + apart) return false;
        }
        return true;
    }
    board with(unsigned column) const noexcept {
        board next = *this;
        next.columns[next.rows++] = static_cast<std::uint8_t>(column);
        return next;
    }
};

// c += a × b, of squares within matrices of matrix_side. Rust knows it, too.
struct product {
    std::uint32_t const* a;
    std::uint32_t const* b;
    std::uint32_t* c;
    std::size_t side;

    // What the quarters a(i, k) and b(k, j) add to the quarter c(i, j). Those of one k write to different quarters.
    product part(std::size_t i, std::size_t j, std::size_t k) const noexcept {
        std::size_t const half = side / 2;
        return {a + (i * matrix_side + k) * half, b + (k * matrix_side + j) * half, c + (i * matrix_side + j) * half,
                half};
    }
};

// Of a whole block; compiled once, and called by everyone but Go.
extern "C" void multiply_block(product const* block) noexcept;

// Two matrices and room for their product, the same distance apart whoever owns them: what comes to lie a multiple of
// 4 KiB from what is stored to is slower to load, and nobody is to owe that to an allocator.
class matrices {
public:
    matrices() {
        for (std::size_t n = 0; n < size; ++n) {
            place_->a[n] = static_cast<std::uint32_t>(n % 251);
            place_->b[n] = static_cast<std::uint32_t>(n % 241);
        }
    }
    // The product, with nothing added yet.
    product begin() noexcept {
        place_->c.fill(0);
        return {place_->a.data(), place_->b.data(), place_->c.data(), matrix_side};
    }
    // A sum of what came out that tells its place, too.
    std::uint64_t answer() const noexcept {
        std::uint64_t sum = 0;
        for (std::size_t n = 0; n < size; ++n) sum += std::uint64_t{place_->c[n]} * (n % 239);
        return sum;
    }

private:
    static constexpr std::size_t size = matrix_side * matrix_side;
    static constexpr std::size_t apart = 17 * weir::cache_line;
    struct place {
        alignas(weir::cache_line) std::array<std::uint32_t, size> a;
        std::array<std::byte, apart> before_b;
        std::array<std::uint32_t, size> b;
        std::array<std::byte, apart> before_c;
        std::array<std::uint32_t, size> c;
    };
    std::unique_ptr<place> const place_{new place};
};

} // namespace bench
