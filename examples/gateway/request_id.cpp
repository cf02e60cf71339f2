// examples/gateway/request_id.cpp: which ids are taken over.
#include "request_id.hpp"

#include <algorithm>

namespace gateway {
namespace {

constexpr std::size_t longest = 128;

bool is_id_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._:/+="}.find(c) != std::string_view::npos;
}

} // namespace

bool is_request_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), is_id_char);
}

std::string request_id(std::optional<std::string_view> sent, std::string_view made) {
    return std::string{sent && is_request_id(*sent) ? *sent : made};
}

} // namespace gateway
