// examples/http/byte_range.cpp: the grammar of Range.
#include "byte_range.hpp"

#include "ascii.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>

namespace http {

namespace {

constexpr std::size_t most_ranges = 16;

// Digits only. A number that is too large is as good as the largest.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    std::uint64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return UINT64_MAX;
    return value;
}

} // namespace

range_request read_ranges(std::string_view value, std::uint64_t size, std::vector<byte_range>& into) {
    constexpr std::string_view unit = "bytes=";
    into.clear();
    if (!equal_ignoring_case(value.substr(0, unit.size()), unit)) return range_request::whole;
    value.remove_prefix(unit.size());
    std::uint64_t sum = 0;
    std::size_t count = 0;
    while (!value.empty()) {
        auto const element = take_element(value);
        if (element.empty()) continue;
        auto const dash = element.find('-');
        if (dash == std::string_view::npos || ++count > most_ranges) return into.clear(), range_request::whole;
        auto const first = number(element.substr(0, dash));
        auto const last = number(element.substr(dash + 1));
        bool const is_suffix = dash == 0 && last;
        bool const is_open = first && dash + 1 == element.size();
        if (!is_suffix && !is_open && !(first && last && *first <= *last)) return into.clear(), range_request::whole;
        auto const begin = is_suffix ? size - std::min(*last, size) : *first;
        if (begin >= size) continue; // the others may be better
        auto const end = is_suffix || is_open ? size : std::min(*last, size - 1) + 1;
        into.emplace_back(begin, end - begin);
        sum += end - begin;
    }
    if (count == 0) return range_request::whole;
    if (into.empty()) return range_request::unsatisfiable;
    if (into.size() > 1 && sum > size) return into.clear(), range_request::whole;
    return range_request::parts;
}

} // namespace http
