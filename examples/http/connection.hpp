// examples/http/connection.hpp: one client: its bytes become requests, and the handler's responses become bytes.
// Requests are answered in order; the answers to what one read has brought leave in one send.
// Cost:     between requests the buffers stay for the next one; a connection that has been silent for a while gives them
//           back, and holds its coroutines and itself.
#pragma once

#include "date.hpp"
#include "exchange.hpp"
#include "parser.hpp"
#include "server.hpp"
#include "transport.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/stop.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/net/tcp.hpp>
#include <weir/sync/event.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace http {

class connection : public weir::list_node {
public:
    connection(server& of, weir::net::tcp_socket socket);

    // Serves the client until it leaves, errs, or the server wants no more of it.
    weir::task<> serve();

    // The rest is called by the server, under its mutex, while the connection is in its list.
    // Ends the connection if it has been at one thing for too long.  Returns: whether it has.
    bool check_time(std::uint32_t now) noexcept;
    // Ends the wait for another request.  Needs: the server is ending, so that the request at hand, if any, is the last.
    void drain() noexcept;

private:
    friend body_stream;

    // What it is doing; each has its time limit.
    // Resting is being idle without a buffer.
    enum class doing : std::uint32_t { idle, resting, reading_head, reading_body, handling, sending };
    // The server's time when it turned to that. One word, so that the watch sees both of one moment.
    struct turn {
        doing what = doing::idle;
        std::uint32_t since = 0;
    };

    // What ends the wait for the client; made anew after a rest.
    class waiting {
    public:
        waiting(weir::context const& from, weir::stop_token above) : stop{above}, where{from.with_stop(stop.token())} {}
        weir::linked_stop_source stop;
        weir::context const where;
    };

    // In the server's list from when its stop sources are there until just before they end.
    class membership;

    void turn_to(doing what) noexcept;
    bool draining() const noexcept { return draining_.load(weir::seq_cst); } // [drain]
    // The handshake of the transport's layer, which has as long as a request's head.
    weir::task<bool> greet();
    // Reads and answers until one side ends it.
    weir::task<> converse();
    // What the wait for a request is stopped with when it has been long enough for a rest; nobody else gives it.
    static constexpr weir::errc rest_reason = weir::errc::no_reply;
    // Lets the wait be stopped once more.
    void renew();
    // Gives the buffers back.  Needs: nothing of a request has come.
    void rest();
    // Takes in what the client sends.  Returns: false at its end, and when nothing more is to be read.
    weir::task<bool> receive();
    // Counts bytes of a body for its least rate.  Returns: false when the body has had its time.
    bool count_body(std::size_t size) noexcept;
    // The end of one who has taken too long over a request.
    weir::task<> give_up();
    // Hands the request to the server's handler and adds its response to the output.  Returns: whether to go on.
    weir::task<bool> answer();
    // Gets the input back from the watch over the client.  Needs: there is one.
    weir::task<> end_watch(body_stream& body);
    // Ends what the handler has begun to stream; `whole` says that it has returned.  Returns: whether to go on.
    weir::task<bool> end_stream(body_stream& body, bool whole);
    // Takes in what the client sends while a handler is at work; asks that to stop when it leaves.
    weir::task<> watch_client(weir::stop_token until, weir::event* ended);
    // Writes to the standard error what a handler has thrown.
    void report(char const* thrown) const;
    // The response to what is no good request; the last on this connection.
    void refuse(error const& why);
    weir::task<bool> flush();
    // Sends all of `pieces`, which it changes on its way.
    weir::task<weir::result<void>> send_pieces(std::span<iovec> pieces);
    bool may_keep_alive() const noexcept;
    // Ends so that the client still reads the last response, although it may be sending: closing with unread bytes would
    // make the kernel drop what is on its way.
    weir::task<> linger();
    // `how` but for the date, which is added.
    void append(response::framing how);

    server& server_;
    transport transport_;
    parser parser_;
    response response_;
    date date_;
    weir::buffer in_;
    std::string out_;
    std::optional<waiting>* reads_ = nullptr; // never empty; another one under the server's mutex
    weir::stop_source* all_ = nullptr;        // ends everything
    weir::context const* working_ = nullptr;
    weir::atomic<turn> turn_{turn{}};
    weir::atomic<bool> draining_{false};
    std::uint32_t body_begun_ = 0; // the server's time
    std::size_t body_credit_ = 0;  // bytes that have not bought a tick
    bool broken_ = false; // in the middle of a response
    bool lingers_ = false; // the server ends the connection, and the client may not know yet
    std::uint32_t dated_ = 0; // the server's time when date_ was asked for `date_text_`
    std::string_view date_text_;
};

} // namespace http
