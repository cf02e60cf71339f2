// weir/simd/plain_numbers.hpp: a few numbers handled in one step without any vectors.
// For:      authors of primitives.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace weir::inline v0::simd {

// What number lanes hold.
template <class T>
concept number = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> ||
                 std::same_as<T, std::uint32_t> || std::same_as<T, std::int64_t> || std::same_as<T, std::uint64_t>;

// `Width` numbers, handled one by one; where their count is known the compiler may find vectors of its own.
// Each kind of number lanes has: width, a power of two; narrower, void below a single number; others, lanes of as many
// bytes for another type; counts, those for the whole numbers of this size; compares; load, which needs no alignment;
// fill; `+`; and what stands below. At first all are zero.
template <number T, std::size_t Width = 16 / sizeof(T)>
class plain_numbers {
public:
    static constexpr std::size_t width = Width;
    using narrower = std::conditional_t<(Width > 1), plain_numbers<T, (Width > 1 ? Width / 2 : 1)>, void>;
    template <number Other>
    using others = plain_numbers<Other, Width * sizeof(T) / sizeof(Other)>;
    using counts = others<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
    // Whether the lesser and the greater are found at once.
    static constexpr bool compares = true;

    static plain_numbers load(T const* from) noexcept {
        return of([from](std::size_t n) { return from[n]; });
    }
    static plain_numbers fill(T value) noexcept {
        return of([value](std::size_t) { return value; });
    }

    friend plain_numbers operator+(plain_numbers a, plain_numbers b) noexcept {
        return of([&](std::size_t n) { return a.values_[n] + b.values_[n]; });
    }
    // x * y + sum, rounded once or twice.
    static plain_numbers multiply_add(plain_numbers x, plain_numbers y, plain_numbers sum) noexcept {
        return of([&](std::size_t n) { return x.values_[n] * y.values_[n] + sum.values_[n]; });
    }
    // The sum of each two neighbours, modulo 2^64.
    auto pairs() const noexcept
        requires(std::integral<T> && sizeof(T) == 4 && Width > 1)
    {
        return plain_numbers<std::uint64_t, Width / 2>::of([this](std::size_t n) {
            return static_cast<std::uint64_t>(values_[2 * n]) + static_cast<std::uint64_t>(values_[2 * n + 1]);
        });
    }
    // x where it is less (greater) than what is kept; so a NaN never comes in.
    static plain_numbers lesser(plain_numbers x, plain_numbers kept) noexcept {
        return of([&](std::size_t n) { return x.values_[n] < kept.values_[n] ? x.values_[n] : kept.values_[n]; });
    }
    static plain_numbers greater(plain_numbers x, plain_numbers kept) noexcept {
        return of([&](std::size_t n) { return x.values_[n] > kept.values_[n] ? x.values_[n] : kept.values_[n]; });
    }
    // Adds 1 to the count of each lane that equals that of `other`.
    void count(plain_numbers other, counts& counted) const noexcept {
        for (std::size_t n = 0; n < Width; ++n) counted.values_[n] += values_[n] == other.values_[n];
    }
    // Bit n tells whether lane n equals that of `other`.
    std::uint64_t mask(plain_numbers other) const noexcept {
        std::uint64_t bits = 0;
        for (std::size_t n = 0; n < Width; ++n) bits |= std::uint64_t{values_[n] == other.values_[n]} << n;
        return bits;
    }
    // The sum of all lanes, by halves; their least and greatest.  Needs, the latter two: no NaN.
    T total() const noexcept {
        if constexpr (Width == 1) return values_[0];
        else return halves([](auto low, auto high) { return low + high; }).total();
    }
    T least() const noexcept {
        if constexpr (Width == 1) return values_[0];
        else return halves([](auto low, auto high) { return narrower::lesser(low, high); }).least();
    }
    T greatest() const noexcept {
        if constexpr (Width == 1) return values_[0];
        else return halves([](auto low, auto high) { return narrower::greater(low, high); }).greatest();
    }

private:
    template <number, std::size_t>
    friend class plain_numbers;

    template <class Each>
    static plain_numbers of(Each each) noexcept {
        plain_numbers lanes;
        for (std::size_t n = 0; n < Width; ++n) lanes.values_[n] = each(n);
        return lanes;
    }
    template <class Join>
    auto halves(Join join) const noexcept {
        return join(narrower::load(values_), narrower::load(values_ + Width / 2));
    }

    T values_[Width]{};
};

} // namespace weir::simd
