// examples/http/error.hpp: why a request was refused, for the client to read.
#pragma once

#include <string>
#include <string_view>

namespace http {

struct error {
    int status = 0;
    std::string_view code; // a stable word for programs; always a literal
    std::string message;   // a sentence for people: what was wrong, and where
};

// The error as JSON: {"error":{"message","type","param","code"}}. `type` follows from the status. Bytes in the
// message that are not UTF-8 are replaced.
std::string to_json(error const& what);

} // namespace http
