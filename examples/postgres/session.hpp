// examples/postgres/session.hpp: a connection in libpq's pipeline mode: queries go out before earlier ones are answered.
// Each query is a transaction of its own, ended by a sync of its own, so that one that fails takes no other along; and it
// is answered at its sync, not before, because that is when it is committed.
//     connecting --opened--> serving --the socket ends, or makes no sense--> lost
//                               \----the line is closed and all is answered---> done
// Two tasks serve: one sends what the line brings, one reads. libpq's connection knows nothing of threads, so:
// S1: from `open` on, libpq is called only by who holds turn_, but for the cancel, which has an object of its own; nobody
//     holds it over a wait.
// S2: sent_ is in the order in which PostgreSQL answers; an entry is a query and its sync on the wire, or a sync alone.
// S3: whoever takes a request from the line answers it: by what PostgreSQL says at the sync, or by why it cannot.
// S4: nobody polls the socket when the session dies: libpq closes it then.
// A cancel names no query. The server makes two signals of it, to its process and to that one's group, and each hits what
// runs when the process looks: the query it was meant for, one behind it on the wire, both, or nothing. So nobody may
// wait for what is behind a query that is cancelled. What is on its way, seen as a whole:
//     wanted --a caller leaves--> held --all callers have left, and the first did long ago--> clearing
//       ^---the last of those who left is answered---'                                           |
//       '---------------------------------nothing is on the wire any more------------------------'
// S5: queries are put on the wire while wanted, and not otherwise: nobody gets behind a query that runs for nobody.
// S6: a cancel is under way only while clearing, and then nobody waits for what is on the wire (by S5 it stays so).
// S7: clearing ends only when a sync was answered that was sent after the last cancel's connection had ended.
//     The server has sent its signals by then; the process takes them, at the latest, when it reads that sync, and one
//     that comes while it reads is forgotten. When nobody knows whether they were sent, the connection is given up.
// What comes meanwhile stays in the line, for other sessions or for later.
// Cancel:   a caller who leaves changes nothing on the wire: its results are read and dropped in their place. A query
//           that runs on although its caller has left is cancelled after `grace` to twice that, once nobody waits behind
//           it: who was behind it already is answered in its place, and may wait for as long as it runs.
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
#include <weir/sync/condition.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>

#include <algorithm>
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
        flight() noexcept = default; // a sync alone
        flight(request of, weir::permit its) noexcept : what{std::move(of)}, place{std::move(its)} {}
        bool is_wanted() const noexcept { return what && !what->caller.is_closed(); }
        bool is_deserted() const noexcept { return what && what->caller.is_closed(); }
        std::optional<request> what;
        weir::permit place;
        std::optional<answer> said;                 // until the sync
        std::optional<weir::time_point> overdue_at; // once it is the first, and its caller was seen to be gone
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
    bool is_held() const noexcept {
        return clearing_ || std::any_of(sent_.begin(), sent_.end(), [](flight const& one) { return one.is_deserted(); });
    }
    bool anybody_waits() const noexcept {
        return std::any_of(sent_.begin(), sent_.end(), [](flight const& one) { return one.is_wanted(); });
    }
    bool is_overdue();
    // Asks the server on a thread that may block, and sends a sync. The turn is given up meanwhile, and is not had again
    // when the session is stopped.  Needs: nobody waits for what is on the wire.
    weir::task<> cancel_first(weir::mutex_guard& turn);

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
    bool clearing_ = false;
    weir::condition answered_{turn_}; // one more is
    std::optional<failure> lost_;
    std::optional<request> in_hand_; // of the sender, and at the end of serve()
};

} // namespace postgres
