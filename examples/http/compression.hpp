// examples/http/compression.hpp: response bodies with gzip or zstd, for clients that ask for it.
//     one.response.body() = ...;
//     co_await http::compress(one);
// Not:      for streams, nor for what is compressed already, as pictures are; static_files has files for that.
// Source:   RFC 9110, sections 8.4 and 12.5.3; RFC 1952; RFC 8878. The work is zlib's, and zstd's where that is there.
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
    int level = 4;                     // of gzip: 1 is fast, 9 is small
    int zstd_level = 3;                // 1 is fast, 19 is small
};

// How much a client wants a coding, in thousandths; 0: not at all. Without a header it wants none.
// What is no valid weight counts as 0.
unsigned coding_weight(std::optional<std::string_view> accept_encoding, std::string_view coding) noexcept;

// Of the codings that were compiled in the one that a client wants most, of equals the one that makes less; empty where
// it wants the body as it is.
std::string_view best_coding(std::optional<std::string_view> accept_encoding) noexcept;

// Whether bodies of that type become smaller: text, JSON, XML and scripts.
bool is_compressible(std::string_view content_type) noexcept;

// `body` in the format of gzip; empty when zlib has no memory.
std::string gzip(std::string_view body, int level);
#ifdef WEIR_HTTP_ZSTD
// The same in the format of zstd.
std::string zstd(std::string_view body, int level);
#endif

// Compresses the body of the response where that is worth it, and adds Content-Encoding and Vary. What was streamed is
// left alone.
// Needs: a body whose entity tag, if it has one, is weak.
weir::task<> compress(exchange& one, compression_options options = {});

} // namespace http
