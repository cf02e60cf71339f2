// examples/http/parser.cpp: the phases of a request, and the dealings with llhttp.
#include "parser.hpp"

#include <algorithm>

namespace http {

parser::parser(limits const& bounds) : limits_{bounds} { begin(); }

parser::result parser::parse(std::string_view bytes) {
    if (phase_ == phase::complete) begin();
    std::size_t used = 0;
    while (used < bytes.size() && phase_ < phase::complete) {
        auto const rest = bytes.substr(used);
        switch (phase_) {
            case phase::start: used += take_start(rest); break;
            case phase::head: used += take_head(rest); break;
            case phase::body:
            case phase::chunk_data: used += take_data(rest); break;
            case phase::chunk_size: used += take_chunk_size(rest); break;
            case phase::chunk_end: used += take_chunk_end(rest); break;
            default: used += take_trailers(rest); break;
        }
    }
    if (phase_ == phase::failed) {
        wants_continue_ = false; // H23
        return {used, state::failed};
    }
    if (phase_ < phase::complete) return {used, state::need_more};
    if (used == 0 && !bytes.empty()) { // H18: phase::closed, and the request was already handed out
        refuse(400, "connection_closed", "bytes came after a request that asked to close the connection");
        phase_ = phase::failed;
        return {0, state::failed};
    }
    return {used, state::complete};
}

void parser::trim(std::size_t keep) {
    if (phase_ == phase::complete) begin();
    request_.trim(keep);
    if (line_.capacity() > keep) std::string().swap(line_);
}

// Nothing of one request reaches the next: llhttp too begins anew.
void parser::begin() noexcept {
    request_.clear();
    line_.clear();
    llhttp_init(&llhttp_, HTTP_REQUEST, &settings);
    left_ = 0;
    line_begin_ = headers_begin_ = head_fed_ = lines_ = chunks_ = 0;
    extension_bytes_ = trailer_bytes_ = empty_lines_ = hosts_ = 0;
    phase_ = phase::start;
    half_line_end_ = message_complete_ = false;
    has_codings_ = chunked_last_ = other_coding_ = unknown_coding_ = false;
    wants_close_ = wants_keep_alive_ = wants_continue_ = false;
}

std::size_t parser::take_start(std::string_view bytes) {
    std::size_t used = 0;
    for (; used < bytes.size(); ++used) {
        char const c = bytes[used];
        if (half_line_end_ ? c == '\n' : c == '\r') {
            half_line_end_ = !half_line_end_;
            if (c == '\r' || ++empty_lines_ <= limits_.empty_lines) continue;
            refuse(400, "bad_request_line", "too many empty lines before the request line"); // H20
        } else if (half_line_end_ || c == '\n') {
            refuse(400, "bad_line_end", "before the request line: CR and LF do not stand together"); // H10
        } else if (!is_token_char(c)) {
            // H13: this also answers a TLS greeting, which may never contain a LF, at its first byte.
            refuse(400, "bad_request_line", "request line: the method begins with an invalid character");
        } else {
            phase_ = phase::head;
            return used;
        }
        phase_ = phase::failed;
        return used;
    }
    return used;
}

std::size_t parser::take_head(std::string_view bytes) {
    auto& head = request_.head_;
    std::size_t used = 0;
    bool good = true;
    bool ended = false;
    while (good && !ended && used < bytes.size()) {
        // H16: a line that crosses this bound is refused whatever it holds, and nothing behind the bound is stored.
        auto const bound = lines_ == 0 ? limits_.method_bytes + limits_.target_bytes + sizeof "  HTTP/1.1\r"
                                       : headers_begin_ + limits_.header_bytes;
        auto const lf = bytes.find('\n', used);
        auto const piece = bytes.substr(used, lf == std::string_view::npos ? lf : lf + 1 - used);
        auto const room = std::min(piece.size(), bound - head.size());
        head.append(piece.substr(0, room));
        used += room;
        bool const whole = room == piece.size();
        if (whole && lf == std::string_view::npos) break;

        auto const line = std::string_view{head}.substr(line_begin_);
        if (lines_ == 0) {
            good = check_request_line(line);
            headers_begin_ = head.size();
        } else if (!whole) {
            good = refuse(431, "headers_too_large",
                          "the headers are longer than " + std::to_string(limits_.header_bytes) + " bytes");
        } else {
            ended = line == "\r\n";
            good = ended || check_header_line(line);
        }
        if (!good) break;
        ++lines_;
        line_begin_ = head.size();
    }
    // llhttp sees the good lines first, so that the first fault in the head is the one that is told.
    auto const fed = head_fed_;
    head_fed_ = line_begin_;
    if (!feed(std::string_view{head}.substr(fed, line_begin_ - fed)) || !good) {
        phase_ = phase::failed;
    } else if (ended) {
        if (message_complete_) finish();
        else phase_ = has_codings_ ? phase::chunk_size : phase::body;
    }
    return used;
}

std::size_t parser::take_data(std::string_view bytes) {
    wants_continue_ = false; // H17: the client did not wait
    auto const size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    request_.body_.append(bytes.substr(0, size));
    left_ -= size;
    if (!feed(bytes.substr(0, size))) phase_ = phase::failed;
    else if (left_ == 0 && phase_ == phase::chunk_data) phase_ = phase::chunk_end;
    else if (left_ == 0) finish();
    return size;
}

std::size_t parser::take_chunk_size(std::string_view bytes) {
    wants_continue_ = false;
    if (line_.empty()) ++chunks_;
    auto const [used, ready] = take_line(bytes, 16 + limits_.chunk_extension_bytes + 2);
    if (!ready) return used;
    if (!check_chunk_size(line_) || !feed(line_)) {
        phase_ = phase::failed;
    } else {
        phase_ = left_ == 0 ? phase::trailers : phase::chunk_data;
        lines_ = 0;
    }
    line_.clear();
    return used;
}

std::size_t parser::take_chunk_end(std::string_view bytes) {
    constexpr std::string_view line_end = "\r\n";
    std::size_t used = 0;
    while (used < bytes.size() && line_.size() < line_end.size()) {
        if (bytes[used] != line_end[line_.size()]) { // H7
            refuse(400, "bad_chunk", place() + "its data is not followed by CRLF");
            phase_ = phase::failed;
            return used;
        }
        line_.push_back(bytes[used++]);
    }
    if (line_.size() < line_end.size()) return used;
    line_.clear();
    phase_ = feed(line_end) ? phase::chunk_size : phase::failed;
    return used;
}

std::size_t parser::take_trailers(std::string_view bytes) {
    auto const [used, ready] = take_line(bytes, limits_.header_bytes - trailer_bytes_);
    if (!ready) return used;
    trailer_bytes_ += line_.size();
    ++lines_;
    bool const ended = line_ == "\r\n";
    bool good = true;
    if (line_.back() != '\n') // H9
        good = refuse(431, "headers_too_large", "the trailers are longer than the headers may be");
    else if (!ended) good = check_header_line(line_);
    good = good && feed(line_);
    line_.clear();
    if (!good) phase_ = phase::failed;
    else if (ended) finish();
    return used;
}

// Moves bytes to line_, up to a LF or to one byte more than `limit`, which no good line has. Returns how many, and
// whether there is a line to look at.
std::pair<std::size_t, bool> parser::take_line(std::string_view bytes, std::size_t limit) {
    auto const lf = bytes.find('\n');
    auto const wanted = lf == std::string_view::npos ? bytes.size() : lf + 1;
    auto const room = limit + 1 - line_.size();
    auto const size = std::min(wanted, room);
    line_.append(bytes.substr(0, size));
    if (line_.size() > limit && line_.back() == '\n') line_.back() = '\0'; // too long by its LF: not a whole line
    return {size, line_.back() == '\n' || line_.size() > limit};
}

// Two readers of the framing, llhttp and this class, have to agree on where the request ends.
void parser::finish() {
    if (message_complete_) {
        phase_ = request_.keep_alive_ ? phase::complete : phase::closed;
    } else {
        refuse(400, "bad_framing", "the end of the request is ambiguous");
        phase_ = phase::failed;
    }
}

bool parser::feed(std::string_view bytes) {
    if (bytes.empty()) return true;
    llhttp_.data = this;
    auto const code = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
    if (code == HPE_OK) return true;
    // A callback that refuses has set the error itself.
    if (code != HPE_CB_HEADERS_COMPLETE && code != HPE_CB_CHUNK_HEADER) refuse_for_llhttp(code);
    return false;
}

// What the callbacks write has its room reserved, by check_header_line or in place: none of them may throw through C.
llhttp_settings_t const parser::settings = [] {
    llhttp_settings_t all{};
    all.on_header_field = &parser::on_header_field;
    all.on_header_value = &parser::on_header_value;
    all.on_headers_complete = &parser::on_headers_complete;
    all.on_chunk_header = &parser::on_chunk_header;
    all.on_message_complete = &parser::on_message_complete;
    return all;
}();

int parser::on_header_field(llhttp_t* from, char const* at, std::size_t size) noexcept {
    auto& self = *static_cast<parser*>(from->data);
    if (self.phase_ != phase::head) return 0; // H9: a trailer is dropped
    auto const begin = static_cast<std::uint32_t>(at - self.request_.head_.data());
    self.request_.headers_.push_back({{begin, static_cast<std::uint32_t>(size)}, {begin, 0}});
    return 0;
}

int parser::on_header_value(llhttp_t* from, char const* at, std::size_t size) noexcept {
    auto& self = *static_cast<parser*>(from->data);
    if (self.phase_ != phase::head || self.request_.headers_.empty()) return 0;
    auto const& head = self.request_.head_;
    auto const value = trimmed({at, size});
    self.request_.headers_.back().value = {static_cast<std::uint32_t>(value.data() - head.data()),
                                           static_cast<std::uint32_t>(value.size())};
    return 0;
}

int parser::on_headers_complete(llhttp_t* from) noexcept {
    auto& self = *static_cast<parser*>(from->data);
    if (!self.check_headers()) return -1;
    from->upgrade = 0; // H24: an upgrade is never agreed to, so the request is one like any other
    self.left_ = self.has_codings_ ? 0 : from->content_length;
    return 0;
}

int parser::on_chunk_header(llhttp_t* from) noexcept {
    auto& self = *static_cast<parser*>(from->data);
    self.left_ = from->content_length;
    if (self.left_ <= self.limits_.body_bytes - self.request_.body_.size()) return 0;
    self.refuse(413, "body_too_large", // H16: known before the chunk's data is read
                "the body is longer than " + std::to_string(self.limits_.body_bytes) + " bytes");
    return -1;
}

int parser::on_message_complete(llhttp_t* from) noexcept {
    static_cast<parser*>(from->data)->message_complete_ = true;
    return 0;
}

} // namespace http
