// examples/http/authority.hpp: the grammar of a host and port, as in a Host header.
// Source:   RFC 3986, section 3.2.2; RFC 9110, sections 4.2.1 and 7.2.
#pragma once

#include <string_view>

namespace http {

// Returns: whether `text` is a uri-host, which is not empty, with or without ":" and a port.
bool is_authority(std::string_view text) noexcept;

} // namespace http
