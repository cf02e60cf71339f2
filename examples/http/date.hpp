// examples/http/date.hpp: the value of a Date header, formatted once a second.
// Threads:  one; a worker has its own.
// Source:   RFC 9110, section 5.6.7 (IMF-fixdate).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace http {

namespace detail {

inline constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

} // namespace detail

class date {
public:
    static constexpr std::size_t size = 29;

    // "Sun, 06 Nov 1994 08:49:37 GMT".  Needs: a year of four digits.  Cost: a comparison, unless the second is new.
    // The view is good until the next call.
    std::string_view at(std::chrono::system_clock::time_point now) noexcept;

private:
    void format(std::chrono::sys_seconds second) noexcept;

    std::int64_t second_ = INT64_MIN;
    std::array<char, size> text_{};
};

// The time that an IMF-fixdate names; nothing for any other text.
inline std::optional<std::chrono::sys_seconds> read_date(std::string_view text) noexcept;

inline std::string_view date::at(std::chrono::system_clock::time_point now) noexcept {
    auto const second = std::chrono::floor<std::chrono::seconds>(now);
    if (second.time_since_epoch().count() != second_) {
        format(second);
        second_ = second.time_since_epoch().count();
    }
    return {text_.data(), text_.size()};
}

inline void date::format(std::chrono::sys_seconds second) noexcept {
    constexpr std::string_view days = "SunMonTueWedThuFriSat";
    constexpr auto months = detail::months;
    auto const day = std::chrono::floor<std::chrono::days>(second);
    std::chrono::year_month_day const calendar{day};
    std::chrono::hh_mm_ss const clock{second - day};

    auto* out = text_.data();
    auto const text = [&](std::string_view part) { out += part.copy(out, part.size()); };
    auto const two = [&](unsigned value) {
        *out++ = static_cast<char>('0' + value / 10 % 10);
        *out++ = static_cast<char>('0' + value % 10);
    };
    text(days.substr(3 * std::chrono::weekday{day}.c_encoding(), 3));
    text(", ");
    two(static_cast<unsigned>(calendar.day()));
    text(" ");
    text(months.substr(3 * (static_cast<unsigned>(calendar.month()) - 1), 3));
    text(" ");
    auto const year = static_cast<unsigned>(static_cast<int>(calendar.year()));
    two(year / 100);
    two(year);
    text(" ");
    two(static_cast<unsigned>(clock.hours().count()));
    text(":");
    two(static_cast<unsigned>(clock.minutes().count()));
    text(":");
    two(static_cast<unsigned>(clock.seconds().count()));
    text(" GMT");
}

inline std::optional<std::chrono::sys_seconds> read_date(std::string_view text) noexcept {
    // Each digit of "Sun, 06 Nov 1994 08:49:37 GMT" stands at its place; the name of the day is not looked at.
    constexpr std::string_view form = "???, 00 ??? 0000 00:00:00 GMT";
    if (text.size() != form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i) {
        bool const is_digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !is_digit : form[i] != '?' && form[i] != text[i]) return std::nullopt;
    }
    auto const number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        for (char const c : text.substr(at, digits)) value = value * 10 + static_cast<unsigned>(c - '0');
        return value;
    };
    auto const month = detail::months.find(text.substr(8, 3));
    if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
    std::chrono::year_month_day const day{std::chrono::year{static_cast<int>(number(12, 4))},
                                          std::chrono::month{static_cast<unsigned>(month / 3 + 1)},
                                          std::chrono::day{number(5, 2)}};
    if (!day.ok() || number(17, 2) > 23 || number(20, 2) > 59 || number(23, 2) > 60) return std::nullopt;
    return std::chrono::sys_days{day} + std::chrono::hours{number(17, 2)} + std::chrono::minutes{number(20, 2)} +
           std::chrono::seconds{number(23, 2)};
}

} // namespace http
