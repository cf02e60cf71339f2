// examples/gateway/request_id.hpp: the name under which a request is found again, in the client's log and in ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

inline constexpr char const* request_id_header = "x-request-id";

// Whether a client's own id is taken over: 1 to 128 letters, digits or characters of -._:/+=, so that it can forge no
// line of a log and no header.
bool is_request_id(std::string_view text) noexcept;

// The client's own where it is one, else `made`.
std::string request_id(std::optional<std::string_view> sent, std::string_view made);

} // namespace gateway
