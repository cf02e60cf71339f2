// weir/base/errc.hpp: the library's own reasons for a wait that did not end as hoped, as a std::error_code.
#pragma once

#include <string>
#include <system_error>
#include <type_traits>

namespace weir::inline v0 {

enum class errc {
    cancelled = 1,  // a stop was requested
    timed_out,      // a deadline passed
    closed,         // the other side, or the object, was closed
    overloaded,     // a bound was reached, and waiting was not asked for
    self_deadlock,  // the wait could only end by itself
    shut_down,      // the runtime no longer admits work
    end_of_stream,  // the peer ended its stream before all was there
    too_long,       // a limit on length was passed
    no_reply,       // a batch left this request without an answer
    unsupported,    // the system lacks the operation
    circuit_open,   // a circuit breaker spares the other side
};

class errc_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "weir"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::cancelled: return "cancelled";
            case errc::timed_out: return "timed out";
            case errc::closed: return "closed";
            case errc::overloaded: return "overloaded";
            case errc::self_deadlock: return "the operation waits for itself";
            case errc::shut_down: return "shut down";
            case errc::end_of_stream: return "end of stream";
            case errc::too_long: return "longer than the limit";
            case errc::no_reply: return "the batch gave no reply";
            case errc::unsupported: return "not supported by this system";
            case errc::circuit_open: return "the circuit is open";
        }
        return "unknown weir error " + std::to_string(value);
    }
};

inline std::error_category const& category() noexcept {
    static errc_category const instance;
    return instance;
}

inline std::error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), category()}; }

// An errno as an error_code.
inline std::error_code system_error_code(int number) noexcept { return {number, std::system_category()}; }

} // namespace weir

template <>
struct std::is_error_code_enum<weir::errc> : std::true_type {};
