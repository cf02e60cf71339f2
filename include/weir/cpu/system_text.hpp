// weir/cpu/system_text.hpp: reads the small text files in which a kernel tells what it is and has.
// For:      authors of primitives: cpu_grant.hpp and topology.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace weir::inline v0::system_text {

// The whole file; none where it cannot be read. A file that the kernel writes has no size, so it is read to its end.
inline std::optional<std::string> read(std::string const& path) {
    struct closer {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> const file{std::fopen(path.c_str(), "re")};
    if (!file) return std::nullopt;
    std::string text;
    char piece[4096];
    while (auto const size = std::fread(piece, 1, sizeof piece, file.get())) text.append(piece, size);
    if (std::ferror(file.get())) return std::nullopt; // a directory opens, and fails here
    return text;
}

// Takes what stands before the next `end` off the front of `text`, and the mark with it.
inline std::string_view take_until(std::string_view& text, char end) noexcept {
    auto const at = std::min(text.find(end), text.size());
    auto const taken = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return taken;
}

// Without the blanks and the end of line behind it.
inline std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    return text;
}

// The whole text as a number.
inline std::optional<long long> to_number(std::string_view text) noexcept {
    text = trimmed(text);
    long long value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace weir::system_text
