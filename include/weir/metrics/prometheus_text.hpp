// weir/metrics/prometheus_text.hpp: the words of Prometheus' text format 0.0.4: what may stand in it, and how it is escaped.
// For:      authors of primitives; registry.hpp writes whole answers.
// Source:   "Exposition formats" and "Data model", prometheus.io.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace weir::inline v0::prometheus {

inline constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

// ASCII only, and not <cctype>, whose answers a locale changes.
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr bool is_metric_name(std::string_view name) noexcept {
    if (name.empty() || is_digit(name.front())) return false;
    for (char const c : name)
        if (!is_letter(c) && !is_digit(c) && c != ':') return false;
    return true;
}

// Names that begin with two underscores are Prometheus' own.
constexpr bool is_label_name(std::string_view name) noexcept {
    return is_metric_name(name) && name.find(':') == name.npos && !name.starts_with("__");
}

// Whether a reader may take the text: one bad byte, and Prometheus rejects the whole answer.
// Source: Unicode 15, table 3-7, "Well-Formed UTF-8 Byte Sequences".
constexpr bool is_utf8(std::string_view text) noexcept {
    auto const byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    for (std::size_t at = 0; at < text.size();) {
        auto const lead = byte(at);
        std::size_t tail = 0;
        // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
        unsigned low = 0x80;
        unsigned high = 0xBF;
        if (lead < 0x80) {
            ++at;
            continue;
        } else if (lead >= 0xC2 && lead <= 0xDF) {
            tail = 1;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            tail = 2;
            if (lead == 0xE0) low = 0xA0;
            if (lead == 0xED) high = 0x9F;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            tail = 3;
            if (lead == 0xF0) low = 0x90;
            if (lead == 0xF4) high = 0x8F;
        } else {
            return false;
        }
        if (byte(at + 1) < low || byte(at + 1) > high) return false;
        for (std::size_t n = 2; n <= tail; ++n)
            if (byte(at + n) < 0x80 || byte(at + n) > 0xBF) return false;
        at += 1 + tail;
    }
    return true;
}

inline void append_help(std::string& out, std::string_view help) {
    for (char const c : help) {
        if (c == '\\') out += "\\\\";
        else if (c == '\n') out += "\\n";
        else out += c;
    }
}

// Without the quotes around it.
inline void append_label_value(std::string& out, std::string_view value) {
    for (char const c : value) {
        if (c == '\\') out += "\\\\";
        else if (c == '\n') out += "\\n";
        else if (c == '"') out += "\\\"";
        else out += c;
    }
}

// The shortest text that reads back as the same number.
inline void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        char text[32];
        out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    }
}
template <std::integral Integer>
void append_number(std::string& out, Integer value) {
    char text[24];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// `name{labels,extra_name="extra_value"} `, each part only where it is not empty; `labels` is escaped already.
inline void append_series(std::string& out, std::string_view name, std::string_view labels,
                          std::string_view extra_name = {}, std::string_view extra_value = {}) {
    out += name;
    if (!labels.empty() || !extra_name.empty()) {
        out += '{';
        out += labels;
        if (!extra_name.empty()) {
            if (!labels.empty()) out += ',';
            out += extra_name;
            out += "=\"";
            append_label_value(out, extra_value);
            out += '"';
        }
        out += '}';
    }
    out += ' ';
}

} // namespace weir::prometheus
