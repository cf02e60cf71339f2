// examples/http/response.hpp: a response, and how it is written.
// Cost:     writing allocates only what the output buffer does; a response that is cleared and filled again reuses its
//           memory.
#pragma once

#include "error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace http {

// "Not Found" for 404; "Unknown" for a status that is not registered.
std::string_view reason_phrase(int status) noexcept;

class response {
public:
    response() noexcept {}
    // Needs: content_type is a valid header value, for instance a literal.
    response(int status, std::string_view content_type, std::string body);
    // A refusal in JSON, which names what was wrong.
    explicit response(error const& what);

    int status() const noexcept { return status_; }
    std::string_view content_type() const noexcept { return content_type_; }
    std::string_view body() const noexcept { return body_; }
    std::string& body() noexcept { return body_; }

    // H19: false for 1xx, 204 and 304.
    bool may_have_body() const noexcept;

    void set_status(int status) noexcept { status_ = status; }
    // False, and then nothing is set, if `value` could end its line. H22
    [[nodiscard]] bool set_content_type(std::string_view value);
    // False, and then nothing is added, if `name` is not a token, is one of those that write_to() writes itself, or
    // `value` could end its line. H22
    [[nodiscard]] bool add_header(std::string_view name, std::string_view value);

    // Makes it an empty 200 and keeps the memory.
    void clear() noexcept;

    // Where the body is, and how the client finds its end.
    enum class body_kind : std::uint8_t {
        own, // here, and written behind the head
        sized, // written by somebody else, who writes `length` bytes
        chunked, // the same in chunks
        until_close, // the same until the connection ends
    };

    struct framing {
        framing() noexcept {}
        std::string_view date; // the value of the Date header; left out if empty
        bool keep_alive = true; // what the connection will do after this response
        bool head_request = false; // H19: the headers of the body, and not the body
        int minor_version = 1; // of the request
        body_kind kind = body_kind::own;
        std::uint64_t length = 0;
    };
    // Appends the whole response to `out`, or its head where the body is not its own.
    void write_to(std::string& out, framing const& how) const;

private:
    int status_ = 200;
    std::string content_type_;
    std::string headers_; // whole lines
    std::string body_;
};

// What a client that expects it is sent before its body is read. H17
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace http
