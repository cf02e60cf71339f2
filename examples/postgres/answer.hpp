// examples/postgres/answer.hpp: what a query brings: rows, or SQLSTATE and the server's words.
#pragma once

#include "sql_state.hpp"

#include <weir/base/assert.hpp>
#include <weir/base/errc.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace postgres {

// Values as PostgreSQL writes them.
class rows {
public:
    explicit rows(PGresult* taken_over) noexcept : of_{taken_over} {}

    std::size_t size() const noexcept { return static_cast<std::size_t>(PQntuples(of_.get())); }
    std::size_t columns() const noexcept { return static_cast<std::size_t>(PQnfields(of_.get())); }
    bool empty() const noexcept { return size() == 0; }
    // How many a command has inserted, updated, deleted or selected.
    std::uint64_t affected() const noexcept { return number<std::uint64_t>(PQcmdTuples(of_.get())).value_or(0); }

    // Nothing where it is NULL. The view is good for as long as the rows.  Needs: row < size(), column < columns().
    std::optional<std::string_view> text(std::size_t row, std::size_t column) const noexcept {
        WEIR_ASSERT(row < size() && column < columns(), "a value was asked for that the rows do not have");
        auto const r = static_cast<int>(row);
        auto const c = static_cast<int>(column);
        if (PQgetisnull(of_.get(), r, c)) return std::nullopt;
        return std::string_view{PQgetvalue(of_.get(), r, c), static_cast<std::size_t>(PQgetlength(of_.get(), r, c))};
    }
    // Nothing where it is NULL, or is no whole number.
    std::optional<std::int64_t> integer(std::size_t row, std::size_t column) const noexcept {
        auto const value = text(row, column);
        return value ? number<std::int64_t>(*value) : std::nullopt;
    }

private:
    template <class Number>
    static std::optional<Number> number(std::string_view text) noexcept {
        Number value{};
        auto const end = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
        return value;
    }
    struct clear {
        void operator()(PGresult* one) const noexcept { PQclear(one); }
    };
    std::unique_ptr<PGresult, clear> of_;
};

class failure {
public:
    failure(std::error_code why, std::string words) noexcept : code{why}, message{std::move(words)} {}
    explicit failure(std::error_code why) : failure{why, why.message()} {}

    std::error_code code; // a sql_state, or why the wait for it ended
    std::string message;
};

// As a weir::result, with words to the error.
class [[nodiscard]] answer {
public:
    answer(rows got) noexcept : rows_{std::move(got)} {}
    answer(failure why) noexcept : failure_{std::move(why)} {}

    bool has_value() const noexcept { return rows_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    // Needs: has_value().
    rows& operator*() noexcept { return checked(); }
    rows* operator->() noexcept { return &checked(); }
    // Empty when there are rows.
    std::error_code error() const noexcept { return failure_.code; }
    std::string const& message() const noexcept { return failure_.message; }

private:
    rows& checked() noexcept {
        WEIR_ASSERT(rows_.has_value(), "the rows of a failed query were asked for");
        return *rows_;
    }
    std::optional<rows> rows_;
    failure failure_{std::error_code{}, {}};
};

} // namespace postgres
