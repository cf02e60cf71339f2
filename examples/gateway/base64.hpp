// examples/gateway/base64.hpp: bytes as text.
// Source:   RFC 4648, section 4: the usual alphabet, padded.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gateway {

// Appends `what` as base64.  Cost: at most one allocation.
void append_base64(std::string& out, std::span<std::byte const> what);

} // namespace gateway
