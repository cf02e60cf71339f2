// examples/redis/session.hpp: one connection, on which batches of commands go out before earlier ones are answered.
//     connecting --opened--> serving --the connection ends, is silent for too long, or makes no sense--> lost
// Who sends a batch waits for its replies in its own frame; one task reads. So:
// S1: expected_ is in the order in which Redis answers: a batch is entered under the turn in which it is written.
// S2: what is entered is answered by the reader alone, by what Redis says or when the session is lost; the sender, whose
//     frame it is, goes on only when it is told so.
// S3: nothing is entered into a lost session, and nothing that was written is answered by another one.
// Cancel:   a batch is not cancelled: its replies come, or the session is lost, within the patience.
#pragma once

#include "location.hpp"
#include "reply_parser.hpp"
#include "request.hpp"
#include "value.hpp"

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/task.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/replies.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/net/resolve.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/stream_socket.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/mutex.hpp>

#include <cstddef>
#include <deque>
#include <span>
#include <system_error>

namespace redis {

struct session_figures {
    weir::counter sent;   // batches
    weir::counter pushed; // values that nobody has asked for, which were dropped
};

class session : weir::immovable {
public:
    // Silence of `patience`, while a reply is due, is the end.  Needs: `figures` outlives it.
    session(reply_limits limits, weir::duration patience, session_figures& figures) noexcept
        : parser_{limits}, patience_{patience}, figures_{figures} {}

    // Connects and logs in.
    // Errors: those of resolving and connecting; redis_errc::not_allowed; errc::unsupported for a Redis before 6, which
    //         speaks no RESP3.  Cancel: gives up.
    weir::task<weir::result<void>> open(location const& where, weir::net::resolver& names);
    // Reads until the session is lost, and says why it was.  Cancel: loses it.  Needs: opened.
    weir::task<std::error_code> serve();
    // Sends all of `batch` in one go and answers it.
    // Returns: false when the session was lost before, and then nothing was sent or answered.
    // Needs:   a context that nobody stops; `serve` to be under way until the session is lost.
    weir::task<bool> exchange(std::span<request const> batch, weir::replies<value>& to);

private:
    // A batch, of which the first `answered` have their reply.
    class flight : weir::immovable {
    public:
        explicit flight(weir::replies<value>& its) noexcept : to{its} {}
        weir::replies<value>& to;
        weir::time_point since{}; // when it was entered, or, first in line, Redis last said something
        std::size_t answered = 0;
        weir::event done;
    };

    weir::task<weir::result<void>> connect(location const& where, weir::net::resolver& names);
    weir::task<weir::result<void>> log_in(location const& where);
    // Receives once, behind what is there.
    weir::task<weir::result<void>> receive();
    // Waits for the next reply to a command of our own.
    weir::task<weir::result<value>> next_reply();
    bool enter(flight& one);
    flight* first() noexcept;
    bool take_replies();
    bool is_overdue() noexcept;
    void lose() noexcept;

    static constexpr std::size_t block = 64 * 1024; // of what is received; small replies share it

    reply_parser parser_;
    weir::duration const patience_;
    session_figures& figures_;
    weir::net::basic_stream<weir::net::stream_socket> stream_{weir::net::stream_socket{}};
    weir::buffer in_{block}; // the reader's
    weir::mutex turn_;       // to write
    weir::spin_lock lock_; // guards the rest
    std::deque<flight*> expected_;
    bool lost_ = false;
};

} // namespace redis
