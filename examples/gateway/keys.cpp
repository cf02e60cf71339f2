// examples/gateway/keys.cpp: reading, comparing and making API keys.
#include "keys.hpp"

#include "store/key_digest.hpp"

#include <weir/flow/jitter.hpp>
#include <weir/flow/mix_hash.hpp>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace gateway {
namespace {

// The characters of token68 (RFC 9110, section 11.2).
bool is_key_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._~+/="}.find(c) != std::string_view::npos;
}

bool is_key(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), is_key_char);
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r";
    auto const begin = std::min(text.find_first_not_of(blanks), text.size());
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

} // namespace

void keys::add(std::string_view key, std::string_view source) {
    if (!is_key(key))
        throw std::invalid_argument(std::string(source) +
                                    ": a key must be 1 to 256 letters, digits or characters of -._~+/=");
    all_.try_emplace(std::string{key}, "key-" + key_digest::of(key).text().substr(0, 8));
}

void keys::add_file(std::string const& path) {
    std::ifstream file{path};
    if (!file) throw std::runtime_error("the file of keys cannot be opened: " + path);
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        auto const text = trimmed(line);
        if (!text.empty() && text.front() != '#') add(text, path + ", line " + std::to_string(number));
    }
    if (file.bad()) throw std::runtime_error("the file of keys cannot be read: " + path);
}

void keys::add_list(std::string_view list, std::string_view source) {
    while (!list.empty()) {
        auto const comma = std::min(list.find(','), list.size());
        if (auto const key = trimmed(list.substr(0, comma)); !key.empty()) add(key, source);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

std::string const* keys::name_of(std::string_view presented) const noexcept {
    auto const found = all_.find(presented);
    return found == all_.end() ? nullptr : &found->second;
}

keys::hash::hash() : salt{weir::jitter{}.draw()} {}

std::size_t keys::hash::operator()(std::string_view key) const noexcept {
    std::uint64_t mixed = salt ^ key.size();
    for (; !key.empty(); key.remove_prefix(std::min(key.size(), sizeof mixed))) {
        std::uint64_t word = 0;
        std::memcpy(&word, key.data(), std::min(key.size(), sizeof word));
        mixed = weir::mix_hash(mixed ^ word);
    }
    return static_cast<std::size_t>(mixed);
}

// Looks at every byte and never branches on what it finds. Lengths are no secret.
bool keys::equal::operator()(std::string_view a, std::string_view b) const noexcept {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned char>(a[i] ^ b[i]);
        asm volatile("" : "+r"(difference)); // so that the compiler cannot leave the loop early
    }
    return difference == 0;
}

std::string keys::random() {
    std::array<unsigned char, 24> bytes{};
    std::size_t have = 0;
    while (have < bytes.size()) { // at most 256 bytes come whole, but a signal may arrive before the first
        auto const got = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
        if (got < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "getrandom");
        if (got > 0) have += static_cast<std::size_t>(got);
    }
    std::string key = "weir-";
    for (auto const byte : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        key.push_back(digits[byte >> 4]);
        key.push_back(digits[byte & 15]);
    }
    return key;
}

std::optional<std::string_view> bearer(std::string_view authorization) noexcept {
    constexpr std::string_view scheme = "bearer";
    if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i)
        if ((authorization[i] | 0x20) != scheme[i]) return std::nullopt; // 0x20 is what parts the cases
    auto const key = trimmed(authorization.substr(scheme.size() + 1));
    if (!is_key(key)) return std::nullopt;
    return key;
}

} // namespace gateway
