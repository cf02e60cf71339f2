// examples/tls/layer.cpp: the engine's bytes go over the socket.
#include "layer.hpp"

#include "error.hpp"

#include <weir/runtime/blocking.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <sys/socket.h>
#include <utility>

namespace tls {

namespace {

constexpr std::size_t read_size = 17 * 1024;            // a record and what it is wrapped in
constexpr std::size_t most_at_once = 64 * 1024;         // of plain bytes for one send
constexpr std::size_t most_left_to_others = 16 * 1024;  // of answers to a peer that does not read
constexpr std::size_t most_dropped = 64 * 1024;         // from one whose handshake has failed
constexpr std::chrono::seconds parting{1};
constexpr std::string_view wrong_protocol =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 49\r\nConnection: close\r\n\r\n"
    "This port speaks HTTPS; the request came in HTTP\n";

} // namespace

layer::layer(weir::net::tcp_socket const& socket, std::shared_ptr<context const> of, std::string_view name,
             std::chrono::milliseconds patience, figures& counts)
    : socket_{socket}, patience_{patience}, figures_{counts}, slow_{of->has_slow_handshake()}, quota_{most_at_once},
      engine_{std::move(of), name} {}

engine::step layer::read(std::span<std::byte> into) noexcept {
    std::lock_guard const locked{mutex_};
    return engine_.read(into);
}

engine::step layer::write(std::span<iovec const> pieces) noexcept {
    std::lock_guard const locked{mutex_};
    return engine_.write(pieces, quota_);
}

std::size_t layer::output_size() noexcept {
    std::lock_guard const locked{mutex_};
    return engine_.output_size();
}

weir::buffer layer::take_output() noexcept {
    std::lock_guard const locked{mutex_};
    return engine_.take_output();
}

weir::result<bool> layer::receive() {
    std::lock_guard const locked{mutex_};
    auto const room = engine_.prepare(read_size);
    auto const got = ::recv(socket_.ref().number(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) engine_.commit(static_cast<std::size_t>(got));
    else if (got == 0) engine_.end_input();
    else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return false;
    else return weir::system_error_code(errno);
    return true;
}

weir::task<weir::result<void>> layer::open() {
    auto const done = co_await weir::timeout(shake_hands(), patience_);
    if (!done) figures_.failed.add();
    else if (engine_.resumed()) figures_.resumed.add();
    else figures_.full.add();
    if (!done && (done.error().category() == category() || done.error().category() == certificate_category()))
        co_await weir::timeout(part(done.error()), parting);
    co_return done;
}

weir::task<weir::result<engine::step>> layer::next_step() {
    if (!slow_) co_return engine_.shake_hands();
    co_return co_await weir::blocking([](engine* of) { return of->shake_hands(); }, &engine_);
}

weir::task<weir::result<void>> layer::shake_hands() {
    for (;;) {
        auto const now = co_await next_step();
        if (!now) co_return now.error();
        if (now->at == engine::state::failed) co_return now->error;
        auto const sent = co_await flush();
        if (!sent) co_return sent.error();
        if (now->at == engine::state::done) co_return weir::result<void>{};
        for (bool came = false; !came;) {
            auto const ready = co_await socket_.readable();
            if (!ready) co_return ready.error();
            auto const got = receive();
            if (!got) co_return got.error();
            came = *got;
        }
    }
}

weir::task<> layer::part(std::error_code why) {
    auto const told = co_await flush();
    if (told && why == reason_code(SSL_R_HTTP_REQUEST))
        static_cast<void>(co_await socket_.send_all(std::as_bytes(std::span{wrong_protocol})));
    socket_.shutdown_write();
    // A socket that is closed with something unread would make the kernel drop what is on its way.
    std::array<std::byte, 1024> dropped;
    for (std::size_t sum = 0; sum < most_dropped;) {
        auto const got = co_await socket_.recv(dropped);
        if (!got || *got == 0) co_return;
        sum += *got;
    }
}

weir::task<weir::result<std::size_t>> layer::recv(std::span<std::byte> into) {
    for (;;) {
        auto const now = read(into);
        if (output_size() > 0) {
            auto const sent = co_await flush_aside();
            if (!sent && now.at == engine::state::wants_input) co_return sent.error();
        }
        if (now.at == engine::state::done) co_return now.size;
        if (now.at == engine::state::ended) co_return std::size_t{0};
        if (now.at == engine::state::failed) co_return now.error;
        auto const ready = co_await socket_.readable();
        if (!ready) co_return ready.error();
        auto const got = receive();
        if (!got) co_return got.error();
    }
}

// What the socket takes at once is encrypted in large portions. One that is full takes a record at a time, so that each
// send makes progress in the time that a slow peer is given for it.
weir::task<weir::result<std::size_t>> layer::send(std::span<iovec const> pieces) {
    weir::result<std::size_t> taken = weir::errc::closed;
    {
        auto const held = co_await sending_.lock();
        if (!held) co_return held.error();
        auto const now = write(pieces);
        if (now.at == engine::state::done) taken = now.size;
        else taken = now.error ? now.error : weir::make_error_code(weir::errc::closed);
        auto const sent = co_await flush_held();
        if (!sent) co_return sent.error();
    }
    if (output_size() > 0) { // keeps I2
        auto const late = co_await flush();
        if (!late) co_return late.error();
    }
    co_return taken;
}

weir::task<weir::result<void>> layer::flush() {
    weir::result<void> sent;
    do {
        auto const held = co_await sending_.lock();
        if (!held) co_return held.error();
        sent = co_await flush_held();
    } while (sent && output_size() > 0); // keeps I2
    co_return sent;
}

weir::task<weir::result<void>> layer::flush_aside() {
    if (output_size() > most_left_to_others) co_return co_await flush();
    weir::result<void> sent;
    do {
        auto const held = sending_.try_lock();
        if (!held) co_return weir::result<void>{}; // he looks again
        sent = co_await flush_held();
    } while (sent && output_size() > 0); // keeps I2
    co_return sent;
}

weir::task<weir::result<void>> layer::flush_held() {
    for (;;) {
        if (unsent_.empty()) unsent_ = take_output();
        if (unsent_.empty()) co_return weir::result<void>{};
        auto const sent = co_await socket_.send(unsent_.readable());
        if (!sent) co_return sent.error();
        unsent_.consume(*sent);
        quota_ = unsent_.empty() ? std::min(2 * quota_, most_at_once) : engine::record_size;
        if (unsent_.empty()) unsent_ = {};
    }
}

weir::task<> layer::say_end() {
    {
        std::lock_guard const locked{mutex_};
        engine_.say_end();
    }
    static_cast<void>(co_await flush()); // who does not take it will see the end of the stream
}

std::size_t layer::recv_now(std::span<std::byte> into) noexcept {
    try {
        for (;;) {
            auto const now = read(into);
            if (now.at == engine::state::done) return now.size;
            if (now.at != engine::state::wants_input) return 0;
            auto const got = receive();
            if (!got || !*got) return 0;
        }
    } catch (std::exception const&) { // no memory to receive into
        return 0;
    }
}

bool layer::is_stale() noexcept {
    try {
        for (;;) {
            {
                std::lock_guard const locked{mutex_};
                if (engine_.peek().at != engine::state::wants_input) return true;
            }
            auto const got = receive();
            if (!got) return true;
            if (!*got) return false;
        }
    } catch (std::exception const&) { // no memory to receive into
        return true;
    }
}

} // namespace tls
