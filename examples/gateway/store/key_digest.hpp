// examples/gateway/store/key_digest.hpp: the SHA-256 of an API key, which is all that is kept of it.
// API keys are long and random, so that nobody finds one by trying: a plain hash is enough, and a look-up needs no salt.
#pragma once

#include <weir/flow/jitter.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

class key_digest {
public:
    // Of a key as it was presented.  Errors: std::system_error, when OpenSSL cannot.
    static key_digest of(std::string_view key);
    // What text() has written; nothing for anything else.
    static std::optional<key_digest> parse(std::string_view text) noexcept;

    // 64 hexadecimal digits.
    std::string text() const;

    // Takes as long for digests that are nearly equal as for others.
    friend bool operator==(key_digest const& a, key_digest const& b) noexcept;

    // For tables: salted, so that nobody who picks keys picks places.
    struct hash {
        std::size_t operator()(key_digest const& of) const noexcept {
            std::uint64_t word;
            std::memcpy(&word, of.bytes_.data(), sizeof word);
            return static_cast<std::size_t>(weir::mix_hash(word ^ salt));
        }
        std::uint64_t salt = weir::jitter{}.draw();
    };

private:
    std::array<unsigned char, 32> bytes_{};
};

} // namespace gateway
