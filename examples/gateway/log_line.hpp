// examples/gateway/log_line.hpp: one line of the log, an object in JSON.
// Whatever bytes a field has, the line is ASCII and ends where it should, and nothing in it is obeyed by a terminal:
// what is no UTF-8 is told as U+FFFD, what is long is cut.
#pragma once

#include <weir/coro/context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

enum class log_level : unsigned char { debug, info, warning, error };

std::string_view to_string(log_level level) noexcept;
// Nothing for any other word than these four.
std::optional<log_level> parse_log_level(std::string_view word) noexcept;

class log_line {
public:
    static constexpr std::size_t most_text = 1024; // bytes of a field

    log_line(std::chrono::system_clock::time_point at, log_level level, std::string_view event);

    // Needs: a name in quotable ASCII, for instance a literal; each once.
    void add(std::string_view name, std::string_view text);
    void add(std::string_view name, std::uint64_t number);
    // In seconds, to the microsecond.
    void add(std::string_view name, weir::duration length);

    // The whole line, its end included.  Needs: to be the last call.
    std::string take();

private:
    void begin(std::string_view name);
    void append_quoted(std::string_view text);

    std::string text_;
};

} // namespace gateway
