// examples/redis/client.hpp: a client of Redis whose callers share one connection: what many ask at a time leaves in one
// write, and the replies come back to who asked.
//     redis::client store{where_it_runs, redis::location::parse("redis://localhost").value()};
//     auto const got = co_await store.get("key");             // result<optional<bytes>>
//     auto const length = co_await store.command("LPUSH", "list", "a", "b");
// A batch of commands is under way while the next one gathers (weir::batcher). A connection that is lost is made anew,
// with pauses that grow; meanwhile commands fail at once, and after a while of failures a breaker turns them away before
// they cost anything.
// Limits of time come from outside: co_await weir::timeout(store.get("key"), 5ms).
// Not:      for what changes the connection or holds it up: SUBSCRIBE, MULTI, BLPOP, SELECT. Nor for a cluster.
#pragma once

#include "location.hpp"
#include "redis_errc.hpp"
#include "reply_parser.hpp"
#include "request.hpp"
#include "session.hpp"
#include "value.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/circuit_breaker.hpp>
#include <weir/flow/jitter.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/net/resolve.hpp>
#include <weir/sync/event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace redis {

class client_options {
public:
    client_options() noexcept {
        breaker.open_for = std::chrono::milliseconds{250};
        breaker.longest_open = std::chrono::seconds{2};
        breaker.window = std::chrono::seconds{5};
    }
    std::size_t batch = 512;               // commands that leave together, at most
    std::size_t batch_bytes = 1024 * 1024; // the same in bytes, unless a single one is larger
    std::size_t batches = 2;               // on their way at a time; more commands wait, in their callers' frames
    weir::duration connect_timeout = std::chrono::seconds{2};
    weir::duration patience = std::chrono::seconds{2};           // for a reply, before the connection is given up
    weir::duration first_pause = std::chrono::milliseconds{20};  // between attempts, growing
    weir::duration longest_pause = std::chrono::seconds{1};
    weir::breaker_options breaker;
    reply_limits replies;
};

// Threads: any, for every function.
class client : weir::immovable {
public:
    // Begins nothing before the first command.  Needs: `where` is a runtime's, and outlives the client.
    client(weir::executor_ref where, location to, client_options options = {});
    // Needs: closed.
    ~client() = default;

    // Returns: what Redis answers; an error of its is a value, too, for its words.
    // Errors:  redis_errc::unavailable when nothing was sent; connection_lost when nobody knows; errc::circuit_open;
    //          errc::closed.
    // Cancel:  a command that waits for its batch is not sent. One that was sent is executed, and its reply is dropped.
    weir::task<weir::result<value>> send(request what);
    // The same of a verb and its arguments, as a request takes them.
    template <class... Args>
    weir::task<weir::result<value>> command(std::string_view verb, Args const&... args) {
        return send(request{verb, args...});
    }

    // An error that Redis answers to these is an error. What is given need not outlast the call.
    weir::task<weir::result<std::optional<weir::bytes>>> get(std::string_view key);
    // One for each key, in their order.  Needs: at least one key.
    weir::task<weir::result<std::vector<std::optional<weir::bytes>>>> mget(std::span<std::string const> keys);
    // Kept for good, or for `lasts`, of which milliseconds count.
    weir::task<weir::result<void>> set(std::string_view key, weir::bytes const& content);
    weir::task<weir::result<void>> set(std::string_view key, weir::bytes const& content, weir::duration lasts);
    // Sets it unless there is something.  Returns: whether it did.
    weir::task<weir::result<bool>> set_nx(std::string_view key, weir::bytes const& content, weir::duration lasts);
    // Returns: whether there was something.
    weir::task<weir::result<bool>> del(std::string_view key);

    // Turns new commands away, and ends when those before have their replies.
    // Cancel: has no effect; no command outlasts the times of the options.
    weir::task<> close();

    struct figures {
        weir::counter connected; // connections made
        weir::counter failed;    // attempts that failed
        weir::counter lost;      // connections that ended
        weir::counter commands;
        weir::counter repeated;  // commands that were sent again
        weir::counter spared;    // commands that the breaker turned away
        session_figures sessions;
    };
    figures const& counts() const noexcept { return figures_; }
    weir::batcher_figures batches() const noexcept { return batches_.figures(); }
    weir::breaker_state breaker() const noexcept { return breaker_.state(); }
    // Why the last attempt to connect failed, or the last connection ended.
    std::error_code last_error() const;
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    struct by_size {
        std::size_t weight(request const& one) const noexcept { return one.size(); }
    };

    weir::task<weir::result<std::optional<weir::bytes>>> string_of(request what);
    weir::task<weir::result<std::vector<std::optional<weir::bytes>>>> strings_of(request what, std::size_t count);
    weir::task<weir::result<void>> well(request what);
    weir::task<weir::result<bool>> done(request what);

    weir::task<> exchange(std::span<request> batch, weir::replies<value>& to);
    weir::task<weir::result<std::shared_ptr<session>>> connected();
    static weir::task<weir::result<value>> attempt(client* self, request what);
    static weir::task<> keep_link(client* self);
    static weir::task<weir::result<void>> connect(client* self, std::shared_ptr<session>* made);
    void settle(std::shared_ptr<session> now, std::error_code why);

    location const where_;
    client_options const options_;
    weir::net::resolver names_;
    weir::jitter chance_;
    figures figures_;
    weir::circuit_breaker breaker_;
    weir::atomic<bool> begun_{false};

    // C1: settled_ is raised exactly while there is a session, or the last attempt to make one has failed: who comes
    //     then is answered at once, and who comes before waits for the attempt that is under way.
    std::mutex mutable mutex_; // guards the two; never held across a wait
    std::shared_ptr<session> session_;
    std::error_code error_;
    weir::event settled_;

    weir::context const above_;
    weir::scope links_;
    weir::batcher<request, value, by_size> batches_;
};

} // namespace redis
