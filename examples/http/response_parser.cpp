// examples/http/response_parser.cpp: the dealings with llhttp.
#include "response_parser.hpp"

#include "ascii.hpp"

#include <new>

namespace http {

header_view response_head::header_at(std::size_t index) const noexcept {
    auto const& at = headers_[index];
    std::string_view const text{text_};
    return {text.substr(at.name, at.value - at.name), trimmed(text.substr(at.value, at.end - at.value))};
}

std::optional<std::string_view> response_head::header(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < headers_.size(); ++i)
        if (auto const each = header_at(i); equal_ignoring_case(each.name, name)) return each.value;
    return std::nullopt;
}

void response_head::clear() noexcept {
    status_ = 0;
    text_.clear();
    headers_.clear();
}

llhttp_settings_t const response_parser::settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = &on_name;
    made.on_header_value = &on_value;
    made.on_header_value_complete = &on_value_end;
    made.on_headers_complete = &on_head;
    made.on_body = &on_body;
    made.on_message_complete = &on_end;
    return made;
}();

response_parser::response_parser(response_limits const& bounds) : limits_{bounds} { begin(false); }

void response_parser::begin(bool head_request) noexcept {
    llhttp_init(&llhttp_, HTTP_RESPONSE, &settings);
    llhttp_.data = this;
    head_.clear();
    pieces_.clear();
    taken_ = trailer_bytes_ = 0;
    head_request_ = head_request;
    in_value_ = begun_ = head_complete_ = interim_ = complete_ = keep_alive_ = surplus_ = false;
}

bool response_parser::parse(weir::bytes const& block) {
    if (block.empty()) return true;
    begun_ = true;
    if (complete_) {
        surplus_ = true;
        return true;
    }
    block_ = &block;
    auto const text = block.view();
    auto const state = llhttp_execute(&llhttp_, text.data(), text.size());
    block_ = nullptr;
    if (complete_) surplus_ = llhttp_get_error_pos(&llhttp_) != text.data() + text.size();
    return complete_ || state == HPE_OK;
}

bool response_parser::finish() {
    if (complete_) return true;
    static_cast<void>(llhttp_finish(&llhttp_)); // where the end of the connection is the body's, it calls on_end
    keep_alive_ = false;
    return complete_;
}

weir::bytes response_parser::take_piece() noexcept {
    if (taken_ == pieces_.size()) return {};
    auto piece = std::move(pieces_[taken_++]);
    if (taken_ == pieces_.size()) {
        pieces_.clear();
        taken_ = 0;
    }
    return piece;
}

int response_parser::add(std::string_view text, bool to_name) noexcept {
    if (head_complete_) { // a trailer, which is dropped
        trailer_bytes_ += text.size();
        return trailer_bytes_ > limits_.head_bytes ? -1 : 0;
    }
    if (head_.text_.size() + text.size() > limits_.head_bytes) return -1;
    try {
        if (to_name) {
            bool const is_new = head_.headers_.empty() || in_value_;
            if (is_new && head_.headers_.size() == limits_.header_count) return -1;
            if (is_new) head_.headers_.push_back({head_.text_.size(), head_.text_.size(), head_.text_.size()});
        }
        head_.text_.append(text);
    } catch (std::bad_alloc const&) {
        return -1;
    }
    auto& last = head_.headers_.back();
    last.end = head_.text_.size();
    if (to_name) last.value = last.end;
    in_value_ = !to_name;
    return 0;
}

int response_parser::on_name(llhttp_t* at, char const* text, std::size_t size) noexcept {
    return self_of(at).add({text, size}, true);
}

int response_parser::on_value(llhttp_t* at, char const* text, std::size_t size) noexcept {
    return self_of(at).add({text, size}, false);
}

int response_parser::on_value_end(llhttp_t* at) noexcept {
    self_of(at).in_value_ = true; // an empty value has not been told of
    return 0;
}

int response_parser::on_head(llhttp_t* at) noexcept {
    auto& self = self_of(at);
    if (at->http_major != 1 || at->status_code < 100 || at->status_code == 101) return -1;
    self.interim_ = at->status_code < 200;
    self.head_.status_ = at->status_code;
    self.head_complete_ = !self.interim_;
    return self.head_request_ ? 1 : 0; // 1: no body follows, whatever the headers say
}

int response_parser::on_body(llhttp_t* at, char const* text, std::size_t size) noexcept {
    auto& self = self_of(at);
    auto const begin = static_cast<std::size_t>(text - self.block_->view().data());
    try {
        self.pieces_.push_back(self.block_->slice(begin, size));
    } catch (std::bad_alloc const&) {
        return -1;
    }
    return 0;
}

int response_parser::on_end(llhttp_t* at) noexcept {
    auto& self = self_of(at);
    if (self.interim_) {
        self.head_.clear();
        self.in_value_ = self.interim_ = false;
        return 0;
    }
    self.keep_alive_ = llhttp_should_keep_alive(at) != 0;
    self.complete_ = true;
    return HPE_PAUSED;
}

} // namespace http
