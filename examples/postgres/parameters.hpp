// examples/postgres/parameters.hpp: what stands for $1, $2 ... of a query, as text that PostgreSQL reads.
//     parameters const with{42, "name", std::nullopt, array_literal(names)};
#pragma once

#include <weir/base/assert.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postgres {

class parameters {
public:
    parameters() = default;
    template <class... Params>
        requires(sizeof...(Params) > 0)
    explicit parameters(Params const&... each) {
        texts_.reserve(sizeof...(Params));
        (texts_.push_back(text_of(each)), ...);
    }

    std::size_t size() const noexcept { return texts_.size(); }
    // Null where the parameter is NULL.
    char const* text(std::size_t index) const noexcept { return texts_[index] ? texts_[index]->c_str() : nullptr; }
    // PostgreSQL has no such text, and libpq would cut it off there.
    bool any_zero_byte() const noexcept {
        for (auto const& one : texts_)
            if (one && one->find('\0') != std::string::npos) return true;
        return false;
    }

private:
    using maybe_text = std::optional<std::string>;

    static maybe_text text_of(std::nullopt_t) { return std::nullopt; }
    static maybe_text text_of(std::string_view value) { return std::string{value}; }
    template <class Number>
        requires(std::integral<Number> || std::floating_point<Number>)
    static maybe_text text_of(Number value) {
        if constexpr (std::same_as<Number, bool>) return value ? "t" : "f";
        else return digits_of(value);
    }
    template <class Number>
    static std::string digits_of(Number value) {
        char digits[std::numeric_limits<long double>::max_digits10 + 16];
        auto const end = std::to_chars(digits, digits + sizeof digits, value);
        WEIR_ASSERT(end.ec == std::errc{}, "the shortest text of a number is short");
        return std::string{digits, end.ptr};
    }
    template <class Value>
    static maybe_text text_of(std::optional<Value> const& value) {
        return value ? text_of(*value) : std::nullopt;
    }

    std::vector<maybe_text> texts_;
};

// An array as one parameter: many rows travel in one query by `unnest($1::text[], $2::bigint[])`.
// `text_of(element)` gives a string or a number.
template <class Element, class TextOf>
std::string array_literal(std::span<Element const> elements, TextOf text_of) {
    std::string literal = "{";
    for (auto const& element : elements) {
        if (literal.size() > 1) literal += ',';
        decltype(auto) value = text_of(element);
        if constexpr (std::integral<std::remove_cvref_t<decltype(value)>>) {
            literal += std::to_string(value);
        } else {
            literal += '"'; // what is quoted is never read as NULL, nor as a bracket
            for (char const each : std::string_view{value}) {
                if (each == '"' || each == '\\') literal += '\\';
                literal += each;
            }
            literal += '"';
        }
    }
    return literal += '}';
}

} // namespace postgres
