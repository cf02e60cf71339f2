// weir/runtime/profile.hpp: how often each stack was met, in the forms that tools and readers want.
// Threads:  one at a time.
// Source:   folded stacks and flame graphs after B. Gregg, "The Flame Graph", CACM 59(6), 2016; the picture is our own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

class profile {
public:
    // A stack is a list of names from the outermost inwards, with semicolons between them.
    void add(std::string stack, std::uint64_t times = 1) {
        samples_ += times;
        stacks_[std::move(stack)] += times;
    }
    // Counts samples of which nothing is known but that they were.
    void add_lost(std::uint64_t times) noexcept { lost_ += times; }

    std::uint64_t samples() const noexcept { return samples_; }
    std::uint64_t lost() const noexcept { return lost_; }
    std::map<std::string, std::uint64_t> const& stacks() const noexcept { return stacks_; }
    // The number of samples in whose stack this name occurs.
    std::uint64_t samples_with(std::string_view name) const noexcept;

    // A line for each stack, `outer;inner 42`, as flame-graph tools and speedscope read it.
    std::string folded() const;
    // A picture that stands alone: widths are shares of the samples, callers below, and a pointer at rest tells more.
    std::string svg(std::string_view title) const;

private:
    // One box of the picture, and those above it.
    struct box {
        std::uint64_t samples = 0;
        std::map<std::string, box, std::less<>> above;
    };

    static unsigned height_of(box const& from) noexcept;
    void draw(std::string& out, std::string_view name, box const& one, double x, unsigned level, unsigned levels) const;
    static void append_text(std::string& out, std::string_view text);

    static constexpr double width = 1200;
    static constexpr double box_height = 17;
    static constexpr double head = 40;
    static constexpr double letter = 6.6; // in width

    std::map<std::string, std::uint64_t> stacks_;
    std::uint64_t samples_ = 0;
    std::uint64_t lost_ = 0;
};

inline std::uint64_t profile::samples_with(std::string_view name) const noexcept {
    std::uint64_t found = 0;
    for (auto const& [stack, times] : stacks_) {
        for (std::string_view rest = stack; !rest.empty();) {
            auto const end = std::min(rest.find(';'), rest.size());
            if (rest.substr(0, end) == name) {
                found += times;
                break;
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return found;
}

inline std::string profile::folded() const {
    std::string out;
    for (auto const& [stack, times] : stacks_) out += stack + ' ' + std::to_string(times) + '\n';
    return out;
}

inline unsigned profile::height_of(box const& from) noexcept {
    unsigned above = 0;
    for (auto const& [name, one] : from.above) above = std::max(above, height_of(one));
    return above + 1;
}

inline void profile::append_text(std::string& out, std::string_view text) {
    for (char const each : text) {
        if (each == '<') out += "&lt;";
        else if (each == '>') out += "&gt;";
        else if (each == '&') out += "&amp;";
        else if (each == '"') out += "&quot;";
        else if (static_cast<unsigned char>(each) < ' ') out += ' '; // XML has no control characters
        else out += each;
    }
}

inline void profile::draw(std::string& out, std::string_view name, box const& one, double x, unsigned level,
                          unsigned levels) const {
    double const share = static_cast<double>(one.samples) / static_cast<double>(std::max<std::uint64_t>(samples_, 1));
    double const wide = share * width;
    if (wide < 0.1) return; // nothing that could be seen
    double const y = head + (levels - 1 - level) * box_height;
    unsigned shade = 0; // the same name is of the same colour
    for (char const each : name) shade = shade * 31 + static_cast<unsigned char>(each);
    char text[200];
    std::snprintf(text, sizeof text,
                  "<g><rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" rx=\"1\" "
                  "fill=\"rgb(%u,%u,%u)\"/><title>",
                  x, y, std::max(wide - 0.3, 0.1), box_height - 1, 205 + shade % 50, 90 + shade / 50 % 110, shade / 5500 % 60);
    out += text;
    append_text(out, name);
    std::snprintf(text, sizeof text, " (%llu samples, %.2f %%)</title>", static_cast<unsigned long long>(one.samples),
                  share * 100);
    out += text;
    auto const letters = static_cast<std::size_t>(std::max(wide - 6, 0.0) / letter);
    if (letters >= 3) {
        std::snprintf(text, sizeof text, "<text x=\"%.1f\" y=\"%.0f\">", x + 3, y + 12);
        out += text;
        append_text(out, name.size() <= letters ? name : name.substr(0, letters - 2));
        out += name.size() <= letters ? "</text>" : "..</text>";
    }
    out += "</g>\n";
    for (auto const& [inner, above] : one.above) {
        draw(out, inner, above, x, level + 1, levels);
        x += static_cast<double>(above.samples) / static_cast<double>(samples_) * width;
    }
}

inline std::string profile::svg(std::string_view title) const {
    box all;
    all.samples = samples_;
    for (auto const& [stack, times] : stacks_) {
        box* at = &all;
        for (std::string_view rest = stack; !rest.empty();) {
            auto const end = std::min(rest.find(';'), rest.size());
            at = &at->above[std::string{rest.substr(0, end)}];
            at->samples += times;
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    unsigned const levels = height_of(all);
    char text[300];
    double const height = head + levels * box_height + 8;
    std::snprintf(text, sizeof text,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                  "viewBox=\"0 0 %.0f %.0f\" font-family=\"monospace\" font-size=\"11\">\n"
                  "<rect width=\"100%%\" height=\"100%%\" fill=\"#f8f8f4\"/>\n",
                  width, height, width, height);
    std::string out = text;
    out += "<text x=\"6\" y=\"22\" font-size=\"15\">";
    append_text(out, title);
    out += "</text>\n";
    draw(out, "all", all, 0, 0, levels);
    return out + "</svg>\n";
}

} // namespace weir
