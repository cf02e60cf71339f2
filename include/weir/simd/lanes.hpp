// weir/simd/lanes.hpp: a handful of bytes or numbers handled in one step: the words in which the kernels are written.
// The only file that sees xsimd. Where xsimd is absent or older than 12, or knows no vectors of the target, plain_lanes
// and plain_numbers stand in, which also say what each kind of lanes has. The processor's vectors are a type's, and so
// part of a kernel's name: translation units with other -m flags link together.
// For:      authors of primitives.
#pragma once

#include <weir/simd/plain_lanes.hpp>
#include <weir/simd/plain_numbers.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#if __has_include(<xsimd/xsimd.hpp>)
#include <xsimd/xsimd.hpp>
#endif

namespace weir::inline v0::simd {

#if defined(XSIMD_VERSION_MAJOR) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
#if XSIMD_VERSION_MAJOR >= 12

// The next narrower vectors, or void. Those of 256 and 512 bits bring them along, so that this depends on Arch alone.
template <std::size_t Bytes, class = void>
struct narrower_than {
    using arch = void;
};
template <class Void>
struct narrower_than<64, Void> {
    using arch = std::conditional_t<xsimd::avx2::supported(), xsimd::avx2, void>;
};
template <class Void>
struct narrower_than<32, Void> {
    using arch = std::conditional_t<xsimd::sse4_2::supported(), xsimd::sse4_2, void>;
};

template <class Arch>
class vector_lanes;
template <number T, class Arch>
class vector_numbers;

template <class Arch>
struct lanes_of {
    using bytes = vector_lanes<Arch>;
    template <number T, std::size_t Plain>
    using numbers =
        std::conditional_t<xsimd::has_simd_register<T, Arch>::value, vector_numbers<T, Arch>, plain_numbers<T, Plain>>;
};
template <>
struct lanes_of<void> {
    using bytes = plain_lanes;
    template <number T, std::size_t Plain>
    using numbers = plain_numbers<T, Plain>;
};

// The bytes of one of the processor's vectors.
template <class Arch>
class vector_lanes {
    using batch = xsimd::batch<std::uint8_t, Arch>;

public:
    static constexpr std::size_t width = batch::size;
    static_assert(width <= 64, "a mask has a bit for each lane");
    using narrower = typename lanes_of<typename narrower_than<width>::arch>::bytes;

    static vector_lanes load(char const* from) noexcept {
        return vector_lanes{batch::load_unaligned(reinterpret_cast<std::uint8_t const*>(from))};
    }
    void store(char* to) const noexcept { bytes_.store_unaligned(reinterpret_cast<std::uint8_t*>(to)); }
    static vector_lanes fill(char byte) noexcept { return vector_lanes{batch(static_cast<std::uint8_t>(byte))}; }

    class match {
    public:
        bool any() const noexcept { return xsimd::any(lanes_); }
        bool all() const noexcept { return xsimd::all(lanes_); }
        std::uint64_t mask() const noexcept { return lanes_.mask(); }
        vector_lanes bytes(char byte) const noexcept {
            return vector_lanes{xsimd::select(lanes_, fill(byte).bytes_, batch(std::uint8_t{0}))};
        }
        friend match operator|(match a, match b) noexcept { return match{a.lanes_ | b.lanes_}; }
        friend match operator&(match a, match b) noexcept { return match{a.lanes_ & b.lanes_}; }

    private:
        friend vector_lanes;
        explicit match(typename batch::batch_bool_type lanes) noexcept : lanes_{lanes} {}
        typename batch::batch_bool_type lanes_;
    };

    match operator==(vector_lanes other) const noexcept { return match{bytes_ == other.bytes_}; }
    template <char First, char Last>
    match within() const noexcept {
        static_assert(0 <= First && First <= Last, "a range of ASCII");
        // Moved so that First is the least of the signed bytes, whose comparison every vector unit has.
        auto const moved = xsimd::bitwise_cast<std::int8_t>(bytes_ - batch(static_cast<std::uint8_t>(First + 0x80)));
        auto const end = xsimd::batch<std::int8_t, Arch>(static_cast<std::int8_t>(Last - First - 0x7F));
        return match{xsimd::batch_bool_cast<std::uint8_t>(moved < end)};
    }
    bool is_zero() const noexcept { return (*this == vector_lanes{batch(std::uint8_t{0})}).all(); }
    vector_lanes without(vector_lanes other) const noexcept {
        return vector_lanes{xsimd::bitwise_andnot(bytes_, other.bytes_)};
    }
    friend vector_lanes operator|(vector_lanes a, vector_lanes b) noexcept { return vector_lanes{a.bytes_ | b.bytes_}; }
    friend vector_lanes operator^(vector_lanes a, vector_lanes b) noexcept { return vector_lanes{a.bytes_ ^ b.bytes_}; }

    // As that of plain_lanes.
    class tally {
    public:
        void add(match found) noexcept { counts_ += batch(found.lanes_); } // a match is a one
        std::size_t take() noexcept {
            std::uint64_t words[width / 8];
            xsimd::bitwise_cast<std::uint64_t>(counts_).store_unaligned(words);
            counts_ = batch(std::uint8_t{0});
            std::size_t sum = 0;
            for (auto const word : words) sum += plain_lanes::sum_of_bytes(word);
            return sum;
        }

    private:
        batch counts_ = batch(std::uint8_t{0});
    };

private:
    explicit vector_lanes(batch bytes) noexcept : bytes_{bytes} {}
    batch bytes_;
};

// The numbers of one of the processor's vectors.
template <number T, class Arch>
class vector_numbers {
    using batch = xsimd::batch<T, Arch>;

public:
    static constexpr std::size_t width = batch::size;
    using narrower =
        typename lanes_of<typename narrower_than<width * sizeof(T)>::arch>::template numbers<T, width / 2>;
    template <number Other>
    using others = vector_numbers<Other, Arch>;
    using counts = others<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
    // x86 compares integers of 64 bits since SSE 4.2; before, it takes ten instructions for two.
    static constexpr bool compares =
        std::floating_point<T> || sizeof(T) == 4 || !XSIMD_WITH_SSE2 || xsimd::sse4_2::supported();

    vector_numbers() noexcept = default;
    static vector_numbers load(T const* from) noexcept { return vector_numbers{batch::load_unaligned(from)}; }
    static vector_numbers fill(T value) noexcept { return vector_numbers{batch(value)}; }

    friend vector_numbers operator+(vector_numbers a, vector_numbers b) noexcept {
        return vector_numbers{a.values_ + b.values_};
    }
    static vector_numbers multiply_add(vector_numbers x, vector_numbers y, vector_numbers sum) noexcept {
        return vector_numbers{xsimd::fma(x.values_, y.values_, sum.values_)};
    }
    auto pairs() const noexcept
        requires(std::integral<T> && sizeof(T) == 4)
    {
        constexpr auto top = std::is_signed_v<T> ? std::uint32_t{1} << 31 : std::uint32_t{0};
        // A signed number is moved by 2^31 to where no sign needs care, and back as a pair.
        auto const moved = xsimd::bitwise_cast<std::uint32_t>(values_) ^ xsimd::batch<std::uint32_t, Arch>(top);
        auto const two = xsimd::bitwise_cast<std::uint64_t>(moved);
        using word = xsimd::batch<std::uint64_t, Arch>;
        return others<std::uint64_t>{(two & word(0xFFFFFFFF)) + (two >> 32) - word(2 * std::uint64_t{top})};
    }
    static vector_numbers lesser(vector_numbers x, vector_numbers kept) noexcept {
        // x86 takes the second where neither is less; others give a NaN precedence.
        if constexpr (std::integral<T> || XSIMD_WITH_SSE2) return vector_numbers{xsimd::min(x.values_, kept.values_)};
        else return vector_numbers{xsimd::select(x.values_ < kept.values_, x.values_, kept.values_)};
    }
    static vector_numbers greater(vector_numbers x, vector_numbers kept) noexcept {
        if constexpr (std::integral<T> || XSIMD_WITH_SSE2) return vector_numbers{xsimd::max(x.values_, kept.values_)};
        else return vector_numbers{xsimd::select(x.values_ > kept.values_, x.values_, kept.values_)};
    }
    void count(vector_numbers other, counts& counted) const noexcept {
        using whole = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
        auto const found = xsimd::batch_bool_cast<whole>(values_ == other.values_);
        counted.values_ = xsimd::incr_if(counted.values_, found);
    }
    std::uint64_t mask(vector_numbers other) const noexcept { return (values_ == other.values_).mask(); }
    T total() const noexcept { return xsimd::reduce_add(values_); }
    T least() const noexcept { return xsimd::reduce_min(values_); }
    T greatest() const noexcept { return xsimd::reduce_max(values_); }

private:
    template <number, class>
    friend class vector_numbers;

    explicit vector_numbers(batch values) noexcept : values_{values} {}
    batch values_ = batch(T{0});
};

// The widest that the flags of this translation unit allow.
using byte_lanes = vector_lanes<xsimd::default_arch>;
template <number T>
using number_lanes = typename lanes_of<xsimd::default_arch>::template numbers<T, 16 / sizeof(T)>;
#define WEIR_SIMD_HAS_VECTORS 1

#endif
#endif

#if defined(WEIR_SIMD_HAS_VECTORS)
#undef WEIR_SIMD_HAS_VECTORS
#else
using byte_lanes = plain_lanes;
template <number T>
using number_lanes = plain_numbers<T>;
#endif

} // namespace weir::simd
