// weir/flow/batcher.hpp: many requests become one call: who asks gets the answer to its own.
//     batcher<row, row_id> rows{[&](std::span<row> batch, replies<row_id>& ids) -> task<> { ... ids.set(i, id); ... }};
//     result<row_id> id = co_await rows.submit(std::move(one));
// Batches form by themselves: an idle lane sends at once, and what arrives while the lanes are busy goes next, together.
// So a quiet service waits for nothing, and a busy one makes the larger batches the busier it is. A linger, where asked
// for, holds an idle lane back to gather more; a caller with a deadline is not held back so long that it would miss it.
// Rules may say that requests of equal keys are one, what each weighs, and which belong to one partition: those go
// together, and with no others. Size, weight, linger and the number of batches under way then hold for each partition,
// equal requests are one within theirs, a batch is bisected by itself, and drain and close mean all of them.
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
#include <weir/flow/batcher_options.hpp>
#include <weir/flow/mix_hash.hpp>
#include <weir/flow/replies.hpp>
#include <weir/flow/request_lane.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <source_location>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

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
    static constexpr bool partitioned = partitioning_rules<Rules, Request>;
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
    // Cost:    two short spin locks for the caller, no allocation; a move of the request and two of the reply. An
    //          allocation where more partitions are busy at a time than ever before.
    // A handler may submit to its own batcher: it borrows a lane until it has its answer, which costs an allocation the
    // first time. Through another batcher or a coalescer it is not recognised, and counts as anybody else.
    operation<caller, batcher&, Request> submit(Request request) {
        // What braces built in the await expression cannot be told from what was moved there.
        static_assert(!WEIR_GCC_BEFORE_13 || !std::is_aggregate_v<Request> || std::is_trivially_destructible_v<Request>,
                      "this compiler (GCC before 13) would destroy twice what braces build in an await expression; give "
                      "the type of the request a constructor");
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
    batch_recorder const& recorder() const noexcept { return core_.bounds().recorder; }

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
                .max_in_flight = std::max<std::size_t>(options.max_in_flight, 1),
                .max_lanes = std::max<std::size_t>(partitioned ? options.max_lanes : options.max_in_flight, 1),
                .max_pending = options.overflow == overflow::wait ? std::numeric_limits<std::size_t>::max()
                                                                  : options.max_pending,
                .max_partitions = partitioned ? std::max<std::size_t>(options.max_partitions, 1) : 0,
                .bisect_calls = options.on_error == on_batch_error::bisect ? options.max_bisect_calls : 0,
                .buckets = sharing_rules<Rules, Request> ? std::clamp<std::size_t>(4 * options.max_items, 64, 65536) : 0,
                .overflow = options.overflow,
                .linger = options.linger,
                .target = options.latency_target,
                .executor = options.executor,
                .recorder = options.recorder};
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
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> self,
                                       std::source_location at = std::source_location::current()) noexcept {
        if (!this->listen(self, at)) return false;
        bool const from_handler = of_.is_lane(this->where());
        for (;;) {
            auto const became = of_.core_.template enqueue<ruled>(*this, from_handler, number());
            if (became == entry::waits) return true;
            if (became == entry::over || !provides(became)) return false;
        }
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
    using entry = detail::batch_core::entry;

    std::uint64_t number() noexcept {
        if constexpr (partitioned) return of_.rules_.partition(this->request());
        else return 0;
    }
    // Gives the batcher what it lacks.  Returns: whether there was memory; else this has ended.
    WEIR_COLD bool provides(entry lack) noexcept;

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
            return caller::together(a.asker(), b.asker()) &&
                   rules.key(caller_of(a).request()) == rules.key(caller_of(b).request());
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
bool batcher<Request, Reply, Rules>::caller::provides(entry lack) noexcept {
    WEIR_TRY {
        if (lack == entry::lacks_a_lane) of_.add_lane();
        else of_.core_.adopt(of_.core_.make_partition());
        return true;
    }
    WEIR_CATCH_ALL {
        thrown_.set_current_exception();
        this->complete_unpublished();
        return false;
    }
}

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
        std::size_t const at_once = partitioned ? 1 : core_.bounds().max_lanes;
        for (std::size_t n = 0; n < at_once; ++n) add_lane();
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
    shown.partitions = now.partitions;
    shown.max_items = now.max_items;
    return shown;
}

static_assert(alignof(batcher<int, int>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__); // it may lie in a coroutine's frame

} // namespace weir
