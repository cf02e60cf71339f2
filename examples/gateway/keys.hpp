// examples/gateway/keys.hpp: the API keys that are accepted.
// Not:      a store of users: a key is good or it is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gateway {

class keys {
public:
    static constexpr char const* environment_variable = "WEIR_GATEWAY_KEYS";

    // Errors: std::invalid_argument, which says `source` but not the key, unless it is 1 to 256 of the characters
    // that "Authorization: Bearer" can carry.
    void add(std::string_view key, std::string_view source);
    // One key a line; blank lines and those that begin with "#" are skipped.
    // Errors: std::runtime_error if the file cannot be read; as add() for a line, which is named.
    void add_file(std::string const& path);
    // Keys separated by commas, as in the environment variable.
    void add_list(std::string_view list, std::string_view source);

    std::size_t size() const noexcept { return all_.size(); }
    // Takes as long for a key that is nearly right as for one that is quite wrong, and with a thousand keys as with one.
    bool contains(std::string_view presented) const noexcept { return name_of(presented) != nullptr; }
    // What logs and the audit call a key: "key-" and eight digits of its SHA-256, the same in every gateway. Null for one
    // that is not accepted.  Takes as long as contains().
    std::string const* name_of(std::string_view presented) const noexcept;

    // A key of 192 random bits, from the kernel.  Errors: std::system_error if it has none to give.
    static std::string random();

private:
    // Salted, so that what a wrong key takes tells nothing of the others in its place.
    struct hash {
        using is_transparent = void;
        hash();
        std::size_t operator()(std::string_view key) const noexcept;
        std::uint64_t salt;
    };
    struct equal { // in constant time
        using is_transparent = void;
        bool operator()(std::string_view a, std::string_view b) const noexcept;
    };
    std::unordered_map<std::string, std::string, hash, equal> all_; // names by their keys
};

// The key in the value of an Authorization header, or nothing if it is not of the form "Bearer KEY".
std::optional<std::string_view> bearer(std::string_view authorization) noexcept;

} // namespace gateway
