// examples/http/static_files.hpp: the files below a folder, sent without a copy through the program.
//     auto const pages = http::static_files::at("/srv/www").value();
//     routes.add("GET", "/", [&](http::exchange& one) { return pages.serve(one, one.request.path()); });
// Answers GET and HEAD, If-None-Match, If-Modified-Since, Range and If-Range. A file that is cut short while it is sent
// breaks the connection off. Nothing is compressed here, as a file is sent often and compressed once: who asks for a
// coding gets the file a.js.zst, a.js.br or a.js.gz that stands beside a.js, where there is one.
// Source:   RFC 9110, sections 8.8, 13 and 14.
#pragma once

#include "exchange.hpp"

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/io/fd.hpp>

#include <string>
#include <string_view>

namespace http {

class static_files_options {
public:
    static_files_options() {}
    std::string index = "index.html";          // of a folder, for a path that ends with a slash
    std::string cache_control = "no-cache";    // kept, and asked for each time
    bool precompressed = true;                 // looks for the compressed file beside a text
};

// "text/html; charset=utf-8" for "a.html"; application/octet-stream for what is not known.
std::string_view content_type_of(std::string_view name) noexcept;

// Threads: any.
class static_files {
public:
    // Errors: those of open(2).
    static weir::result<static_files> at(std::string const& folder, static_files_options options = {});

    // Answers with the file that `path`, of a request's, names below the folder: 404 without one.
    weir::task<> serve(exchange& one, std::string_view path) const;

private:
    class found;

    static_files(weir::io::fd folder, static_files_options options);
    weir::task<weir::result<found>> find(std::string path) const;
    // What `name` has beside it, in a coding that the client wants.
    weir::task<weir::result<found>> find_coded(std::string const& name, request const& asks) const;

    weir::io::fd folder_;
    static_files_options options_;
};

} // namespace http
