// weir/runtime/place_text.hpp: a place in the source, for reports: the file by its last two names, and the line.
// For:      authors of primitives: dump.hpp.
#pragma once

#include <weir/runtime/await_chain.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <span>
#include <string>
#include <string_view>

namespace weir::inline v0 {

// Empty where it is not known.
inline std::string place_text(std::source_location at) {
    if (at.line() == 0) return {};
    std::string_view file{at.file_name()};
    auto const last = file.rfind('/');
    if (last != file.npos && last > 0)
        if (auto const before = file.rfind('/', last - 1); before != file.npos) file.remove_prefix(before + 1);
    return std::string{file} + ":" + std::to_string(at.line());
}

// The same of a word that should be one, but may be anything: it is read as who doubts it reads.
inline std::string place_text(std::uintptr_t word) {
    // A location is a pointer to what the compiler has laid down, which begins with the names and holds the line.
    static_assert(sizeof(std::source_location) == sizeof word);
    std::array<std::uintptr_t, 3> laid_down{};
    if (word % alignof(void*) != 0 || !read_words(word, laid_down)) return {};
    std::source_location at;
    std::memcpy(static_cast<void*>(&at), &word, sizeof word);
    auto const line = at.line();
    auto from = reinterpret_cast<std::uintptr_t>(at.file_name());
    if (line == 0 || line > 10'000'000) return {};
    std::array<std::uintptr_t, 1> piece{};
    from -= from % sizeof piece; // words end with pages; what stands before the name does not matter
    for (std::size_t read = 0; read < 4096; read += sizeof piece, from += sizeof piece) {
        if (!read_words(from, piece)) return {};
        std::array<char, sizeof piece> text;
        std::memcpy(text.data(), piece.data(), sizeof piece);
        auto const first = read == 0 ? reinterpret_cast<std::uintptr_t>(at.file_name()) - from : 0;
        for (auto n = static_cast<std::size_t>(first); n < text.size(); ++n) {
            if (text[n] == '\0') return place_text(at);
            if (static_cast<unsigned char>(text[n]) < ' ') return {};
        }
    }
    return {};
}

} // namespace weir
