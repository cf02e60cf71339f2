// examples/tls/layer.hpp: TLS between HTTP and TCP for one connection.
// Memory: a connection that waits for its peer holds OpenSSL's state and no buffer.
#pragma once

#include "context.hpp"
#include "engine.hpp"

#include <http/transport.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/sync/mutex.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

namespace tls {

struct figures {
    weir::counter full;    // handshakes with all they need
    weir::counter resumed; // by a ticket
    weir::counter failed;  // or given up
};

// Threads: as http::transport_layer says. Receiving and sending meet in OpenSSL's object, which admits one at a time.
class layer final : public http::transport_layer {
public:
    // `socket` and `counts` outlive it. The handshake has `patience`; a client's server is to be `name`.
    layer(weir::net::tcp_socket const& socket, std::shared_ptr<context const> of, std::string_view name,
          std::chrono::milliseconds patience, figures& counts);

    // Errors: errc::timed_out; errc::end_of_stream; of category() and certificate_category(); those of the socket.
    // A peer whose handshake is no good is told why, by an alert, or in HTTP if that is what it speaks.
    weir::task<weir::result<void>> open() override;
    // Errors: errc::end_of_stream when the peer's stream ends and it has not said so by TLS: something may be missing.
    weir::task<weir::result<std::size_t>> recv(std::span<std::byte> into) override;
    weir::task<weir::result<std::size_t>> send(std::span<iovec const> pieces) override;
    weir::task<> say_end() override;
    std::size_t recv_now(std::span<std::byte> into) noexcept override;
    bool is_stale() noexcept override;

private:
    weir::task<weir::result<void>> shake_hands();
    weir::task<weir::result<engine::step>> next_step();
    // Says a last word to who cannot be talked to, such that it arrives although the peer may be sending.
    weir::task<> part(std::error_code why);
    // Sends what the engine has for the peer. Whoever finds another one sending may leave it to him.
    weir::task<weir::result<void>> flush();
    weir::task<weir::result<void>> flush_held();
    // The same for a receiver, who waits for a sender only when there is a lot.
    weir::task<weir::result<void>> flush_aside();

    // Each is a call of OpenSSL under the lock.
    engine::step read(std::span<std::byte> into) noexcept;
    engine::step write(std::span<iovec const> pieces) noexcept;
    std::size_t output_size() noexcept;
    weir::buffer take_output() noexcept;
    // Takes in what the socket has, without waiting.  Returns: false if that is nothing yet.
    weir::result<bool> receive();

    weir::net::tcp_socket const& socket_;
    std::chrono::milliseconds const patience_;
    figures& figures_;
    bool const slow_;
    // I1: bytes leave in the order in which the engine has made them: unsent_, then the engine's output. Both are moved
    //     on only by who holds sending_; a send that is broken off leaves its rest in unsent_.
    // I2: output that nobody is sending is seen by somebody: who makes it finds sending_ free, or held by one who looks
    //     again behind its release.
    weir::mutex sending_;
    weir::buffer unsent_;
    std::size_t quota_; // bytes that are encrypted before they are sent; written by who holds sending_
    std::mutex mutex_;  // guards engine_; never held across a wait
    engine engine_;
};

} // namespace tls
