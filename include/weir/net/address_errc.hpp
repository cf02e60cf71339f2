// weir/net/address_errc.hpp: what is wrong with a text that should be an address, as a std::error_code.
#pragma once

#include <string>
#include <system_error>
#include <type_traits>

namespace weir::inline v0::net {

// All of them compare equal to std::errc::invalid_argument.
enum class address_errc {
    empty = 1,         // nothing is there
    zero_byte,         // a zero byte lies in it
    no_port,           // no colon with a port behind the host
    bad_port,          // the port is no number
    port_too_large,    // the port is above 65535
    bad_v4,            // the host is no IPv4 address; a name, for instance
    bad_v6,            // the host is no IPv6 address
    no_brackets,       // an IPv6 address with a port, and not in brackets
    open_bracket,      // a bracket that is not closed
    after_bracket,     // something other than a port follows the bracket
    unknown_interface, // no network interface of that name or number
    no_path,           // a Unix socket without a path or name
    path_too_long,     // longer than the system's addresses can hold
    bad_escape,        // a backslash without `xHH` behind it
};

class address_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "weir.address"; }
    std::string message(int value) const override {
        switch (static_cast<address_errc>(value)) {
            case address_errc::empty: return "an empty address";
            case address_errc::zero_byte: return "a zero byte in an address";
            case address_errc::no_port: return "an address without a port";
            case address_errc::bad_port: return "a port that is no number";
            case address_errc::port_too_large: return "a port above 65535";
            case address_errc::bad_v4: return "no IPv4 address";
            case address_errc::bad_v6: return "no IPv6 address";
            case address_errc::no_brackets: return "an IPv6 address with a port needs brackets";
            case address_errc::open_bracket: return "a bracket that is not closed";
            case address_errc::after_bracket: return "something other than a port behind a bracket";
            case address_errc::unknown_interface: return "no such network interface";
            case address_errc::no_path: return "a Unix socket without a path";
            case address_errc::path_too_long: return "a path that is too long for a Unix socket";
            case address_errc::bad_escape: return "a backslash that escapes nothing";
        }
        return "unknown address error " + std::to_string(value);
    }
    std::error_condition default_error_condition(int) const noexcept override {
        return std::make_error_condition(std::errc::invalid_argument);
    }
};

inline std::error_code make_error_code(address_errc value) noexcept {
    static address_category const category;
    return {static_cast<int>(value), category};
}

} // namespace weir::net

template <>
struct std::is_error_code_enum<weir::net::address_errc> : std::true_type {};
