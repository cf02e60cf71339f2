// tests/conformance/io_subject.hpp: what the subjects of the kernel's operations share.
#pragma once

#include <weir/io/fd.hpp>

#include <array>
#include <cstddef>
#include <sys/socket.h>

namespace weir::conformance {

// What a socket has, taken from it.
inline std::size_t drain(io::fd const& file) {
    std::size_t sum = 0;
    std::array<char, 65536> into;
    for (ssize_t got; (got = ::recv(file.number(), into.data(), into.size(), MSG_DONTWAIT)) > 0;)
        sum += static_cast<std::size_t>(got);
    return sum;
}

inline constexpr char const* buffer_note = "the buffer belongs to the kernel until the wait has ended";

} // namespace weir::conformance
