// examples/tls/memory_bio.hpp: where OpenSSL reads and writes a connection's bytes: two buffers, and no descriptor.
// OpenSSL's own memory BIO keeps the largest block that it ever had; this one gives its blocks back.
#pragma once

#include "openssl.hpp"

#include <weir/memory/buffer.hpp>

namespace tls {

// Threads: one at a time.
struct wire {
    weir::buffer in;    // came from the peer, and OpenSSL has not read it
    weir::buffer out;   // goes to the peer
    bool ended = false; // nothing follows `in`
};

// Reads `of.in`, and asks for more, or sees the end, when it is empty; writes to `of.out`.
// Needs: `of` outlives it.  Errors: null without memory.
bio_ptr make_memory_bio(wire& of) noexcept;

} // namespace tls
