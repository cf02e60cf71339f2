// examples/http/parser_checks.cpp: what is asked of each line and of the whole head, beyond llhttp's grammar.
#include "authority.hpp"
#include "parser.hpp"

#include <algorithm>

namespace http {

// H10, H7
bool parser::check_line_end(std::string_view line) {
    if (line.size() < 2 || line[line.size() - 2] != '\r')
        return refuse(400, "bad_line_end", place() + "it ends in LF without CR");
    if (line.find('\r') != line.size() - 2)
        return refuse(400, "bad_line_end", place() + "it holds a CR that no LF follows");
    return true;
}

// `line` may be cut short if it is longer than any good one; then its method or its target is too long.
bool parser::check_request_line(std::string_view line) {
    constexpr std::string_view code = "bad_request_line";
    bool const whole = line.back() == '\n';
    auto const space = line.substr(0, limits_.method_bytes + 1).find(' ');
    auto const method = line.substr(0, std::min(space, limits_.method_bytes));
    if (space == std::string_view::npos && line.size() > limits_.method_bytes + 2 && is_token(method)) // H16
        return refuse(501, "method_too_long",
                      "request line: the method is longer than " + std::to_string(limits_.method_bytes) + " bytes");
    if (space == std::string_view::npos || !is_token(method)) // H13
        return refuse(400, code, "request line: it does not begin with a method and one space");

    auto const rest = line.substr(space + 1);
    auto const target = rest.substr(
        0, static_cast<std::size_t>(
               std::find_if(rest.begin(), rest.end(), [](char c) { return c == ' ' || c == '\r' || c == '\n'; }) -
               rest.begin()));
    if (target.size() > limits_.target_bytes) // H16
        return refuse(414, "target_too_long",
                      "request line: the target is longer than " + std::to_string(limits_.target_bytes) + " bytes");
    if (whole && !check_line_end(line)) return false;
    if (target.empty()) return refuse(400, code, "request line: no target follows the method and one space"); // H14

    auto const version = rest.substr(target.size());
    if (!whole || version.size() != std::string_view{" HTTP/1.1\r\n"}.size() || !version.starts_with(" HTTP/") ||
        !is_digit(version[6]) || version[7] != '.' || !is_digit(version[8]))
        return refuse(400, code, "request line: it does not end in one space and HTTP/1.1"); // H14
    if (version[6] != '1')
        return refuse(505, "version_not_supported", "request line: only HTTP/1.0 and HTTP/1.1 are spoken here"); // H14
    request_.minor_version_ = version[8] == '0' ? 0 : 1;
    // H14: a later minor version is read as the latest that is known, by llhttp as well.
    if (version[8] > '1') request_.head_[static_cast<std::size_t>(&version[8] - line.data())] = '1';

    request_.method_ = {0, static_cast<std::uint32_t>(method.size())};
    request_.target_ = {static_cast<std::uint32_t>(space + 1), static_cast<std::uint32_t>(target.size())};
    if (method == "CONNECT" || method == "PRI") // H24; PRI opens HTTP/2
        return refuse(501, "method_not_implemented",
                      "request line: the method " + std::string(method) + " is not implemented");
    return check_target(target);
}

bool parser::check_target(std::string_view target) {
    constexpr std::string_view code = "bad_target";
    auto const begin = request_.target_.begin;
    std::size_t path = 0;
    if (target == "*" && request_.method() == "OPTIONS") {
        request_.path_ = request_.target_;
        return true;
    }
    if (target[0] != '/') { // H15: the absolute form, whose authority overrides the Host header
        auto const scheme = target.find("://");
        if (scheme == std::string_view::npos || (!equal_ignoring_case(target.substr(0, scheme), "http") &&
                                                 !equal_ignoring_case(target.substr(0, scheme), "https")))
            return refuse(400, code, "request line: the target is neither a path nor an http URI");
        auto const host = target.substr(scheme + 3, target.find_first_of("/?#", scheme + 3) - (scheme + 3));
        if (!is_authority(host)) return refuse(400, "bad_host", "request line: the target's host is not valid");
        request_.host_ = {static_cast<std::uint32_t>(begin + scheme + 3), static_cast<std::uint32_t>(host.size())};
        path = scheme + 3 + host.size();
    }
    if (target.find('#') != std::string_view::npos) return refuse(400, code, "request line: the target has a fragment");
    auto const end = std::min(target.find('?', path), target.size());
    request_.path_ = {static_cast<std::uint32_t>(begin + path), static_cast<std::uint32_t>(end - path)};
    if (end == path)
        request_.path_ = {static_cast<std::uint32_t>(begin + target.find('/')), 1}; // http://host is its "/"
    if (end < target.size())
        request_.query_ = {static_cast<std::uint32_t>(begin + end + 1),
                           static_cast<std::uint32_t>(target.size() - end - 1)};
    return true;
}

// For a line of the head or of the trailers, but not for the empty one.
bool parser::check_header_line(std::string_view line) {
    bool const trailer = phase_ == phase::trailers;
    if (!check_line_end(line)) return false;
    if (line[0] == ' ' || line[0] == '\t') // H11, H12
        return refuse(400, "bad_header", place() + "it begins with white space; folded lines are not accepted");
    if (lines_ > limits_.header_count) // H16, H9
        return refuse(431, "too_many_headers",
                      "there are more than " + std::to_string(limits_.header_count) +
                          (trailer ? " trailers" : " headers"));
    auto& headers = request_.headers_;
    if (!trailer && headers.capacity() < lines_)
        headers.reserve(std::min(std::max<std::size_t>(16, 2 * lines_), limits_.header_count));
    return true;
}

// `line` may be cut short if it is longer than any good one; then its size or its extension is too long.
bool parser::check_chunk_size(std::string_view line) {
    auto const digits = static_cast<std::size_t>(
        std::find_if_not(line.begin(), line.end(), [](char c) { return is_hex_digit(c); }) - line.begin());
    if (digits == 0) return refuse(400, "bad_chunk", place() + "its size is not a hexadecimal number");
    if (digits > 16) // H6: so it cannot overflow either
        return refuse(400, "bad_chunk", place() + "its size has more than sixteen digits");
    bool const whole = line.back() == '\n';
    if (whole && !check_line_end(line)) return false;
    auto const extension = line.size() - digits - 2;
    extension_bytes_ += extension;
    if (!whole || extension > limits_.chunk_extension_bytes || extension_bytes_ > limits_.chunk_extensions_bytes) // H8
        return refuse(400, "bad_chunk", place() + "the chunk extensions are too long");
    return true;
}

bool parser::check_headers() {
    for (auto const& header : request_.headers_)
        if (!check_header(header)) return false;

    if (hosts_ == 0 && request_.minor_version_ > 0) // H15
        return refuse(400, "bad_host", "the Host header is missing");
    if (has_codings_ && request_.minor_version_ == 0) // H4
        return refuse(400, "bad_transfer_encoding", "Transfer-Encoding has no meaning in HTTP/1.0");
    if (has_codings_ && !chunked_last_ && !unknown_coding_) // H4
        return refuse(400, "bad_transfer_encoding", "the last transfer coding is not chunked");
    if (other_coding_) // H4
        return refuse(501, "coding_not_implemented", "Transfer-Encoding names a coding other than chunked");
    if (llhttp_.content_length > limits_.body_bytes && !has_codings_) // H16: before any of it is read
        return refuse(413, "body_too_large",
                      "the body is longer than " + std::to_string(limits_.body_bytes) + " bytes");
    request_.keep_alive_ = !wants_close_ && (request_.minor_version_ > 0 || wants_keep_alive_); // H21
    wants_continue_ =
        wants_continue_ && request_.minor_version_ > 0 && (has_codings_ || llhttp_.content_length > 0); // H17
    return true;
}

bool parser::check_header(request::header_spans const& header) {
    auto const name = request_.view(header.name);
    auto const value = request_.view(header.value);
    switch (name.size()) { // H1, H2 and H3 are llhttp's: it refuses all that they forbid
        case 4:
            if (!equal_ignoring_case(name, "host")) break;
            if (++hosts_ > 1) return refuse(400, "bad_host", "there is more than one Host header"); // H15
            if (!is_authority(value)) return refuse(400, "bad_host", "the Host header is not a valid host");
            if (request_.host_.size == 0) request_.host_ = header.value;
            break;
        case 6:
            if (!equal_ignoring_case(name, "expect") || request_.minor_version_ == 0) break;
            if (!equal_ignoring_case(value, "100-continue")) // H17
                return refuse(417, "expectation_failed", "the Expect header asks for something else than 100-continue");
            wants_continue_ = true;
            break;
        case 10:
            if (equal_ignoring_case(name, "connection")) read_connection(value);
            break;
        case 17:
            if (equal_ignoring_case(name, "transfer-encoding")) return check_codings(value);
            break;
        default: break;
    }
    return true;
}

// H4: the codings of all lines form one list.
bool parser::check_codings(std::string_view value) {
    has_codings_ = true;
    while (!value.empty()) {
        auto const coding = take_element(value);
        auto const name = trimmed(coding.substr(0, coding.find(';')));
        if (chunked_last_)
            return refuse(400, "bad_transfer_encoding", "Transfer-Encoding names a coding after chunked");
        if (!equal_ignoring_case(name, "chunked")) {
            auto const is = [&](std::string_view known) { return equal_ignoring_case(name, known); };
            other_coding_ = true;
            unknown_coding_ = unknown_coding_ || !(name.empty() || is("gzip") || is("deflate") || is("compress"));
            continue;
        }
        if (name.size() != coding.size()) // H5
            return refuse(400, "bad_transfer_encoding", "the transfer coding chunked has no parameters");
        chunked_last_ = true;
    }
    return true;
}

// H21
void parser::read_connection(std::string_view value) noexcept {
    while (!value.empty()) {
        auto const option = take_element(value);
        if (equal_ignoring_case(option, "close")) wants_close_ = true;
        if (equal_ignoring_case(option, "keep-alive")) wants_keep_alive_ = true;
    }
}

bool parser::refuse(int status, std::string_view code, std::string message) {
    error_.status = status;
    error_.code = code;
    error_.message = std::move(message);
    return false;
}

// Where the line or chunk stands that is being looked at.
std::string parser::place() const {
    switch (phase_) {
        case phase::head: return lines_ == 0 ? "request line: " : "header line " + std::to_string(lines_) + ": ";
        case phase::trailers: return "trailer line " + std::to_string(lines_) + ": ";
        case phase::body: return "body: ";
        default: return "chunk " + std::to_string(chunks_) + ": ";
    }
}

void parser::refuse_for_llhttp(llhttp_errno_t code) {
    std::string const reason = llhttp_get_error_reason(&llhttp_);
    if (phase_ == phase::head) {
        // The lines were handed over together: which one it is follows from the place of the fault.
        auto const& head = request_.head_;
        auto const at = std::min(static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - head.data()), head.size());
        auto const line_end = at > 0 && head[at - 1] == '\n' ? at - 1 : at;
        auto const line = std::count(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(line_end), '\n');
        lines_ = static_cast<std::size_t>(line);
    }
    auto const message = place() + reason;
    switch (code) {
        case HPE_INVALID_METHOD:
        case HPE_INVALID_CONSTANT: // a method of another protocol that llhttp knows
            refuse(501, "method_not_implemented", "request line: the method is not implemented");
            break;
        case HPE_INVALID_URL: refuse(400, "bad_target", message); break;
        case HPE_INVALID_CONTENT_LENGTH:
        case HPE_UNEXPECTED_CONTENT_LENGTH: refuse(400, "bad_content_length", message); break; // H1, H2, H3
        case HPE_INVALID_TRANSFER_ENCODING: refuse(400, "bad_transfer_encoding", message); break; // H1, H4
        default: refuse(400, phase_ == phase::head || phase_ == phase::trailers ? "bad_header" : "bad_chunk", message);
    }
}

} // namespace http
