// examples/gateway/store/key_digest.cpp: SHA-256 and comparing, by OpenSSL.
#include "key_digest.hpp"

// The functions of one digest alone: newer ones set the whole of OpenSSL up first, which takes 2 MB of an idle server.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <system_error>

namespace gateway {

key_digest key_digest::of(std::string_view key) {
    key_digest made;
    SHA256_CTX sum;
    bool const done = SHA256_Init(&sum) == 1 && SHA256_Update(&sum, key.data(), key.size()) == 1 &&
                      SHA256_Final(made.bytes_.data(), &sum) == 1;
    if (!done)
        throw std::system_error(std::make_error_code(std::errc::not_supported), "SHA-256");
    return made;
}

std::optional<key_digest> key_digest::parse(std::string_view text) noexcept {
    key_digest made;
    if (text.size() != 2 * made.bytes_.size()) return std::nullopt;
    for (std::size_t n = 0; n < text.size(); ++n) {
        constexpr std::string_view digits = "0123456789abcdef";
        auto const digit = digits.find(text[n]);
        if (digit == std::string_view::npos) return std::nullopt;
        made.bytes_[n / 2] = static_cast<unsigned char>(unsigned{made.bytes_[n / 2]} << 4 | digit);
    }
    return made;
}

std::string key_digest::text() const {
    std::string made;
    for (auto const byte : bytes_) {
        constexpr std::string_view digits = "0123456789abcdef";
        made.push_back(digits[byte >> 4]);
        made.push_back(digits[byte & 15]);
    }
    return made;
}

bool operator==(key_digest const& a, key_digest const& b) noexcept {
    return CRYPTO_memcmp(a.bytes_.data(), b.bytes_.data(), a.bytes_.size()) == 0;
}

} // namespace gateway
