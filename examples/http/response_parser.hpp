// examples/http/response_parser.hpp: turns bytes, however they arrive, into one HTTP/1.1 response after the other.
// The body comes out as slices of what went in, without a copy.
// Not:      lenient: what llhttp refuses in its strictest mode, another version than 1.x, and a switch of protocols fail.
// Threads:  one at a time.
#pragma once

#include "message.hpp"

#include <weir/memory/bytes.hpp>

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

class response_limits {
public:
    response_limits() noexcept {}
    std::size_t head_bytes = 64 * 1024; // names and values of headers; trailers have the same again
    std::size_t header_count = 200;
};

// Status and headers.
class response_head {
public:
    int status() const noexcept { return status_; }
    std::size_t header_count() const noexcept { return headers_.size(); }
    header_view header_at(std::size_t index) const noexcept;
    // The value of the first header of that name, in whatever case.
    std::optional<std::string_view> header(std::string_view name) const noexcept;

private:
    friend class response_parser;

    struct place {
        std::size_t name;
        std::size_t value;
        std::size_t end;
    };

    void clear() noexcept;

    int status_ = 0;
    std::string text_;
    std::vector<place> headers_;
};

class response_parser {
public:
    explicit response_parser(response_limits const& bounds = response_limits{});
    response_parser(response_parser const&) = delete;
    response_parser& operator=(response_parser const&) = delete;

    // Before each response.
    void begin(bool head_request) noexcept;
    // Takes all of `block`.  Returns: false once it has failed. Responses of 1xx are passed over.
    bool parse(weir::bytes const& block);
    // The peer's end.  Returns: false when it came too early.
    bool finish();

    // Whether any byte of the response has come.
    bool begun() const noexcept { return begun_; }
    bool head_complete() const noexcept { return head_complete_; }
    bool complete() const noexcept { return complete_; }
    // Whether another response may follow on the connection.  Needs: complete().
    bool keep_alive() const noexcept { return keep_alive_ && !surplus_; }
    // Needs: head_complete().
    response_head const& head() const noexcept { return head_; }
    // The next piece of the body that has come; empty when there is none yet, or no more.
    weir::bytes take_piece() noexcept;

private:
    static response_parser& self_of(llhttp_t* at) noexcept { return *static_cast<response_parser*>(at->data); }
    static int on_name(llhttp_t* at, char const* text, std::size_t size) noexcept;
    static int on_value(llhttp_t* at, char const* text, std::size_t size) noexcept;
    static int on_value_end(llhttp_t* at) noexcept;
    static int on_head(llhttp_t* at) noexcept;
    static int on_body(llhttp_t* at, char const* text, std::size_t size) noexcept;
    static int on_end(llhttp_t* at) noexcept;
    static llhttp_settings_t const settings;

    int add(std::string_view text, bool to_name) noexcept;

    response_limits const limits_;
    llhttp_t llhttp_;
    response_head head_;
    weir::bytes const* block_ = nullptr; // being parsed
    std::vector<weir::bytes> pieces_;
    std::size_t taken_ = 0; // of pieces_
    std::size_t trailer_bytes_ = 0;
    bool in_value_ = false;
    bool head_request_ = false;
    bool begun_ = false;
    bool head_complete_ = false;
    bool interim_ = false;
    bool complete_ = false;
    bool keep_alive_ = false;
    bool surplus_ = false; // bytes came behind the response
};

} // namespace http
