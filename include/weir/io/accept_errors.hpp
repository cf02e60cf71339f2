// weir/io/accept_errors.hpp: whom an error of accept(2) concerns.
// Source:   accept(2), "Error handling": Linux passes on what the network has already said to the new connection.
// For:      authors of primitives.
#pragma once

#include <cerrno>

namespace weir::inline v0::io {

// The connection that was to be accepted, or the network at that moment: the next one may well succeed.
inline bool concerns_one_connection(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case EPERM:
        case ETIMEDOUT: return true;
        default: return false;
    }
}

// Descriptors or memory, of the process or the system: to ask again at once would only spin.
inline bool concerns_resources(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace weir::io
