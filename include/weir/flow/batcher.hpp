// weir/flow/batcher.hpp: many requests become one call: who asks gets the answer to its own.
//     batcher<row, row_id> rows{[&](std::span<row> batch, replies<row_id>& ids) -> task<> { ... ids.set(i, id); ... }};
//     result<row_id> id = co_await rows.submit(std::move(one));
// Batches form by themselves: an idle lane sends at once, and what arrives while the lanes are busy goes next, together.
// So a quiet service waits for nothing, and a busy one makes the larger batches the busier it is. A linger, where asked
// for, holds an idle lane back to gather more; a caller with a deadline is not held back so long that it would miss it.
// Order:    requests are taken first come, first served; batches of different lanes may overtake each other.
// Not:      a queue between tasks; use a channel.
// Source:   the name "natural batching" is M. Thompson's, "Smart Batching", 2011.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batch_core.hpp>
#include <weir/flow/batch_rules.hpp>
#include <weir/flow/batch_waits.hpp>
#include <weir/flow/mix_hash.hpp>
#include <weir/flow/replies.hpp>
#include <weir/flow/request_lane.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace weir {

// What becomes of a batch for which the handler throws, or fails every single request.
enum class on_batch_error : unsigned char {
    share,  // all get the error
    bisect, // it is tried again by halves, until those that fail are alone: one in 256 costs at most 16 calls more
};

class batcher_options {
public:
    batcher_options() noexcept {}

    std::size_t max_items = 256;        // of a batch; at least 1
    std::size_t max_weight = std::numeric_limits<std::size_t>::max(); // of a batch, where the rules weigh requests; one
                                                                      // that is heavier goes alone
    std::size_t max_in_flight = 1;      // batches under way at a time: lanes; at least 1
    duration linger = duration::zero(); // how long the oldest request waits for company, at most, while a lane is idle
    weir::overflow overflow = weir::overflow::wait;
    std::size_t max_pending = std::numeric_limits<std::size_t>::max(); // in line; means nothing to overflow::wait
    on_batch_error on_error = on_batch_error::share;
    std::size_t max_bisect_calls = 64; // for one batch, beyond the first; what is not told apart by then fails together
    // Where batches run; where it is empty, each on the executor of the first who is in it. That one must outlive the
    // batch, even if the caller has left: so set it where callers bring executors that come and go.
    executor_ref executor;
};

struct batcher_figures {
    std::uint64_t batches = 0;
    std::uint64_t items = 0;        // requests that were dispatched
    std::uint64_t withdrawn = 0;    // requests whose callers left before that
    std::uint64_t discarded = 0;    // answers whose callers had left
    std::uint64_t refused = 0;      // turned away as they came
    std::uint64_t shed = 0;         // sent away out of the line
    std::uint64_t extra_calls = 0;  // of the handler, to bisect
    std::uint64_t shared = 0;       // callers whose request somebody else had in line already
    std::size_t pending = 0;        // now
    std::size_t in_flight = 0;      // batches under way, now
};

// Threads: any, for every function.
template <class Request, class Reply, class Rules = no_rules>
class batcher : immovable {
    static_assert(batch_rules<Rules, Request>, "rules have no member that a batcher knows, for requests of that type");
    static_assert(std::is_object_v<Request> && std::is_move_constructible_v<Request>, "a request is moved to its batch");
    static_assert(alignof(Request) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__ &&
                      alignof(result<Reply>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                  "compilers do not align the frame of a caller so much; hold requests and replies by a pointer");
    static_assert(!sharing_rules<Rules, Request> || std::is_void_v<Reply> || std::is_copy_constructible_v<Reply>,
                  "who shares a request gets a copy of the reply; a shared_value can be copied, whatever it holds");
    static constexpr bool ruled = !std::is_same_v<Rules, no_rules>;
    class caller;
    using lane = detail::request_lane<Request, Reply>;

public:
    // `handle(std::span<Request>, replies<Reply>&)` gives a task<>. It may take the requests apart; both arguments are
    // good until it ends. What it throws goes to all callers of that batch, whatever was set; where it is to be bisected,
    // it sees requests again, so it must leave those whole of which it is not sure, and do nothing by halves. With more
    // than one lane it is called on several threads at a time. It is not stopped when callers leave.
    template <class Handler>
        requires std::is_invocable_v<Handler&, std::span<Request>, replies<Reply>&>
    explicit batcher(Handler handle, batcher_options options = {}, Rules rules = {});
    ~batcher();

    // Sends `request` with the next batch, and gives its answer.
    // Returns: result<Reply>: what the handler set; or errc::no_reply where it set none, errc::closed, errc::overloaded.
    // Errors:  what the handler throws; what moving the request into the batch throws, to this caller alone.
    // Cancel:  before the request is dispatched it is withdrawn and never sent; afterwards it is on its way, and the
    //          answer is dropped. The caller goes on at once either way: request and answer lie in the lane by then, so
    //          nothing that the handler touches dies with the caller.
    // Cost:    two short spin locks for the caller, no allocation; a move of the request and two of the reply.
    // A handler may submit to its own batcher: it borrows a lane until it has its answer, which costs an allocation the
    // first time. Through another batcher or a coalescer it is not recognised, and counts as anybody else.
    operation<caller, batcher&, Request> submit(Request request) {
        return operation<caller, batcher&, Request>{*this, std::move(request)};
    }

    // Sends what is pending without a linger, and waits for a moment at which nothing is pending or under way.
    // Returns: result<void>.  Cancel: waits no longer; what was sent stays sent.  Needs: not to be awaited by a handler.
    auto drain() noexcept {
        return operation<detail::batch_core::quiet_wait, detail::batch_core&>{core_};
    }
    // Refuses new requests with errc::closed, and drains. Afterwards the batcher may be destroyed.
    // Cancel:  has no effect: what is under way uses the batcher.  Needs: not to be awaited by a handler.
    task<> close();

    batcher_figures figures() const noexcept;

private:
    using handler = std::unique_ptr<void, void (*)(void*) noexcept>;
    using run_function = typename lane::run (*)(detail::batch_core&, lane&, void* handle);

    void add_lane();
    // Whether the one who asks is a handler of ours.
    bool is_lane(context const& where) const noexcept {
        lane* one = lanes_.load(acquire); // [lane]
        while (one && one->origin() != where.origin) one = one->made_before;
        return one != nullptr;
    }
    static detail::batch_core::limits limits_of(batcher_options const& options) noexcept {
        constexpr std::size_t heaviest = std::numeric_limits<std::size_t>::max() >> 20; // a million can be added up
        return {.max_items = std::max<std::size_t>(options.max_items, 1),
                .max_weight = std::clamp<std::size_t>(options.max_weight, 1, heaviest),
                .max_lanes = std::max<std::size_t>(options.max_in_flight, 1),
                .max_pending = options.overflow == overflow::wait ? std::numeric_limits<std::size_t>::max()
                                                                  : options.max_pending,
                .bisect_calls = options.on_error == on_batch_error::bisect ? options.max_bisect_calls : 0,
                .buckets = sharing_rules<Rules, Request> ? std::clamp<std::size_t>(4 * options.max_items, 64, 65536) : 0,
                .overflow = options.overflow,
                .linger = options.linger,
                .executor = options.executor};
    }
    void delete_lanes() noexcept {
        lane* one = lanes_.load(acquire); // [lane]
        while (one) delete std::exchange(one, one->made_before);
    }

    [[no_unique_address]] Rules const rules_;
    detail::batch_core mutable core_;
    handler const handler_;
    run_function const run_;
    atomic<lane*> lanes_{nullptr}; // all, the newest first; none goes before the batcher does
};

template <class Request, class Reply, class Rules>
class batcher<Request, Reply, Rules>::caller : detail::request_caller<Request, Reply> {
    using base = detail::request_caller<Request, Reply>;

public:
    caller(batcher& of, Request&& request) : base{of.core_, std::move(request)}, of_{of} {
        if constexpr (weighing_rules<Rules, Request>) this->weighs(of.rules_.weight(this->request()));
        if constexpr (sharing_rules<Rules, Request>) this->shares(twins_);
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
        if (!this->listen(self)) return false;
        bool const from_handler = of_.is_lane(this->where());
        if (from_handler && of_.core_.short_of_lanes()) {
            WEIR_TRY { of_.add_lane(); }
            WEIR_CATCH_ALL {
                thrown_.set_current_exception();
                this->complete_unpublished();
                return false;
            }
        }
        return of_.core_.template enqueue<ruled>(*this, from_handler);
    }
    result<Reply> await_resume() {
        auto const ended = this->finish();
        this->settle();
        if (thrown_.failed()) thrown_.take();
        if (this->refused_) return this->refused_;
        if (!ended) return ended.error();
        return this->reply_.take();
    }

private:
    // What it has more where requests have keys.
    class keyed : public detail::batch_twins {
    public:
        explicit keyed(caller& of) : batch_twins{of, hash_of(of), &same} {}

    private:
        static caller& caller_of(batch_twins const& one) noexcept { return static_cast<caller&>(one.asker()); }
        static std::uint64_t hash_of(caller& of) {
            auto const& key = of.of_.rules_.key(of.request());
            return mix_hash(std::hash<std::remove_cvref_t<decltype(key)>>{}(key));
        }
        static bool same(batch_twins const& a, batch_twins const& b) noexcept {
            Rules const& rules = caller_of(a).of_.rules_;
            return rules.key(caller_of(a).request()) == rules.key(caller_of(b).request());
        }
    };
    struct unkeyed {
        explicit unkeyed(caller&) noexcept {}
    };

    batcher& of_;
    outcome<void> thrown_;
    [[no_unique_address]] std::conditional_t<sharing_rules<Rules, Request>, keyed, unkeyed> twins_{*this};
};

template <class Request, class Reply, class Rules>
template <class Handler>
    requires std::is_invocable_v<Handler&, std::span<Request>, replies<Reply>&>
batcher<Request, Reply, Rules>::batcher(Handler handle, batcher_options options, Rules rules)
    : rules_{std::move(rules)}, core_{limits_of(options)},
      handler_{new Handler(std::move(handle)), [](void* it) noexcept { delete static_cast<Handler*>(it); }},
      run_{[](detail::batch_core& core, lane& on, void* it) {
          return detail::run_lane<Request, Reply, ruled, Handler>(core, on, *static_cast<Handler*>(it));
      }} {
    static_assert(std::is_void_v<await_result_t<std::invoke_result_t<Handler&, std::span<Request>, replies<Reply>&>>>,
                  "a handler gives a task<>; its answers go into the replies");
    WEIR_TRY {
        for (std::size_t n = 0; n < core_.bounds().max_lanes; ++n) add_lane();
    }
    WEIR_CATCH_ALL {
        delete_lanes();
#if WEIR_EXCEPTIONS
        throw;
#endif
    }
}

template <class Request, class Reply, class Rules>
batcher<Request, Reply, Rules>::~batcher() {
    if (!core_.deserted()) WEIR_FATAL("a batcher was destroyed with requests in it; co_await close() before");
    delete_lanes();
}

template <class Request, class Reply, class Rules>
void batcher<Request, Reply, Rules>::add_lane() {
    constexpr std::size_t first_room = 16;
    auto made = std::make_unique<lane>(std::min(core_.bounds().max_items, first_room));
    made->runs(run_(core_, *made, handler_.get()));
    lane* const one = made.release();
    one->made_before = lanes_.load(relaxed); // the exchange decides
    while (!lanes_.compare_exchange_weak(one->made_before, one, release, relaxed)) {} // [lane]
    core_.adopt(*one);
}

template <class Request, class Reply, class Rules>
task<> batcher<Request, Reply, Rules>::close() {
    core_.shut();
    context const& above = co_await this_task();
    context const patient = above.with_stop({});
    co_await use_context(patient);
    static_cast<void>(co_await drain());
}

template <class Request, class Reply, class Rules>
batcher_figures batcher<Request, Reply, Rules>::figures() const noexcept {
    auto const now = core_.figures();
    batcher_figures shown;
    shown.batches = now.batches;
    shown.items = now.items;
    shown.withdrawn = now.left_before;
    shown.discarded = now.left_after;
    shown.refused = now.refused;
    shown.shed = now.shed;
    shown.extra_calls = now.extra_calls;
    shown.shared = now.shared;
    shown.pending = now.pending;
    shown.in_flight = now.lanes_busy;
    return shown;
}

static_assert(alignof(batcher<int, int>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__); // it may lie in a coroutine's frame

} // namespace weir
