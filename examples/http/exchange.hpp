// examples/http/exchange.hpp: one request and its response, on their way through a handler.
#pragma once

#include "body_stream.hpp"
#include "message.hpp"
#include "response.hpp"
#include "router.hpp"

#include <weir/coro/task.hpp>
#include <weir/net/tcp.hpp>

#include <functional>

namespace http {

struct exchange {
    http::request& request;
    http::response& response; // an empty 200 to begin with
    path_parameters parameters;
    body_stream stream; // begun, it sends what the handler writes in the place of the response's body
    weir::net::tcp_socket const& socket; // of the client; to ask, not to send
};

// Fills in the response.
// Errors: an exception becomes a 500 that does not tell the client what it said; behind the head of a stream it breaks
//         the connection off.
// Cancel: reaches it when the server gives up on the connection; what it then leaves in the response is dropped.
using handler = std::function<weir::task<>(exchange&)>;

} // namespace http
