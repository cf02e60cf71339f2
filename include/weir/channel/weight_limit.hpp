// weir/channel/weight_limit.hpp: how heavy a chunk may be, and what an element weighs.
#pragma once

#include <weir/base/assert.hpp>

#include <concepts>
#include <cstddef>
#include <limits>
#include <ranges>
#include <utility>

namespace weir::inline v0 {

// The bytes of a contiguous range: a string, a vector, a span, a buffer.
class byte_size {
public:
    template <class T>
    constexpr std::size_t operator()(T const& element) const noexcept {
        static_assert(std::ranges::contiguous_range<T const> && std::ranges::sized_range<T const>,
                      "what this element weighs must be said: weight_limit{most, [](element const&) { return ...; }}");
        if constexpr (std::ranges::contiguous_range<T const>)
            return std::ranges::size(element) * sizeof(std::ranges::range_value_t<T const>);
        else return 0;
    }
};

// At most `most` in all, of what `by(element const&)` gives as a std::size_t: bytes, or any other unit.
// Needs: `most` >= 1; `by` does not throw.
template <class Weigh = byte_size>
class weight_limit {
public:
    explicit constexpr weight_limit(std::size_t most, Weigh by = {}) : most_{most}, weigh_{std::move(by)} {
        WEIR_ASSERT(most >= 1, "a weight that nothing has was asked for");
    }

    constexpr std::size_t most() const noexcept { return most_; }
    template <class T>
    constexpr std::size_t weigh(T const& element) const noexcept {
        return weigh_(element);
    }

private:
    std::size_t most_;
    Weigh weigh_;
};

template <class L>
concept chunk_limit = requires(L const& limit) {
    { limit.most() } -> std::convertible_to<std::size_t>;
};

// As heavy as they come.
class no_weight_limit {
public:
    static constexpr std::size_t most() noexcept { return std::numeric_limits<std::size_t>::max(); }
    template <class T>
    static constexpr std::size_t weigh(T const&) noexcept {
        return 0;
    }
};

} // namespace weir
