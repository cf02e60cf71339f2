// examples/http/body_stream.hpp: a response whose body is sent while the handler still makes it.
//     one.stream.begin();
//     for (...) {
//         auto const sent = co_await one.stream.write(piece);
//         if (!sent) co_return;
//     }
// How the body is framed follows from the request: in chunks, by its length where that is known, by the end of the
// connection for HTTP/1.0. A handler that returns ends the body; one that throws, that calls abort() or is stopped, or that
// has sent less than the length breaks the connection, so that no client takes a part for the whole.
// While a stream is open the client is watched: when it leaves, or ends its side, the handler is asked to stop. A handler
// that waits long for what it will answer calls watch() before; its answer may then be a stream or a plain response.
// Threads:  one coroutine at a time, that of the handler or one that it awaits.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/io/fd.hpp>
#include <weir/net/sendfile.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace http {

class connection;

class body_stream {
public:
    explicit body_stream(connection& on) noexcept;
    body_stream(body_stream const&) = delete;
    body_stream& operator=(body_stream const&) = delete;
    ~body_stream();

    // Watches the client from here to the end of the handler; begin() does, too. More than once is once.
    // Not:     for a client that ends its side and waits for the answer: it is taken for one that has left.
    void watch();
    // Writes the head, from what the exchange's response holds, but for its body. It leaves with the first piece.
    // `length` counts the bytes that will be written, where that is known.
    // Needs: once, and before anything below.
    void begin(std::optional<std::uint64_t> length = {});
    bool begun() const noexcept { return state_ != nullptr; }
    // False where the client gets a head only: for HEAD, 204 and 304. Writing then gives errc::closed, and does no harm.
    bool wants_body() const noexcept;

    // Sends `piece` behind what was gathered, and waits until the kernel has all of it; large pieces are not copied.
    // Errors: those of send(2); errc::closed when the body is not wanted; errc::too_long for more than `length`.
    // Cancel: a part may be on its way; the connection is broken.
    weir::task<weir::result<void>> write(std::string_view piece);
    // Keeps a copy of `piece` for the next write or flush; sends only when 64 KiB have come together.
    weir::task<weir::result<void>> gather(std::string_view piece);
    // Sends what was gathered, the head included.
    weir::task<weir::result<void>> flush() { return write({}); }
    // Sends a part of a file, without a copy through the program where the transport allows.
    // Needs: a `length` in begin.  Errors: also errc::end_of_stream for a file that is shorter.
    weir::task<weir::result<void>> send_file(weir::io::fd_ref file, weir::net::file_range range);

    // Bytes of the body that were written or gathered so far.
    std::uint64_t sent() const noexcept;
    // Whether the server is being drained, so that a stream without an end should end.
    bool server_ending() const noexcept;
    // The body cannot be finished: the connection is broken off when the handler returns.
    void abort() noexcept;

private:
    friend connection;
    class state;
    class lookout;

    bool watched() const noexcept { return lookout_ != nullptr; }
    weir::result<void> admit(std::uint64_t size) noexcept;
    void append(std::string_view piece);

    connection& on_;
    std::unique_ptr<lookout> lookout_; // from watch on, unless there was no memory for it
    std::unique_ptr<state> state_;     // from begin on
};

} // namespace http
