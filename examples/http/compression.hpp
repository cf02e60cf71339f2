// examples/http/compression.hpp: response bodies with gzip, for clients that ask for it.
//     one.response.body() = ...;
//     co_await http::compress(one);
// Not:      for streams, nor for what is compressed already, as pictures are.
// Source:   RFC 9110, sections 8.4 and 12.5.3; RFC 1952. The work is zlib's.
#pragma once

#include "exchange.hpp"

#include <weir/coro/task.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace http {

class compression_options {
public:
    compression_options() noexcept {}
    std::size_t least = 1024;          // smaller bodies gain nothing
    std::size_t in_place = 64 * 1024;  // larger ones are compressed on a thread that may be busy with it
    int level = 4;                     // 1 is fast, 9 is small
};

// How much a client wants a coding, in thousandths; 0: not at all. Without a header it wants none.
// What is no valid weight counts as 0.
unsigned coding_weight(std::optional<std::string_view> accept_encoding, std::string_view coding) noexcept;

// Whether bodies of that type become smaller: text, JSON, XML and scripts.
bool is_compressible(std::string_view content_type) noexcept;

// `body` in the format of gzip; empty when zlib has no memory.
std::string gzip(std::string_view body, int level);

// Compresses the body of the response where that is worth it, and adds Content-Encoding and Vary.
// Needs: a whole body, whose entity tag, if it has one, is weak.
weir::task<> compress(exchange& one, compression_options options = {});

} // namespace http
