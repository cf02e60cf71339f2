// examples/http/client_link.hpp: one connection of a client, which answers one request after the other.
// For client.cpp. A link is in the pool, idle, or in one response.
#pragma once

#include "client.hpp"
#include "client_request.hpp"
#include "response_parser.hpp"
#include "transport.hpp"

#include <weir/coro/context.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/sync/semaphore.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace http {

// What a client knows of one origin; lasts as long as the client.
class client_site {
public:
    client_site(origin const& of, client_options const& options, std::mutex& guard)
        : where{of}, bounds{options.bounds}, layers{of.secure ? options.layers : nullptr}, mutex{guard},
          places{options.connections}, keeps{options.idle} {}

    origin const where;
    response_limits const bounds;
    layer_maker* const layers;
    std::mutex& mutex; // guards idle and keeps
    weir::semaphore places;
    std::size_t keeps;
    std::vector<std::unique_ptr<client_link>> idle; // the one used last is last
};

class client_link {
public:
    client_link(client_site& of, weir::net::tcp_socket socket)
        : site_{of}, transport_{std::move(socket), of.layers, of.where.host}, parser_{of.bounds} {}

    // The handshake, where there is one.
    weir::task<weir::result<void>> open();
    // Sends the request and reads the head of its answer.
    weir::task<weir::result<void>> converse(client_request const& ask);
    // As client_response::next.
    weir::task<weir::result<weir::bytes>> next();

    response_parser const& parser() const noexcept { return parser_; }
    bool answer_begun() const noexcept { return parser_.begun(); }
    bool is_stale() const noexcept { return transport_.is_stale(); }
    weir::time_point idle_since() const noexcept { return idle_since_; }
    // Keeps the place of its origin that it has taken.
    void hold(weir::permit place) noexcept { place_ = std::move(place); }

    // The end of its response: back to the pool, or closed. Null is nothing.
    static void let_go(std::unique_ptr<client_link> link) noexcept;

private:
    weir::task<weir::result<void>> send(client_request const& ask);
    weir::task<weir::result<void>> send_chunks(body_source const& next);
    weir::task<weir::result<void>> receive();

    client_site& site_;
    transport transport_;
    response_parser parser_;
    weir::buffer in_;
    bool sent_whole_ = false;    // so that the connection may be used again
    bool source_failed_ = false; // and the server waits for the rest of a body, and not we for an answer
    weir::time_point idle_since_{};
    weir::permit place_;
};

} // namespace http
