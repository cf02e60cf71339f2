// examples/http/date.hpp: the value of a Date header, formatted once a second.
// Threads:  one; a worker has its own.
// Source:   RFC 9110, section 5.6.7 (IMF-fixdate).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace http {

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
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
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

} // namespace http
