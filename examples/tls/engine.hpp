// examples/tls/engine.hpp: one end of a TLS connection without its socket: bytes of the wire go in and come out, and no
// call waits.
// Threads:  one at a time, on any; no call leaves anything in the thread's queue of errors.
#pragma once

#include "context.hpp"
#include "memory_bio.hpp"
#include "openssl.hpp"

#include <weir/base/immovable.hpp>
#include <weir/memory/buffer.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <system_error>

namespace tls {

class engine : weir::immovable {
public:
    static constexpr std::size_t record_size = 16 * 1024; // the most that TLS puts into one

    enum class state {
        done,
        wants_input, // call again when the peer has said more
        ended,       // the peer has said that nothing more comes
        failed,      // for good, and each call says why; the output may have an alert that tells the peer
    };
    struct step {
        state at = state::failed;
        std::size_t size = 0;
        std::error_code error{};
    };

    // A client verifies that the server is `name`: a host's, or an address.  Errors: std::bad_alloc.
    engine(std::shared_ptr<context const> of, std::string_view name);

    step shake_hands() noexcept;
    // At least a byte when it is done.
    step read(std::span<std::byte> into) noexcept;
    // done when something is there to read, which stays.
    step peek() noexcept;
    // Takes `most` bytes of `pieces` or the record that goes beyond, and never wants input.
    step write(std::span<iovec const> pieces, std::size_t most) noexcept;
    // Tells the peer that nothing more comes.
    void say_end() noexcept;

    // Room for what comes from the peer, and how much of it was used.
    std::span<std::byte> prepare(std::size_t size) { return wire_.in.prepare(size); }
    void commit(std::size_t size) noexcept { wire_.in.commit(size); }
    // The peer's socket has nothing more.
    void end_input() noexcept { wire_.ended = true; }
    // What is to be sent.
    bool has_output() const noexcept { return !wire_.out.empty(); }
    std::size_t output_size() const noexcept { return wire_.out.size(); }
    weir::buffer take_output() noexcept { return std::move(wire_.out); }

    // Once the handshake is done.
    bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }
    SSL& native() const noexcept { return *ssl_; }

private:
    bool expect(std::string_view name);
    step judge(int returned, std::size_t size) noexcept;
    bool write_record(void const* from, std::size_t size) noexcept;

    // I1: wire_.in has no block while it is empty, so that a connection that waits for its peer holds no buffer.
    std::shared_ptr<context const> const context_;
    wire wire_;
    std::error_code failure_; // the first
    ssl_ptr const ssl_; // ends before the wire
};

} // namespace tls
