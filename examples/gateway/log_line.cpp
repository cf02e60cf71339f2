// examples/gateway/log_line.cpp: times, numbers and texts as JSON has them.
#include "log_line.hpp"

#include <weir/metrics/prometheus_text.hpp>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace gateway {

namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

// No locale and no time zone, whose look-up takes a lock.
void append_time(std::string& out, std::chrono::system_clock::time_point at) {
    using namespace std::chrono;
    auto const micros = floor<microseconds>(at);
    auto const day = floor<days>(micros);
    year_month_day const date{day};
    hh_mm_ss const time{micros - day};
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
    out += text;
}

bool is_plain(char c) noexcept { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

// At most so many bytes, and no part of a character where it was whole.
std::string_view cut(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) return text;
    for (std::size_t back = 0; back < 4; ++back)
        if ((static_cast<unsigned char>(text[most - back]) & 0xc0) != 0x80) return text.substr(0, most - back);
    return text.substr(0, most); // no character is that long
}

} // namespace

std::string_view to_string(log_level level) noexcept { return level_names[static_cast<unsigned>(level)]; }

std::optional<log_level> parse_log_level(std::string_view word) noexcept {
    auto const found = std::find(std::begin(level_names), std::end(level_names), word);
    if (found == std::end(level_names)) return std::nullopt;
    return static_cast<log_level>(found - std::begin(level_names));
}

log_line::log_line(std::chrono::system_clock::time_point at, log_level level, std::string_view event) {
    text_.reserve(320);
    text_ += R"({"time":")";
    append_time(text_, at);
    text_ += R"(","level":")";
    text_ += to_string(level);
    text_ += '"';
    add("event", event);
}

void log_line::begin(std::string_view name) {
    text_ += ",\"";
    text_ += name;
    text_ += "\":";
}

void log_line::add(std::string_view name, std::string_view text) {
    begin(name);
    append_quoted(cut(text, most_text));
}

void log_line::add(std::string_view name, std::uint64_t number) {
    begin(name);
    weir::prometheus::append_number(text_, number);
}

void log_line::add(std::string_view name, weir::duration length) {
    begin(name);
    using std::chrono::microseconds;
    auto const micros = std::chrono::duration_cast<microseconds>(std::max(length, weir::duration{0})).count();
    char text[40];
    std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(micros / 1'000'000),
                  static_cast<long long>(micros % 1'000'000));
    text_ += text;
}

void log_line::append_quoted(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), is_plain)) { // nearly always
        text_ += '"';
        text_ += text;
        text_ += '"';
    } else {
        text_ += nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    }
}

std::string log_line::take() {
    text_ += "}\n";
    return std::move(text_);
}

} // namespace gateway
