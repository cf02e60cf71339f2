// tests/http/static_files.cpp: a folder as clients see it, and what lies outside of it.
#include "serving.hpp"

#include <http/file_path.hpp>
#include <http/static_files.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace http_test;
namespace fs = std::filesystem;

namespace {

std::string const digits = "0123456789";
std::string const large = [] {
    std::string text(3 * 1024 * 1024 + 17, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
    return text;
}();

// A folder with files, with a secret beside it that links lead to.
class tree {
public:
    tree() : top_{fs::temp_directory_path() / ("weir-static-" + std::to_string(::getpid()))} {
        fs::remove_all(top_);
        fs::create_directories(root() / "sub");
        put("a.txt", digits);
        put("sub/index.html", "<p>index</p>");
        put("large.bin", large);
        put("empty", "");
        put(".hidden", "hidden");
        put("with space", "space");
        std::ofstream{top_ / "secret"} << "secret";
        fs::create_symlink("../secret", root() / "out");
        fs::create_symlink("a.txt", root() / "in");
        fs::create_symlink("..", root() / "up");
        ::mkfifo((root() / "fifo").c_str(), 0600);
    }
    ~tree() { fs::remove_all(top_); }
    fs::path root() const { return top_ / "root"; }
    void put(char const* name, std::string const& text) const { std::ofstream{root() / name} << text; }

private:
    fs::path const top_;
};

struct folder {
    tree files;
    http::static_files pages = http::static_files::at(files.root().string()).value();
    serving at{http::server_options{}, 2, [this](http::exchange& one) { return pages.serve(one, one.request.path()); }};
};

} // namespace

TEST_CASE("who asks for a coding gets the compressed file beside a text, with a tag of its own") {
    folder on;
    on.files.put("a.txt.gz", "packed by gzip");
    on.files.put("a.txt.br", "packed by br");
    on.files.put("sub/index.html.zst", "packed by zstd");
    on.files.put("large.bin.gz", "never looked for");
    caller one{on.at};
    auto const coded = [&](std::string const& path, std::string const& wants) {
        auto const got = one.ask(get(path, "Accept-Encoding: " + wants + "\r\n"));
        CHECK(got.status == 200);
        CHECK(got.header("Vary") == "Accept-Encoding");
        CHECK(got.header("Content-Type") == (path == "/sub/" ? "text/html; charset=utf-8" : "text/plain; charset=utf-8"));
        return std::string{got.header("Content-Encoding")} + ": " + got.body;
    };
    CHECK(coded("/a.txt", "gzip") == "gzip: packed by gzip");
    CHECK(coded("/a.txt", "gzip, br, zstd") == "br: packed by br");
    CHECK(coded("/a.txt", "gzip, br;q=0.9") == "gzip: packed by gzip");
    CHECK(coded("/a.txt", "zstd, gzip;q=0.1") == "gzip: packed by gzip");
    CHECK(coded("/a.txt", "gzip;q=0.5, identity") == ": " + digits);
    CHECK(coded("/a.txt", "gzip;q=0, br;q=0") == ": " + digits);
    CHECK(coded("/a.txt", "zstd") == ": " + digits);
    CHECK(coded("/sub/", "zstd") == "zstd: packed by zstd");
    auto const other = one.ask(get("/large.bin", "Accept-Encoding: gzip\r\n"));
    CHECK((other.body == large));
    CHECK(other.header("Vary").empty());
    auto const plain = one.ask(get("/a.txt"));
    auto const packed = one.ask(get("/a.txt", "Accept-Encoding: gzip\r\n"));
    CHECK(plain.header("Vary") == "Accept-Encoding");
    CHECK(plain.header("ETag") != packed.header("ETag"));
    auto const known = "If-None-Match: " + std::string{packed.header("ETag")} + "\r\n";
    auto const same = one.ask(get("/a.txt", "Accept-Encoding: gzip\r\n" + known));
    CHECK(same.status == 304);
    CHECK(same.header("Vary") == "Accept-Encoding");
    auto const part = one.ask(get("/a.txt", "Accept-Encoding: gzip\r\nRange: bytes=0-5\r\n"));
    CHECK(part.status == 206);
    CHECK(part.body == "packed");
    CHECK(part.header("Content-Encoding") == "gzip");
    auto const beyond = one.ask(get("/a.txt", "Accept-Encoding: gzip\r\nRange: bytes=50-\r\n"));
    CHECK(beyond.status == 416);
    CHECK(beyond.header("Content-Encoding").empty()); // its text is as it is
}

TEST_CASE("a file is sent whole with its type, its length and what identifies it") {
    folder on;
    caller one{on.at};
    auto const text = one.ask(get("/a.txt"));
    CHECK(text.status == 200);
    CHECK(text.body == digits);
    CHECK(text.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(text.header("Accept-Ranges") == "bytes");
    CHECK(text.header("ETag").starts_with('"'));
    CHECK_FALSE(text.header("Last-Modified").empty());
    CHECK(one.ask(get("/sub/")).body == "<p>index</p>");
    CHECK(one.ask(get("/sub/")).header("Content-Type") == "text/html; charset=utf-8");
    CHECK((one.ask(get("/large.bin")).body == large));
    CHECK(one.ask(get("/empty")).status == 200);
    CHECK(one.ask(get("/with%20space")).body == "space");
    CHECK(one.ask(get("/in")).body == digits); // a link that stays inside
    CHECK(one.send("HEAD /a.txt HTTP/1.1\r\nHost: test\r\n\r\n"));
    auto const head = one.receive(10s, true);
    CHECK(head.header("Content-Length") == "10");
    CHECK(head.header("ETag") == text.header("ETag"));
    CHECK(one.ask(post("/a.txt", "Content-Length: 0\r\n", {})).header("Allow") == "GET, HEAD");
    CHECK(on.at.counts().connections.value() == 1);
}

TEST_CASE("nothing outside of the folder is found, nor what is hidden or no file") {
    folder on;
    caller one{on.at};
    for (std::string_view const path :
         {"/../secret", "/sub/../../secret", "/%2e%2e/secret", "/%2E%2E%2Fsecret", "/sub%2findex.html", "/out",
          "/up/secret", "/up/root/a.txt", "/a.txt%00", "/%", "/%4", "/%zz", "/.hidden", "/%2ehidden", "//a.txt",
          "/sub//index.html", "/sub/./a",
          "/sub", "/", "/none", "/a.txt/", "/a.txt/x", "/fifo", "/..%5csecret"}) {
        CAPTURE(path);
        auto const got = one.ask(get(path));
        CHECK(got.status == 404);
        CHECK(got.body.find("secret") == std::string::npos);
    }
    // The same below the HTTP: the kernel refuses what decoding would not let through either.
    weir::io::fd const root{::open(on.files.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    for (auto const* const path : {"../secret", "out", "up/secret", "/etc/passwd"}) {
        CAPTURE(path);
        CHECK_FALSE(http::open_beneath(root.ref(), path, http::look_up::patient));
    }
    for (auto const* const path : {"out", "in", "up/secret", "sub/../../secret/x", "none", "sub/none"}) {
        CAPTURE(path);
        CHECK_FALSE(http::detail::walk_beneath(root.ref(), path));
    }
    CHECK(http::detail::walk_beneath(root.ref(), "sub/index.html"));
    CHECK(http::detail::walk_beneath(root.ref(), "a.txt"));
}

TEST_CASE("a client that has the file is told so, and one whose copy is old gets the new one") {
    folder on;
    caller one{on.at};
    auto const first = one.ask(get("/a.txt"));
    std::string const tag{first.header("ETag")};
    std::string const modified{first.header("Last-Modified")};
    for (auto const& condition : {"If-None-Match: " + tag, "If-None-Match: \"x\", W/" + tag,
                                  std::string{"If-None-Match: *"}, "If-Modified-Since: " + modified}) {
        auto const got = one.ask(get("/a.txt", condition + "\r\n"));
        CHECK(got.status == 304);
        CHECK(got.header("ETag") == tag);
    }
    for (auto const& condition :
         {std::string{"If-None-Match: \"x\""}, "If-None-Match: \"x\"\r\nIf-Modified-Since: " + modified,
          std::string{"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"}, std::string{"If-Modified-Since: yesterday"}})
        CHECK(one.ask(get("/a.txt", condition + "\r\n")).body == digits);
    on.files.put("a.txt", "abcdefghij"); // as long, and within the same second
    auto const changed = one.ask(get("/a.txt", "If-None-Match: " + tag + "\r\n"));
    CHECK(changed.status == 200);
    CHECK(changed.body == "abcdefghij");
}

TEST_CASE("a part of a file is sent as asked for, and only of the file that it was asked of") {
    folder on;
    caller one{on.at};
    std::string const tag{one.ask(get("/a.txt")).header("ETag")};
    auto const part = one.ask(get("/a.txt", "Range: bytes=2-4\r\n"));
    CHECK(part.status == 206);
    CHECK(part.body == "234");
    CHECK(part.header("Content-Range") == "bytes 2-4/10");
    CHECK(one.ask(get("/a.txt", "Range: bytes=-3\r\nIf-Range: " + tag + "\r\n")).body == "789");
    CHECK(one.ask(get("/a.txt", "Range: bytes=2-4\r\nIf-Range: \"old\"\r\n")).body == digits);
    CHECK((one.ask(get("/large.bin", "Range: bytes=1000000-2999999\r\n")).body == large.substr(1'000'000, 2'000'000)));
    auto const none = one.ask(get("/a.txt", "Range: bytes=10-\r\n"));
    CHECK(none.status == 416);
    CHECK(none.header("Content-Range") == "bytes */10");

    auto const parts = one.ask(get("/a.txt", "Range: bytes=0-1,-2\r\n"));
    CHECK(parts.status == 206);
    auto const type = parts.header("Content-Type");
    constexpr std::string_view prefix = "multipart/byteranges; boundary=";
    REQUIRE(type.starts_with(prefix));
    std::string const line = "--" + std::string{type.substr(prefix.size())};
    auto const head = [&](std::string_view range) {
        return "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " + std::string{range} +
               "/10\r\n\r\n";
    };
    CHECK(parts.body == line + head("0-1") + "01\r\n" + line + head("8-9") + "89\r\n" + line + "--\r\n");
    CHECK(one.ask(get("/a.txt")).body == digits);
}

TEST_CASE("a file that is cut short while it is sent breaks the connection off") {
    folder on;
    on.files.put("grows.bin", "");
    fs::resize_file(on.files.root() / "grows.bin", 256 * 1024 * 1024); // no socket's buffers hold it
    caller one{on.at};
    CHECK(one.send(get("/grows.bin") + get("/a.txt")));
    CHECK(one.up_to("\r\n\r\n").find("Content-Length: 268435456\r\n") != std::string::npos);
    fs::resize_file(on.files.root() / "grows.bin", 1000);
    auto const rest = one.rest();
    CHECK((!rest || rest->size() < 256 * 1024 * 1024));
    CHECK(eventually([&] { return on.at.counts().broken_off.value() == 1; }));
}
