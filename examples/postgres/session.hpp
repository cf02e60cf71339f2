// examples/postgres/session.hpp: a connection in libpq's pipeline mode: queries go out before earlier ones are answered.
// Each query is a transaction of its own, ended by a sync of its own, so that one that fails takes no other along; and it
// is answered at its sync, not before, because that is when it is committed.
//     connecting --opened--> serving --the socket ends, or makes no sense--> lost
//                               \----the line is closed and all is answered---> done
// Two tasks serve: one sends what the line brings, one reads. libpq's connection knows nothing of threads, so:
// S1: from `open` on, libpq is called only by who holds turn_; nobody holds it over a wait for the socket.
// S2: sent_ is in the order in which PostgreSQL answers; each entry is one query and one sync on the wire.
// S3: whoever takes a request from the line answers it: by what PostgreSQL says at the sync, or by why it cannot.
// S4: nobody polls the socket when the session dies: libpq closes it then.
// S5: a cancel that found its query at its end may hit the next one instead; that was rolled back, and goes into the line
//     once more.
// Cancel:   a caller who leaves changes nothing on the wire: its results are read and dropped in their place. A query
//           that runs on although its caller has left is cancelled after a while, so that it does not hold up others.
#pragma once

#include "answer.hpp"
#include "conninfo.hpp"
#include "parameters.hpp"

#include <weir/base/immovable.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/oneshot.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/io/fd.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>

#include <cstddef>
#include <deque>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace postgres {

class request {
public:
    request(std::string text, parameters its, weir::oneshot_sender<answer> to) noexcept
        : sql{std::move(text)}, with{std::move(its)}, caller{std::move(to)} {}

    // False when nobody waits any more.
    bool reply(answer what) noexcept { return caller && caller.send(std::move(what)); }

    std::string sql;
    parameters with;
    weir::oneshot_sender<answer> caller;
};

class session : weir::immovable {
public:
    // At most `depth` queries are on their way at a time.
    session(weir::channel<request>& line, std::size_t depth, weir::duration grace) noexcept
        : line_{line}, depth_{depth}, free_{depth}, grace_{grace} {}

    // Returns: nothing, or why there is no connection.  Cancel: gives up.
    weir::task<std::optional<failure>> open(conninfo where);
    // Answers what the line brings until the connection is lost, or the line is closed and all of it answered.
    // Cancel: fails what is under way with the reason of the stop.  Needs: opened.
    weir::task<> serve();

private:
    class flight {
    public:
        flight(request of, weir::permit its) noexcept : what{std::move(of)}, place{std::move(its)} {}
        request what;
        weir::permit place;
        std::optional<answer> said; // until the sync
    };
    struct finish {
        void operator()(PGconn* one) const noexcept { PQfinish(one); }
    };

    weir::task<> send_all();
    static weir::task<> read_all(session* self, weir::scope* both);
    weir::task<> empty_buffer();
    // These need the turn.
    void put(request one, weir::permit place);
    void take_answers();
    void take(PGresult* one);
    void end_first();
    void lose(failure why);
    bool runs_for_nobody() const noexcept { return !sent_.empty() && sent_.front().what.caller.is_closed(); }
    // Asks the server on a thread that may block.
    weir::task<> cancel_running();

    failure why_now(sql_state otherwise) const { return {otherwise, words_of(PQerrorMessage(connection_.get()))}; }
    static std::string words_of(char const* text);

    weir::channel<request>& line_;
    std::size_t const depth_;
    weir::semaphore free_;
    weir::duration const grace_;
    weir::mutex turn_;
    std::unique_ptr<PGconn, finish> connection_;
    weir::io::fd_ref socket_; // libpq's
    std::deque<flight> sent_;
    unsigned loose_cancels_ = 0; // were sent, and have hit nothing yet
    std::optional<failure> lost_;
};

} // namespace postgres
