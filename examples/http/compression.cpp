// examples/http/compression.cpp: Accept-Encoding, and the dealings with zlib and zstd.
#include "compression.hpp"

#include "ascii.hpp"

#include <weir/base/assert.hpp>
#include <weir/runtime/blocking.hpp>

#include <utility>
#include <zlib.h>
#ifdef WEIR_HTTP_ZSTD
#include <zstd.h>
#endif

namespace http {

namespace {

// "0", "1", "0.5", "1.000" in thousandths.
unsigned weight_of(std::string_view text) noexcept {
    if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return 0;
    unsigned value = text[0] == '1' ? 1000 : 0;
    if (text.size() > 1 && text[1] != '.') return 0;
    unsigned scale = 100;
    for (char const c : text.substr(text.size() > 1 ? 2 : 1)) {
        if (!is_digit(c)) return 0;
        value += scale * static_cast<unsigned>(c - '0');
        scale /= 10;
    }
    return value <= 1000 ? value : 0;
}

// What was compiled in, what makes less first.
constexpr std::string_view codings[] = {
#ifdef WEIR_HTTP_ZSTD
    "zstd",
#endif
    "gzip",
};

std::string encoded(std::string_view body, [[maybe_unused]] std::string_view coding, compression_options const& how) {
#ifdef WEIR_HTTP_ZSTD
    if (coding == "zstd") return zstd(body, how.zstd_level);
#endif
    return gzip(body, how.level);
}

} // namespace

unsigned coding_weight(std::optional<std::string_view> accept_encoding, std::string_view coding) noexcept {
    auto rest = accept_encoding.value_or(std::string_view{});
    unsigned any = 0;
    while (!rest.empty()) {
        auto const element = take_element(rest);
        auto const semicolon = element.find(';');
        auto const name = trimmed(element.substr(0, semicolon));
        unsigned weight = 1000;
        if (semicolon != std::string_view::npos) {
            auto const parameter = trimmed(element.substr(semicolon + 1));
            bool const is_weight = equal_ignoring_case(parameter.substr(0, 2), "q=");
            weight = is_weight ? weight_of(parameter.substr(2)) : 0;
        }
        if (equal_ignoring_case(name, coding)) return weight;
        if (name == "*") any = weight;
    }
    return any;
}

std::string_view best_coding(std::optional<std::string_view> accept_encoding) noexcept {
    std::string_view best;
    unsigned most = coding_weight(accept_encoding, "identity"); // less than that, and it is better left as it is
    for (auto const each : codings) {
        auto const weight = coding_weight(accept_encoding, each);
        if (weight == 0 || weight < most || (weight == most && !best.empty())) continue;
        best = each;
        most = weight;
    }
    return best;
}

bool is_compressible(std::string_view content_type) noexcept {
    auto const type = trimmed(content_type.substr(0, content_type.find(';')));
    if (equal_ignoring_case(type.substr(0, 5), "text/")) return true;
    for (std::string_view const ending : {"/json", "+json", "/xml", "+xml", "/javascript", "/x-ndjson"}) {
        if (type.size() <= ending.size()) continue;
        if (equal_ignoring_case(type.substr(type.size() - ending.size()), ending)) return true;
    }
    return false;
}

std::string gzip(std::string_view body, int level) {
    constexpr int window_of_gzip = 15 + 16; // the largest window, and gzip's head instead of zlib's
    z_stream stream{};
    std::string out;
    if (::deflateInit2(&stream, level, Z_DEFLATED, window_of_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) return out;
    out.resize(::deflateBound(&stream, body.size()));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    bool const done = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(done ? stream.total_out : 0);
    ::deflateEnd(&stream);
    return out;
}

#ifdef WEIR_HTTP_ZSTD
std::string zstd(std::string_view body, int level) {
    std::string out(::ZSTD_compressBound(body.size()), '\0');
    auto const size = ::ZSTD_compress(out.data(), out.size(), body.data(), body.size(), level);
    out.resize(::ZSTD_isError(size) ? 0 : size);
    return out;
}
#endif

weir::task<> compress(exchange& one, compression_options options) {
    constexpr std::size_t most = 1024 * 1024 * 1024; // what zlib counts in one go, and then some room
    auto& response = one.response;
    auto& body = response.body();
    if (one.stream.begun() || !response.may_have_body()) co_return;
    if (body.size() < options.least || body.size() > most || !is_compressible(response.content_type())) co_return;
    bool added = response.add_header("Vary", "Accept-Encoding"); // to who does not ask, as well
    WEIR_ASSERT(added, "a header of our own is not valid");
    auto const coding = best_coding(one.request.header("Accept-Encoding"));
    if (coding.empty()) co_return;
    std::string smaller;
    if (body.size() <= options.in_place) {
        smaller = encoded(body, coding, options);
    } else {
        auto made = co_await weir::blocking(
            [](std::string const* from, std::string_view to, compression_options const* how) {
                return encoded(*from, to, *how);
            },
            &body, coding, &options);
        if (made) smaller = std::move(*made); // else the pool is overloaded, and the body goes as it is
    }
    if (smaller.empty() || smaller.size() >= body.size()) co_return;
    body = std::move(smaller);
    added = response.add_header("Content-Encoding", coding);
    WEIR_ASSERT(added, "a header of our own is not valid");
}

} // namespace http
