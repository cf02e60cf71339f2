// examples/http/static_files.cpp: finding a file, the conditions under which it is sent, and its parts.
#include "static_files.hpp"

#include "ascii.hpp"
#include "byte_range.hpp"
#include "compression.hpp"
#include "date.hpp"
#include "error.hpp"
#include "file_path.hpp"

#include <weir/base/assert.hpp>
#include <weir/runtime/blocking.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace http {

namespace {

constexpr std::pair<std::string_view, std::string_view> types[] = {
    {"html", "text/html; charset=utf-8"}, {"css", "text/css; charset=utf-8"}, {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"}, {"json", "application/json"}, {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"}, {"csv", "text/csv; charset=utf-8"}, {"xml", "application/xml"},
    {"svg", "image/svg+xml"}, {"png", "image/png"}, {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"},
    {"gif", "image/gif"}, {"webp", "image/webp"}, {"ico", "image/x-icon"}, {"woff2", "font/woff2"},
    {"wasm", "application/wasm"}, {"pdf", "application/pdf"}, {"mp4", "video/mp4"}, {"webm", "video/webm"},
    {"gz", "application/gzip"}, {"zip", "application/zip"},
};

constexpr std::string_view boundary = "weir-byteranges-5f2b9c61e0d74a38"; // what a file holds does not matter: parts have
                                                                          // their lengths in their heads

// What may stand beside a file, what is smaller first.
struct packing {
    int rank;
    std::string_view coding;
    std::string_view ending;
};
constexpr std::array<packing, 3> packings{{{0, "zstd", ".zst"}, {1, "br", ".br"}, {2, "gzip", ".gz"}}};

// Keeps the headers that are there.
void refuse(response& of, error const& why) {
    of.set_status(why.status);
    static_cast<void>(of.set_content_type("application/json")); // a literal, always valid
    of.body() = to_json(why);
}

void set(response& of, std::string_view name, std::string_view value) {
    bool const valid = of.add_header(name, value);
    WEIR_ASSERT(valid, "a header of our own is not valid");
}

// Whether a list of entity tags names `tag`, weakly compared as If-None-Match wants it.
bool names_tag(std::string_view list, std::string_view tag) noexcept {
    while (!list.empty()) {
        auto each = take_element(list);
        if (each.starts_with("W/")) each.remove_prefix(2);
        if (each == "*" || each == tag) return true;
    }
    return false;
}

std::string content_range(byte_range const& part, std::uint64_t size) {
    return "bytes " + std::to_string(part.first) + '-' + std::to_string(part.first + part.size - 1) + '/' +
           std::to_string(size);
}

} // namespace

std::string_view content_type_of(std::string_view name) noexcept {
    auto const dot = name.rfind('.');
    if (dot != std::string_view::npos)
        for (auto const& [ending, type] : types)
            if (equal_ignoring_case(name.substr(dot + 1), ending)) return type;
    return "application/octet-stream";
}

// An open file and what identifies its content.
class static_files::found {
public:
    found(weir::io::fd of, struct ::stat const& about)
        : file{std::move(of)}, size{static_cast<std::uint64_t>(about.st_size)} {
        char text[64];
        auto const nanoseconds = static_cast<std::uint64_t>(about.st_mtim.tv_sec) * 1'000'000'000u +
                                 static_cast<std::uint64_t>(about.st_mtim.tv_nsec);
        std::snprintf(text, sizeof text, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", size, nanoseconds,
                      static_cast<std::uint64_t>(about.st_ino));
        tag = text;
        modified = std::chrono::sys_seconds{std::chrono::seconds{about.st_mtim.tv_sec}};
        date formatted;
        modified_text = formatted.at(modified);
    }

    weir::io::fd file;
    std::uint64_t size;
    std::string tag; // strong
    std::chrono::sys_seconds modified;
    std::string modified_text;
    std::string_view coding; // of its content; empty: as it is
};

static_files::static_files(weir::io::fd folder, static_files_options options)
    : folder_{std::move(folder)}, options_{std::move(options)} {}

weir::result<static_files> static_files::at(std::string const& folder, static_files_options options) {
    weir::io::fd opened{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!opened) return weir::system_error_code(errno);
    return static_files{std::move(opened), std::move(options)};
}

weir::task<weir::result<static_files::found>> static_files::find(std::string path) const {
    auto file = open_beneath(folder_.ref(), path, look_up::cached);
    if (!file && file.error() == std::errc::resource_unavailable_try_again)
        file = co_await weir::blocking(&open_beneath, folder_.ref(), path, look_up::patient);
    if (!file) co_return file.error();
    struct ::stat about{};
    if (::fstat(file->number(), &about) < 0) co_return weir::system_error_code(errno);
    if (!S_ISREG(about.st_mode)) co_return std::make_error_code(std::errc::no_such_file_or_directory);
    co_return found{std::move(*file), about};
}

weir::task<weir::result<static_files::found>> static_files::find_coded(std::string const& name,
                                                                      request const& asks) const {
    auto const wants = asks.header("Accept-Encoding");
    auto const weight = [&](packing const& each) { return coding_weight(wants, each.coding); };
    auto best_first = packings;
    std::sort(best_first.begin(), best_first.end(), [&](packing const& a, packing const& b) {
        return std::pair{weight(b), a.rank} < std::pair{weight(a), b.rank};
    });
    auto const as_it_is = coding_weight(wants, "identity");
    for (auto const& each : best_first) {
        if (weight(each) == 0 || weight(each) < as_it_is) break;
        auto file = co_await find(name + std::string{each.ending});
        if (file) file->coding = each.coding;
        if (file) co_return file;
    }
    co_return std::make_error_code(std::errc::no_such_file_or_directory);
}

weir::task<> static_files::serve(exchange& one, std::string_view path) const {
    auto const& request = one.request;
    auto& response = one.response;
    bool const is_get = request.method() == "GET";
    if (!is_get && !request.is_head()) {
        refuse(response, error{405, "method_not_allowed", "a file is read, with GET or HEAD"});
        set(response, "Allow", "GET, HEAD");
        co_return;
    }
    auto name = decode_path(path);
    if (name && (name->empty() || name->ends_with('/'))) *name += options_.index;
    std::string_view const type = name ? content_type_of(*name) : std::string_view{};
    bool const may_vary = options_.precompressed && is_compressible(type);
    weir::result<found> file = std::make_error_code(std::errc::no_such_file_or_directory);
    if (name && may_vary) file = co_await find_coded(*name, request);
    if (name && !file) file = co_await find(*name);
    if (!file) {
        bool const busy = file.error() == weir::errc::overloaded || file.error() == std::errc::too_many_files_open;
        if (busy) refuse(response, error{503, "overloaded", "the server cannot open another file now"});
        else refuse(response, error{404, "not_found", "there is no such file"});
        co_return;
    }
    set(response, "ETag", file->tag);
    set(response, "Last-Modified", file->modified_text);
    set(response, "Cache-Control", options_.cache_control);
    if (may_vary) set(response, "Vary", "Accept-Encoding"); // to who does not ask, as well

    // RFC 9110, 13.2.2: the tag decides where there is one, and only without it the date.
    bool same = false;
    if (auto const tags = request.header("If-None-Match")) same = names_tag(*tags, file->tag);
    else if (auto const since = request.header("If-Modified-Since"))
        if (auto const when = read_date(*since)) same = file->modified <= *when;
    if (same) {
        response.set_status(304);
        co_return;
    }

    set(response, "Accept-Ranges", "bytes");
    std::vector<byte_range> parts;
    auto asked = range_request::whole;
    auto const condition = request.header("If-Range");
    if (is_get && (!condition || *condition == file->tag || *condition == file->modified_text))
        if (auto const value = request.header("Range")) asked = read_ranges(*value, file->size, parts);
    if (asked == range_request::unsatisfiable) {
        refuse(response, error{416, "range_not_satisfiable", "no range begins within the file"});
        set(response, "Content-Range", "bytes */" + std::to_string(file->size));
        co_return;
    }
    std::vector<std::string> heads; // of the parts, and what stands behind the last
    std::uint64_t length = file->size;
    if (asked == range_request::whole) {
        parts.assign(file->size > 0 ? 1 : 0, byte_range{0, file->size});
        static_cast<void>(response.set_content_type(type));
    } else {
        response.set_status(206);
        length = 0;
        for (auto const& each : parts) length += each.size;
        if (parts.size() == 1) {
            set(response, "Content-Range", content_range(parts[0], file->size));
            static_cast<void>(response.set_content_type(type));
        } else {
            static_cast<void>(response.set_content_type(std::string{"multipart/byteranges; boundary="}.append(boundary)));
            for (auto const& each : parts)
                heads.push_back(std::string{heads.empty() ? "--" : "\r\n--"}.append(boundary).append("\r\nContent-Type: ")
                                    .append(type).append("\r\nContent-Range: ").append(content_range(each, file->size))
                                    .append("\r\n\r\n"));
            heads.push_back(std::string{"\r\n--"}.append(boundary).append("--\r\n"));
            for (auto const& each : heads) length += each.size();
        }
    }
    if (!file->coding.empty()) set(response, "Content-Encoding", file->coding);
    one.stream.begin(length);
    if (!one.stream.wants_body()) co_return;
    // What fails in here has broken the stream off already.
    for (std::size_t i = 0; i < parts.size(); ++i) {
        weir::result<void> sent;
        if (!heads.empty()) sent = co_await one.stream.gather(heads[i]);
        if (sent) sent = co_await one.stream.send_file(file->file.ref(), {parts[i].first, parts[i].size});
        if (!sent) co_return;
    }
    if (!heads.empty()) static_cast<void>(co_await one.stream.gather(heads.back()));
}

} // namespace http
