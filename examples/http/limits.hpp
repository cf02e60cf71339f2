// examples/http/limits.hpp: how much of a request a server is willing to hold.
#pragma once

#include <cstddef>

namespace http {

// Has a constructor and so is no aggregate: compilers exist that destroy a brace-built aggregate twice when it
// stands in an await expression.
struct limits {
    limits() noexcept {}

    std::size_t method_bytes = 32;
    std::size_t target_bytes = 8 * 1024;
    std::size_t header_bytes = 16 * 1024; // all header lines with their line ends; trailers have the same again
    std::size_t header_count = 100;       // lines; trailers have the same again
    std::size_t body_bytes = 1024 * 1024; // after the chunks are joined
    std::size_t empty_lines = 4;          // before a request line
    std::size_t chunk_extension_bytes = 256;
    std::size_t chunk_extensions_bytes = 8 * 1024; // of all chunks of one body
};

} // namespace http
