// tests/http/compression.cpp: who gets a compressed body, and that it is the same body.
#include "serving.hpp"

#include <http/compression.hpp>

#include <zlib.h>
#ifdef WEIR_HTTP_ZSTD
#include <zstd.h>
#endif

using namespace http_test;

namespace {

std::string inflated(std::string_view text, std::size_t most) {
    std::string out(most, '\0');
    z_stream stream{};
    if (::inflateInit2(&stream, 15 + 16) != Z_OK) return "no memory";
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    int const ended = ::inflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::inflateEnd(&stream);
    return ended == Z_STREAM_END ? out : "not whole";
}

std::string words(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) text += "word " + std::to_string(i * 2654435761u % 1000) + ' ';
    text.resize(size);
    return text;
}

weir::task<> answer(http::exchange& one) {
    auto const path = one.request.path();
    static_cast<void>(one.response.set_content_type(path == "/picture" ? "image/png" : "text/plain"));
    one.response.body() = words(path == "/small" ? 100 : path == "/large" ? 300'000 : 5000);
    co_await http::compress(one);
}

} // namespace

TEST_CASE("a client's weights for a coding are read") {
    CHECK(http::coding_weight("gzip", "gzip") == 1000);
    CHECK(http::coding_weight("deflate, GZIP;q=0.5, br", "gzip") == 500);
    CHECK(http::coding_weight("gzip ; Q=0.125", "gzip") == 125);
    CHECK(http::coding_weight("*;q=0.3", "gzip") == 300);
    CHECK(http::coding_weight("*, gzip;q=0", "gzip") == 0);
    CHECK(http::coding_weight("gzip;q=0.000, *", "gzip") == 0);
    CHECK(http::coding_weight("x-gzip, gzipped", "gzip") == 0);
    CHECK(http::coding_weight("", "gzip") == 0);
    CHECK(http::coding_weight(std::nullopt, "gzip") == 0);
    for (std::string_view const bad :
         {"gzip;q=", "gzip;q=2", "gzip;q=1.5", "gzip;q=-1", "gzip;q=0.1234", "gzip;q=x", "gzip;x=1"}) {
        CAPTURE(bad);
        CHECK(http::coding_weight(bad, "gzip") == 0);
    }
}

TEST_CASE("the coding that a client wants most is taken, and none where it wants the body as it is") {
    CHECK(http::best_coding(std::nullopt).empty());
    CHECK(http::best_coding("br").empty());
    CHECK(http::best_coding("br, gzip;q=0.1") == "gzip");
    CHECK(http::best_coding("gzip;q=0.5, identity").empty());
    CHECK(http::best_coding("gzip, identity;q=0.5") == "gzip");
    CHECK(http::best_coding("gzip;q=0, identity").empty());
#ifdef WEIR_HTTP_ZSTD
    CHECK(http::best_coding("gzip, zstd") == "zstd");
    CHECK(http::best_coding("gzip, zstd;q=0.9") == "gzip");
    CHECK(http::best_coding("*") == "zstd");
#else
    CHECK(http::best_coding("gzip, zstd") == "gzip");
    CHECK(http::best_coding("*") == "gzip");
    CHECK(http::best_coding("zstd").empty());
#endif
}

#ifdef WEIR_HTTP_ZSTD
TEST_CASE("a body in zstd is the same body") {
    serving at{http::server_options{}, 2, &answer};
    caller one{at};
    for (std::string const path : {"/text", "/large"}) {
        auto const expected = words(path == "/large" ? 300'000 : 5000);
        auto const packed = one.ask(get(path, "Accept-Encoding: gzip;q=0.5, zstd\r\n"));
        CHECK(packed.header("Content-Encoding") == "zstd");
        CHECK(packed.header("Vary") == "Accept-Encoding");
        CHECK(packed.body.size() < expected.size());
        std::string out(expected.size() + 1, '\0');
        auto const size = ::ZSTD_decompress(out.data(), out.size(), packed.body.data(), packed.body.size());
        REQUIRE_FALSE(::ZSTD_isError(size));
        out.resize(size);
        CHECK((out == expected));
    }
}
#endif

TEST_CASE("text is compressible, and pictures are not") {
    for (std::string_view const type : {"text/html; charset=utf-8", "TEXT/plain", "application/json",
                                        "application/problem+json", "image/svg+xml", "application/javascript"})
        CHECK(http::is_compressible(type));
    for (std::string_view const type : {"", "image/png", "application/octet-stream", "application/zip", "json"})
        CHECK_FALSE(http::is_compressible(type));
}

TEST_CASE("a body is compressed for who asks for it, in place and on another thread, and for nobody else") {
    serving at{http::server_options{}, 2, &answer};
    caller one{at};
    for (std::string const path : {"/text", "/large"}) {
        auto const expected = words(path == "/large" ? 300'000 : 5000);
        auto const plain = one.ask(get(path));
        CHECK((plain.body == expected));
        CHECK(plain.header("Vary") == "Accept-Encoding");
        CHECK(plain.header("Content-Encoding").empty());
        auto const packed = one.ask(get(path, "Accept-Encoding: br, gzip\r\n"));
        CHECK(packed.header("Content-Encoding") == "gzip");
        CHECK(packed.header("Vary") == "Accept-Encoding");
        CHECK(packed.body.size() < expected.size());
        CHECK((inflated(packed.body, expected.size() + 1) == expected));
        CHECK((one.ask(get(path, "Accept-Encoding: gzip;q=0\r\n")).body == expected));
    }
    for (std::string const path : {"/small", "/picture"}) {
        auto const got = one.ask(get(path, "Accept-Encoding: gzip\r\n"));
        CHECK(got.header("Content-Encoding").empty());
        CHECK(got.header("Vary").empty());
        CHECK((got.body == words(path == "/small" ? 100 : 5000)));
    }
}

TEST_CASE("what does not become smaller is sent as it is") {
    std::string noise(4000, '\0');
    std::uint32_t state = 1;
    for (char& each : noise) each = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    CHECK(http::gzip(noise, 9).size() >= noise.size());
    CHECK(inflated(http::gzip(noise, 9), 5000) == noise);
    CHECK(inflated(http::gzip("", 1), 10).empty());
}
