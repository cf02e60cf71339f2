// examples/redis/reply_parser.cpp: lines, strings behind their lengths, and aggregates on a stack of our own.
#include "reply_parser.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace redis {

namespace {

constexpr std::size_t expected_elements = 1024; // an aggregate may lie about how many it has: it grows as they come

template <class Number>
std::optional<Number> number(std::string_view text) noexcept {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return {};
    }
    Number read{};
    auto const end = std::from_chars(text.data(), text.data() + text.size(), read);
    if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return {};
    return read;
}

bool is_digit(char one) noexcept { return one >= '0' && one <= '9'; }

// A length or a count: digits alone.
std::optional<std::size_t> count_of(std::string_view text) noexcept {
    if (text.empty() || !is_digit(text.front())) return {};
    return number<std::size_t>(text);
}

std::optional<double> double_of(std::string_view text) noexcept {
    if (text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
    if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
    bool const numeric = std::all_of(text.begin(), text.end(), [](char one) {
        return is_digit(one) || one == '.' || one == '-' || one == '+' || one == 'e' || one == 'E';
    });
    return numeric ? number<double>(text) : std::nullopt;
}

bool is_big_number(std::string_view text) noexcept {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

} // namespace

reply_parser::progress reply_parser::parse(weir::buffer& in) {
    while (!broken_) {
        bool const in_string = string_.has_value();
        std::size_t const before = in.size();
        auto const now = in_string ? parse_string(in) : parse_line(in);
        if (now == progress::broken) break;
        if (now == progress::complete) {
            elements_ = bytes_ = 0;
            return now;
        }
        if (in.size() == before) return progress::hungry; // it could not take a thing
    }
    broken_ = true;
    return progress::broken;
}

std::size_t reply_parser::wanted(weir::buffer const& in) const noexcept {
    return string_ && string_->size + 2 > in.size() ? string_->size + 2 - in.size() : 0;
}

reply_parser::progress reply_parser::parse_line(weir::buffer& in) {
    auto const all = in.view();
    auto const end = std::min(all.find('\r', scanned_), all.size());
    if (end > limits_.line || all.substr(scanned_, end - scanned_).find('\n') != std::string_view::npos)
        return progress::broken;
    scanned_ = end; // keeps P1
    if (all.size() - end < 2) return progress::hungry;
    if (end == 0 || all[end + 1] != '\n') return progress::broken;
    char const type = all.front();
    in.consume(1);
    auto const text = in.view().substr(0, end - 1); // consuming moves nothing
    weir::bytes line;
    if (type == '+' || type == '-' || type == '(') line = in.split(text.size());
    else in.consume(text.size());
    in.consume(2);
    scanned_ = 0;
    return begin(type, text, std::move(line));
}

reply_parser::progress reply_parser::begin(char type, std::string_view text, weir::bytes line) {
    switch (type) {
        case '+': return place({kind::text, std::move(line)});
        case '-': return place({kind::error, std::move(line)});
        case ':':
            if (auto const read = number<std::int64_t>(text)) return place(value{*read});
            return progress::broken;
        case ',':
            if (auto const read = double_of(text)) return place(value{*read});
            return progress::broken;
        case '#':
            if (text == "t" || text == "f") return place(value{text == "t"});
            return progress::broken;
        case '_': return text.empty() ? place(value{}) : progress::broken;
        case '(': return is_big_number(text) ? place({kind::big_number, std::move(line)}) : progress::broken;
        case '$': return text == "-1" ? place(value{}) : announce(kind::string, text); // -1: the null of RESP2
        case '!': return announce(kind::error, text);
        case '=': return announce(kind::verbatim, text);
        case '*': return text == "-1" ? place(value{}) : open(kind::array, text, 1);
        case '~': return open(kind::set, text, 1);
        case '%': return open(kind::map, text, 2);
        case '|': return open(kind::map, text, 2, true);
        case '>': return open_.empty() ? open(kind::push, text, 1) : progress::broken;
        default: return progress::broken;
    }
}

reply_parser::progress reply_parser::announce(redis::kind what, std::string_view size) {
    auto const read = count_of(size);
    if (!read || *read > limits_.bytes - bytes_) return progress::broken;
    bytes_ += *read;
    string_ = announced{what, *read};
    return progress::hungry;
}

reply_parser::progress reply_parser::parse_string(weir::buffer& in) {
    if (in.size() < string_->size + 2) return progress::hungry;
    auto text = in.split(string_->size);
    if (in.view().substr(0, 2) != "\r\n") return progress::broken;
    in.consume(2);
    auto const what = std::exchange(string_, std::nullopt)->what;
    if (what == kind::verbatim) {
        if (text.size() < 4 || text.view()[3] != ':') return progress::broken;
        text.remove_prefix(4);
    }
    return place({what, std::move(text)});
}

reply_parser::progress reply_parser::open(redis::kind what, std::string_view count, std::size_t of_each,
                                          bool is_attribute) {
    auto const read = count_of(count);
    if (!read || *read > (limits_.elements - elements_) / of_each || open_.size() >= limits_.depth)
        return progress::broken;
    std::size_t const left = *read * of_each;
    elements_ += left;
    if (left == 0) return is_attribute ? progress::hungry : place({what, std::vector<value>{}}); // keeps P2
    open_.push_back({what, is_attribute, left, {}});
    if (!is_attribute) open_.back().elements.reserve(std::min(left, expected_elements));
    return progress::hungry;
}

reply_parser::progress reply_parser::place(value one) {
    while (!open_.empty()) {
        level& innermost = open_.back();
        if (!innermost.is_attribute) innermost.elements.push_back(std::move(one));
        if (--innermost.left > 0) return progress::hungry;
        bool const dropped = innermost.is_attribute;
        if (!dropped) one = value{innermost.what, std::move(innermost.elements)};
        open_.pop_back();
        if (dropped) return progress::hungry; // what it is about comes next
    }
    whole_ = std::move(one);
    return progress::complete;
}

} // namespace redis
