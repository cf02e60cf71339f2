// examples/postgres/sql_state.hpp: PostgreSQL's five characters for what went wrong, as a std::error_code.
// Source:   PostgreSQL's documentation, appendix A, "PostgreSQL Error Codes".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace postgres {

// The five characters as a number of base 36.
enum class sql_state : int {};

// Needs: five digits or capital letters; anything else reads as XX000, an internal error.
constexpr sql_state state(std::string_view five) noexcept {
    int packed = 0;
    for (char const each : five) {
        bool const digit = each >= '0' && each <= '9';
        bool const letter = each >= 'A' && each <= 'Z';
        if (five.size() != 5 || !(digit || letter)) return state("XX000");
        packed = packed * 36 + (digit ? each - '0' : each - 'A' + 10);
    }
    return five.empty() ? state("XX000") : static_cast<sql_state>(packed);
}

constexpr void write_text(sql_state of, char (&into)[6]) noexcept {
    int packed = static_cast<int>(of);
    into[5] = '\0';
    for (std::size_t place = 5; place-- > 0; packed /= 36) {
        int const digit = packed % 36;
        into[place] = static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10);
    }
}

inline constexpr sql_state cannot_connect = state("08001");     // no connection was made
inline constexpr sql_state connection_failure = state("08006"); // it ended; a query under way may have been done or not
inline constexpr sql_state unique_violation = state("23505");
inline constexpr sql_state query_canceled = state("57014");
inline constexpr sql_state disk_full = state("53100");

class sql_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "postgres"; }
    std::string message(int value) const override {
        char text[6];
        write_text(static_cast<sql_state>(value), text);
        return std::string{"PostgreSQL says "} + text + words_of({text, 2});
    }

private:
    // What stands out among the classes.
    static char const* words_of(std::string_view kind) noexcept {
        if (kind == "08") return " (no connection)";
        if (kind == "28") return " (not allowed to log in)";
        if (kind == "42") return " (the query makes no sense, or is not allowed)";
        if (kind == "53") return " (short of memory, space or connections)";
        if (kind == "57") return " (ended by an operator or a timeout)";
        return "";
    }
};

inline std::error_category const& category() noexcept {
    static sql_category const instance;
    return instance;
}

inline std::error_code make_error_code(sql_state value) noexcept { return {static_cast<int>(value), category()}; }

// Whether the same may well succeed later, because what failed was the way there or the server's state and not the query.
inline bool may_recover(std::error_code error) noexcept {
    if (error.category() != category()) return false;
    char text[6];
    write_text(static_cast<sql_state>(error.value()), text);
    std::string_view const all{text, 5};
    std::string_view const kind = all.substr(0, 2);
    return kind == "08" || kind == "40" || kind == "53" || kind == "57" || // the way; conflicts; resources; operators
           all == "25006";                                                 // read-only: a standby, about to take over
}

} // namespace postgres

template <>
struct std::is_error_code_enum<postgres::sql_state> : std::true_type {};
