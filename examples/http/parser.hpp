// examples/http/parser.hpp: turns bytes, however they arrive, into HTTP/1.1 requests, one at a time.
// Not:      lenient. What RFC 9112 lets a server refuse is refused, because a proxy in front may read it differently.
// Cost:     a request no larger than an earlier one allocates nothing.
// Threads:  one at a time.
//
// llhttp decides the grammar. It is handed whole lines of the head, of chunk sizes and of trailers, and each line is
// looked at first, for llhttp 9.2 in its strictest mode still accepts: more than one space in the request line, and
// empty lines, bare LF and bare CR before it; HTTP/0.9, HTTP/2.0, RTSP and ICE as versions; any number of Host lines;
// fragments and user names in targets; Transfer-Encoding in HTTP/1.0, empty, or with unknown codings before chunked;
// and chunk sizes of any number of digits. It has no limits. Whole lines also make the outcome independent of where
// the bytes were split: a line is judged when its LF is there, or when it is longer than any good line.
// The comments name the rules by number:
//  H1  Content-Length and Transfer-Encoding never stand together.
//  H2  Content-Length is digits, once.   H3  and does not overflow.
//  H4  Transfer-Encoding is exactly "chunked", once, and not in HTTP/1.0.   H5  It has no parameters.
//  H6  A chunk size is 1 to 16 hexadecimal digits.   H7  Chunks' lines end in CRLF, and CRLF follows the data.
//  H8  Chunk extensions are bounded.   H9  Trailers have the grammar and the bounds of headers, and are dropped.
//  H10 Lines end in CRLF; CR and LF stand nowhere else.   H11 Values hold no control characters and no folds.
//  H12 No white space before a colon or before the first header.   H13 Names and methods are tokens.
//  H14 The request line has two single spaces; the version is HTTP/1.x.   H15 Host is valid, and once in HTTP/1.1.
//  H16 Everything has a limit.   H17 100-continue is understood, another expectation is not.
//  H18 Requests come out in order, and none after a failure or a close.   H20 A few empty lines may precede a request.
//  H21 Connection is a list, in any case, on any number of lines.   H23 No 100 after a refusal.
//  H24 CONNECT is refused, Upgrade is ignored.
#pragma once

#include "error.hpp"
#include "limits.hpp"
#include "message.hpp"

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace http {

class parser {
public:
    enum class state : std::uint8_t { need_more, complete, failed };
    struct result {
        std::size_t consumed; // of the bytes given; what is left belongs to the next request
        parser::state state;
    };

    explicit parser(limits const& bounds = limits{});
    parser(parser const&) = delete;
    parser& operator=(parser const&) = delete;

    // Takes bytes up to the end of one request; all of them unless it completes or fails. After `complete` the next
    // call begins the next request, in the memory of this one. After `failed`, and after a request without
    // keep_alive(), it takes nothing more: the connection is to be answered and closed.
    result parse(std::string_view bytes);

    // Whole after `complete`. Before that only what has arrived.
    http::request const& request() const noexcept { return request_; }
    http::request& request() noexcept { return request_; }

    // Needs: the state was `failed`.
    http::error const& error() const noexcept { return error_; }

    // True once for a request whose client waits for "100 Continue" before it sends its body.
    bool take_continue() noexcept { return std::exchange(wants_continue_, false); }

    // Whether no byte of an unfinished request has been taken, so that the connection may be closed without harm.
    bool between_requests() const noexcept {
        return phase_ == phase::start || phase_ == phase::complete || phase_ == phase::closed;
    }

    // Whether all headers of an unfinished request have been taken.
    bool in_body() const noexcept { return phase_ >= phase::body && phase_ < phase::complete; }

    // Gives back each buffer of more than `keep` bytes.  Needs: between_requests(), and the request is done with.
    void trim(std::size_t keep);

private:
    enum class phase : std::uint8_t {
        start, // nothing but empty lines has come
        head, // request line and headers
        body, // left_ bytes of a body with a Content-Length
        chunk_size, // the line of a chunk's size
        chunk_data, // left_ bytes of a chunk
        chunk_end, // the CRLF after a chunk's data
        trailers,
        complete,
        closed, // complete, and the connection ends after it
        failed,
    };

    void begin() noexcept;
    std::size_t take_start(std::string_view bytes);
    std::size_t take_head(std::string_view bytes);
    std::size_t take_data(std::string_view bytes);
    std::size_t take_chunk_size(std::string_view bytes);
    std::size_t take_chunk_end(std::string_view bytes);
    std::size_t take_trailers(std::string_view bytes);
    std::pair<std::size_t, bool> take_line(std::string_view bytes, std::size_t limit);
    void finish();

    bool feed(std::string_view bytes);
    bool check_line_end(std::string_view line);
    bool check_request_line(std::string_view line);
    bool check_target(std::string_view line);
    bool check_header_line(std::string_view line);
    bool check_chunk_size(std::string_view line);
    bool check_headers();
    bool check_header(request::header_spans const& header);
    bool check_codings(std::string_view value);
    void read_connection(std::string_view value) noexcept;

    // Sets the error and returns false; the caller moves on to phase::failed.
    bool refuse(int status, std::string_view code, std::string message);
    void refuse_for_llhttp(llhttp_errno_t code);
    std::string place() const;

    static int on_header_field(llhttp_t* self, char const* at, std::size_t size) noexcept;
    static int on_header_value(llhttp_t* self, char const* at, std::size_t size) noexcept;
    static int on_headers_complete(llhttp_t* self) noexcept;
    static int on_chunk_header(llhttp_t* self) noexcept;
    static int on_message_complete(llhttp_t* self) noexcept;
    static llhttp_settings_t const settings;

    limits const limits_;
    http::request request_;
    std::string line_; // an unfinished line of a chunk size or a trailer
    http::error error_;
    llhttp_t llhttp_;
    std::uint64_t left_ = 0; // bytes of the body, or of the chunk, yet to come
    std::size_t line_begin_ = 0; // in the head: where the unfinished line begins
    std::size_t headers_begin_ = 0; // in the head: where the first header line begins
    std::size_t head_fed_ = 0; // in the head: how much llhttp has seen
    std::size_t lines_ = 0; // of the head, or of the trailers
    std::size_t chunks_ = 0; // begun
    std::size_t extension_bytes_ = 0; // of all chunks
    std::size_t trailer_bytes_ = 0;
    std::size_t empty_lines_ = 0; // before the request line
    std::size_t hosts_ = 0; // Host lines
    phase phase_ = phase::start;
    bool half_line_end_ = false; // before the request line: the CR of an empty line has come
    bool message_complete_ = false; // llhttp has seen the end
    bool has_codings_ = false; // a Transfer-Encoding line has come
    bool chunked_last_ = false; // and the last coding so far was chunked
    bool other_coding_ = false; // one that is not chunked has been named
    bool unknown_coding_ = false; // and is none that HTTP defines
    bool wants_close_ = false;
    bool wants_keep_alive_ = false;
    bool wants_continue_ = false;
};

} // namespace http
