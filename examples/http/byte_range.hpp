// examples/http/byte_range.hpp: the parts of a file that a client asks for.
// Source:   RFC 9110, section 14.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace http {

class byte_range {
public:
    byte_range(std::uint64_t at, std::uint64_t count) noexcept : first{at}, size{count} {}
    bool operator==(byte_range const&) const = default;

    std::uint64_t first;
    std::uint64_t size; // at least 1
};

enum class range_request : unsigned char {
    whole,         // no ranges, or none that make sense, or more than they are worth: the whole is sent
    parts,         // at least one
    unsatisfiable, // none begins within the file: 416
};

// What the value of a Range header asks of `size` bytes; the parts stand in `into`, in the order of the header.
// More than 16 ranges, and ranges that together are longer than the whole, ask for the whole.
range_request read_ranges(std::string_view value, std::uint64_t size, std::vector<byte_range>& into);

} // namespace http
