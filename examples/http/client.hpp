// examples/http/client.hpp: an HTTP/1.1 client that keeps its connections for the next request.
//     auto request = http::client_request::make("GET", "http://127.0.0.1:8080/v1/models");
//     auto answer = co_await upstream.send(*request);
//     for (;;) { auto piece = co_await answer->next(); if (!piece || piece->empty()) break; ... }
// Limits of time come from outside: co_await weir::timeout(upstream.send(*request), 5s).
// Not:      a follower of redirects, nor a keeper of cookies; a response is given as it comes.
#pragma once

#include "client_request.hpp"
#include "response_parser.hpp"
#include "transport.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/metrics/counter.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace http {

class client;
class client_link;
class client_site;

class client_options {
public:
    client_options() {}
    std::size_t connections = 256;     // to one origin at a time; who wants more waits
    std::size_t idle = 32;             // kept of one origin
    std::chrono::seconds idle_time{20}; // less than what servers keep them for
    weir::duration connect_time = std::chrono::seconds{10}; // for a new one: the name, the connection, the handshake
    response_limits bounds;
    layer_maker* layers = nullptr;     // for https, which is refused without; outlives the client
};

// Head and body of an answer. It has its connection until the body has been read; dropped before, it closes it.
// Threads: one coroutine at a time.
class client_response {
public:
    client_response(client_response&&) noexcept;
    client_response& operator=(client_response&&) noexcept;
    ~client_response();

    int status() const noexcept { return head().status(); }
    // Lasts as long as this, as do the views that it gives.
    response_head const& head() const noexcept;

    // The next piece of the body, as it came, without a copy; empty at the end.
    // Errors: errc::end_of_stream when the connection ends too early; std::errc::bad_message; those of recv(2).
    // Cancel: no byte is lost.
    weir::task<weir::result<weir::bytes>> next();
    // The body whole.  Errors: as next; errc::too_long for more than `most` bytes.
    weir::task<weir::result<std::string>> read_all(std::size_t most);

private:
    friend client;
    explicit client_response(std::unique_ptr<client_link> link) noexcept;

    std::unique_ptr<client_link> link_;
};

// Threads: any number of coroutines, on any workers.
class client : weir::immovable {
public:
    explicit client(client_options options = {});
    // Needs: closed, unless every URL named a host by its address; no response is left.
    ~client();

    // Sends `ask`, which lasts until then, and gives the answer when its head has come. A request that may be repeated
    // is, once, when a kept connection turns out to have ended; a body is sent to its end before the answer is read,
    // unless the server stops reading.
    // Errors: those of resolving and connecting; std::errc::timed_out, as connect(2) has it, when that takes longer than
    //         the time for it; errc::unsupported for https without layers; errc::end_of_stream;
    //         std::errc::bad_message for what is no good response; those of a body's source.
    // Cancel: the request may have been received.
    weir::task<weir::result<client_response>> send(client_request const& ask);
    // Closes what is idle, and ends when no name is being looked up. No request is sent any more.
    weir::task<> close();

    struct figures {
        weir::counter requests;
        weir::counter connected; // connections made
        weir::counter repeated;  // requests that were sent again
    };
    figures const& counts() const noexcept;
    // Connections that are kept and not in use.
    std::size_t idle() const;

private:
    friend client_link;
    class state;
    using new_link = weir::result<std::unique_ptr<client_link>>;

    weir::task<new_link> connect(client_site& to);
    // The same, within the time for it.
    weir::task<new_link> connect_in_time(client_site& to);

    std::unique_ptr<state> state_;
};

} // namespace http
