// weir/net/resolve_errc.hpp: why a name was not resolved, as a std::error_code.
#pragma once

#include <netdb.h>
#include <string>
#include <system_error>
#include <type_traits>

namespace weir::inline v0::net {

// The values are those of getaddrinfo(3).
enum class resolve_errc {
    unknown_name = EAI_NONAME,       // no host of that name, or nobody who says so
    no_address = EAI_NODATA,         // there is that host, and it has no address of the wanted family
    wrong_family = EAI_ADDRFAMILY,   // the same, where the host is written as a number
    unknown_service = EAI_SERVICE,   // neither a port's number nor a service of this system
    try_again = EAI_AGAIN,           // the name server does not answer now
    server_failed = EAI_FAIL,        // the name server answers that it cannot
    unsupported_family = EAI_FAMILY, // this system has no such family of addresses
    out_of_memory = EAI_MEMORY,
};

class resolve_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "weir.resolve"; }
    std::string message(int value) const override {
        switch (static_cast<resolve_errc>(value)) {
            case resolve_errc::unknown_name: return "unknown host";
            case resolve_errc::no_address: return "the host has no address";
            case resolve_errc::wrong_family: return "the host has no address of this family";
            case resolve_errc::unknown_service: return "unknown service";
            case resolve_errc::try_again: return "the name server does not answer";
            case resolve_errc::server_failed: return "the name server has failed";
            case resolve_errc::unsupported_family: return "the address family is not supported";
            case resolve_errc::out_of_memory: return "out of memory";
        }
        return ::gai_strerror(value);
    }
};

inline std::error_code make_error_code(resolve_errc value) noexcept {
    static resolve_category const category;
    return {static_cast<int>(value), category};
}

} // namespace weir::net

template <>
struct std::is_error_code_enum<weir::net::resolve_errc> : std::true_type {};
