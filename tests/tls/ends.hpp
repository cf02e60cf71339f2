// tests/tls/ends.hpp: two engines and what carries their bytes, so that a whole connection runs in one thread.
#pragma once

#include "certificate.hpp"

#include <tls/engine.hpp>
#include <tls/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace tls_test {

// Carries at most `most` bytes.  Returns: how many.
inline std::size_t carry(weir::buffer& from, tls::engine& to, std::size_t most) {
    auto const size = std::min(most, from.size());
    if (size == 0) return 0;
    std::memcpy(to.prepare(size).data(), from.readable().data(), size);
    to.commit(size);
    from.consume(size);
    return size;
}

class ends {
public:
    ends(std::shared_ptr<tls::context const> for_server, std::shared_ptr<tls::context const> for_client,
         std::string_view name = "localhost", std::size_t at_once = 1 << 20)
        : server{std::move(for_server), {}}, client{std::move(for_client), name}, at_once_{at_once} {
        server_step.at = client_step.at = tls::engine::state::wants_input;
    }

    // Until both are done, or one has failed and both have heard all there is.
    bool shake_hands() {
        for (;;) {
            client_step = client.shake_hands();
            bool moved = to_server();
            server_step = server.shake_hands();
            moved = to_client() || moved;
            if (client_step.at == tls::engine::state::done && server_step.at == tls::engine::state::done) return true;
            if (!moved) return false;
        }
    }
    // Whether something was carried.
    bool to_server() { return carry_all(client, to_server_, server, server_step); }
    bool to_client() { return carry_all(server, to_client_, client, client_step); }

    // Gives the memory of what was carried back.
    void release() noexcept {
        to_server_ = {};
        to_client_ = {};
    }

    tls::engine server;
    tls::engine client;
    tls::engine::step server_step;
    tls::engine::step client_step;

private:
    // In portions of at_once_; each is given to a handshake that goes on before the next one comes.
    bool carry_all(tls::engine& from, weir::buffer& way, tls::engine& to, tls::engine::step& step) {
        if (from.has_output()) {
            auto more = from.take_output();
            way.append(more.readable());
        }
        bool moved = false;
        while (carry(way, to, at_once_) > 0) {
            moved = true;
            if (step.at == tls::engine::state::wants_input && !way.empty()) step = to.shake_hands();
        }
        return moved;
    }

    std::size_t const at_once_;
    weir::buffer to_server_;
    weir::buffer to_client_;
};

inline tls::engine::step say(tls::engine& from, std::string_view text) {
    iovec const piece{const_cast<char*>(text.data()), text.size()};
    return from.write({&piece, 1}, text.size());
}

// All that has come.
inline std::string hear(tls::engine& at, tls::engine::step& last) {
    std::string all;
    std::byte room[5000];
    while ((last = at.read(room)).at == tls::engine::state::done)
        all.append(reinterpret_cast<char const*>(room), last.size);
    return all;
}
inline std::string hear(tls::engine& at) {
    tls::engine::step last;
    return hear(at, last);
}

} // namespace tls_test
