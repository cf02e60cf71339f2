// tests/conformance/table.hpp: the table of docs/cancellation.md, of the descriptions that the suite checks.
#pragma once

#include "conformance/subject.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace weir::conformance {

// The order of the groups in the table.
enum class group : unsigned char { tasks, timers, sync, channels, flow, io };
inline constexpr std::size_t groups = 6;

struct table_line {
    group where;
    description what;
};

inline std::vector<table_line>& table_lines() {
    static std::vector<table_line> lines;
    return lines;
}

// Enters a list of subjects; one object of this kind stands beside each list.
template <class List>
class in_table;
template <subject... S>
class in_table<std::tuple<S...>> {
public:
    explicit in_table(group where) { (table_lines().push_back({where, S::row}), ...); }
};

inline std::string_view words_of(on_cancel kind) noexcept {
    switch (kind) {
        case on_cancel::safe: return "safe";
        case on_cancel::loses_place: return "loses its place in the queue";
        case on_cancel::may_take_effect: return "may have taken effect";
        case on_cancel::as_its_parts: return "as what it awaits";
        case on_cancel::not_stopped: return "has no effect";
    }
    return {};
}

inline std::string table() {
    std::string text = "| awaitable | a stop | what happens to the value | note |\n|---|---|---|---|\n";
    for (std::size_t n = 0; n < groups; ++n)
        for (auto const& [where, what] : table_lines()) {
            if (static_cast<std::size_t>(where) != n) continue;
            text.append("| `").append(what.name).append("` | ").append(words_of(what.kind));
            text.append(" | ").append(what.value).append(" | ").append(what.note);
            text.append(what.note.empty() ? "|\n" : " |\n");
        }
    return text;
}

} // namespace weir::conformance
