// weir/io/stream_counts.hpp: what has become of the things that an accept_stream or a recv_stream had from the kernel.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::inline v0::io {

class stream_counts {
public:
    std::uint64_t taken = 0;     // given to a taker
    std::uint64_t returned = 0;  // had from the kernel and let go, because nobody could take them any more
    std::uint64_t postponed = 0; // times at which a descriptor, a block or memory was lacking
    std::size_t waiting = 0;     // had from the kernel and not taken so far
};

} // namespace weir::io
