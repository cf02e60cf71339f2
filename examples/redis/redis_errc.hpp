// examples/redis/redis_errc.hpp: why a command has no good answer, as a std::error_code.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace redis {

enum class redis_errc {
    unavailable = 1,  // nobody could be reached, and the command was not sent
    connection_lost,  // the command may have been executed or not
    bad_reply,        // bytes that are no RESP3; the connection was given up
    unexpected_reply, // a good one, of a type that the command does not give
    bad_location,     // a URL that cannot be read
    // What Redis says by the first word of an error.
    wrong_type,
    not_allowed,      // NOAUTH, WRONGPASS, NOPERM
    no_script,
    not_ready,        // LOADING, BUSY, MASTERDOWN, READONLY, CLUSTERDOWN, TRYAGAIN
    out_of_memory,
    refused,          // any other
};

// The words of an error that Redis has answered, as a code.
redis_errc code_of(std::string_view words) noexcept;

std::error_category const& category() noexcept;
inline std::error_code make_error_code(redis_errc value) noexcept { return {static_cast<int>(value), category()}; }

} // namespace redis

template <>
struct std::is_error_code_enum<redis::redis_errc> : std::true_type {};
