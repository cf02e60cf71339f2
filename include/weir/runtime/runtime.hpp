// weir/runtime/runtime.hpp: threads that run tasks, each with its own timers and its own way to the kernel.
//     weir::runtime runtime;
//     runtime.block_on(serve, address);
// Nothing is started before the first task: until then a runtime is a few hundred bytes.
// A job that a task makes ready stays with its worker; idle workers are woken from the second one on. So a task that
// computes for long after it has made one other ready should yield in between.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/wait_book.hpp>
#include <weir/cpu/affinity.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/cpu/placement.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/cpu/topology.hpp>
#include <weir/cpu/usable_cpus.hpp>
#include <weir/runtime/closing.hpp>
#include <weir/runtime/crew.hpp>
#include <weir/runtime/figures.hpp>
#include <weir/runtime/named.hpp>
#include <weir/runtime/options.hpp>
#include <weir/runtime/priority.hpp>
#include <weir/runtime/roster.hpp>
#include <weir/runtime/stall_watch.hpp>
#include <weir/runtime/visitor.hpp>
#include <weir/runtime/worker.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace weir {

enum class shutdown_mode : unsigned char {
    cancel, // requests a stop of everything
    drain, // lets everything end by itself
};

// What a shutdown has left behind.
class shutdown_report {
public:
    // Nothing runs any more, and the threads are joined.
    bool complete() const noexcept { return unfinished == 0; }
    std::size_t unfinished = 0; // spawned tasks that have not ended
    std::vector<std::string> names; // of those among them that were spawned with one
};

class runtime : immovable {
public:
    // Errors: throws std::invalid_argument with options.problem(), if there is one; std::system_error for an environment
    //         variable that makes no sense.
    explicit runtime(runtime_options options = {});
    // As shutdown(), for as long as the options allow. An exception of a spawned task that nobody received ends the
    // program, as a thread's would; so do tasks that have not ended by then.
    ~runtime();

    // Queues `fn(args...)`, a task<>, moved into a frame of the runtime's own. An exception of it stops everything.
    // Errors: what the first start meets: std::bad_alloc, or std::system_error where the system gives no thread; then
    //         nothing was queued, and the next call tries to start again.
    // Returns: false once shutdown has begun; then nothing was queued.  Threads: any.
    template <class F, class... Args>
    bool spawn(F&& fn, Args&&... args);
    // The same by a name for reports, and at a priority: `runtime.spawn(named{"audit"}, audit, log);`
    template <class F, class... Args>
    bool spawn(named name, F&& fn, Args&&... args) {
        using wrapper = task<> (*)(roster&, executor&, named, std::decay_t<F>, std::decay_t<Args>...);
        wrapper const run = &run_named<std::decay_t<F>, std::decay_t<Args>...>;
        auto& where = static_cast<crew&>(get_executor()).at(name.priority);
        return spawn(run, std::ref(roster_), std::ref(where), std::move(name), std::forward<F>(fn),
                     std::forward<Args>(args)...);
    }

    // Runs `fn(args...)`, a task<T>, on the workers and blocks this thread until it has ended.
    // Returns: what it gave.  Errors: what it threw; errc::shut_down as std::system_error after shutdown.
    // Threads: any that is no worker of this runtime; with current_thread always the same one, on which all tasks run
    // meanwhile.
    template <class F, class... Args>
    auto block_on(F&& fn, Args&&... args)
        -> await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>;

    // Admits nothing more, requests a stop of everything or lets it end, waits for that until the given time, and joins
    // the threads. What has not ended by then goes on, and another shutdown, of the same or the other kind, waits again.
    // Errors: throws the first exception that a spawned task has ended with.  Threads: one at a time, and no worker; with
    // current_thread that of block_on.
    shutdown_report shutdown(shutdown_mode how = shutdown_mode::cancel, time_point until = no_deadline);

    // Where `blocking` calls of its tasks run; makes no thread before the first.  Threads: any.
    blocking_pool& blocking_threads() { return *started().blocking; }

    // What it does, in numbers.  Threads: any, also during shutdown.  Cost: an allocation; no worker is disturbed.
    runtime_figures figures();
    // What a turn of a worker took, of about one turn in a thousand.
    histogram const& turn_times() { return started().turn_times; }

    // For dump(): a worker's number; none where it is not of this runtime. For how long one has run the same job, where
    // that is watched and longer than the limit, and else nothing. The tasks that have a name, by their coroutine.
    std::optional<unsigned> number_of(void const* of) const noexcept;
    duration held_up(unsigned worker) const noexcept { return stalls_ ? stalls_->held_up(worker) : duration{0}; }
    std::map<void const*, std::string> named_tasks() { return roster_.named(); }

    // The rest starts the workers if they are not running.
    executor& get_executor() { return started(); }
    executor& get_executor(priority level) { return started().at(level); }
    unsigned workers() { return static_cast<unsigned>(started().workers.size()); }
    // What drives the first worker's I/O, and why not io_uring where that was wanted; empty otherwise.
    io::backend backend() { return opened().workers.front()->driver().kind(); }
    std::string const& backend_refusal() {
        opened();
        return refusal_;
    }

private:
    // Told where the runtime's own thread is that of its user: ends the serving there.
    class bell final : public executor {
    public:
        explicit bell(crew& of) noexcept : of_{of} {}
        void post(job&) noexcept override { of_.stopping.store(true, relaxed); } // the same thread's own

    private:
        crew& of_;
    };
    static void ring_bell(void* of) noexcept { static_cast<crew*>(of)->stopping.store(true, relaxed); } // own thread's

    static runtime_options with_environment(runtime_options told) {
        told.blocking.threads = blocking_threads_from_environment(told.blocking.threads);
        return told;
    }
    crew& started() {
        std::call_once(start_once_, [this] { start(); });
        return *crew_;
    }
    // The same with a driver, also where that belongs to the calling thread.
    crew& opened();
    // Errors: std::bad_alloc, and what std::thread throws; then nothing runs, and the next one may try again.
    void start();
    void begin();
    void start_threads();
    void run_worker(unsigned index, cpu_set const& place);
    // On the calling thread, until the crew is stopping or until that time.
    void serve_here(time_point until) {
        opened().workers.front()->serve(*context_, until);
        crew_->stopping.store(false, relaxed); // own thread's
    }
    bool wait_for_the_last(time_point until);
    void end_threads();
    // Whether the calling thread is one of this runtime's.
    bool is_worker() const noexcept {
        worker* const here = current<worker>();
        return here && crew_ && &here->shared() == crew_.get();
    }
    // Counts a spawn or a look that is under way; false when the gate is shut.
    bool enter() noexcept;
    void leave() noexcept { gate_.fetch_sub(one_inside, release); } // [gate]
    struct leaver {
        runtime& of;
        ~leaver() { of.leave(); }
    };

    // How the threads come to their drivers.
    struct opening {
        explicit opening(std::size_t workers) noexcept : all{static_cast<std::ptrdiff_t>(workers)} {}
        // Keeps the exception in flight.  Needs: to be called before one arrives.
        void fail() noexcept {
            spin_guard const locked{lock};
            if (!failure.failed()) failure.set_current_exception();
        }
        std::latch all; // passed when each has its own, or cannot: who passes it sees whether there is a failure
        spin_lock lock;
        outcome<void> failure; // the first
    };

    // Bit 0: shut; above it the number of spawns and looks under way.
    static constexpr unsigned shut = 1;
    static constexpr unsigned one_inside = 2;

    runtime_options const options_;
    std::once_flag start_once_;
    std::unique_ptr<blocking_pool> blocking_;
    std::unique_ptr<crew> crew_;
    std::unique_ptr<context> context_;
    roster roster_;
    std::unique_ptr<scope> root_; // of all that was spawned
    std::unique_ptr<closing> closing_; // once shutdown has begun
    std::vector<std::thread> threads_;
    std::unique_ptr<stall_watch> stalls_;
    void const* here_ = nullptr; // with current_thread: the thread that has opened the driver
    std::string refusal_;
    std::optional<wait_book::reader> waits_; // while they are kept
    std::optional<opening> open_; // once threads are started
    atomic<unsigned> gate_{0};
};

inline runtime::runtime(runtime_options options) : options_{with_environment(std::move(options))} {
    auto const problem = options_.problem();
    if (problem.empty()) return;
#if WEIR_EXCEPTIONS
    throw std::invalid_argument{problem};
#else
    std::fprintf(stderr, "weir: %s\n", problem.c_str());
    WEIR_FATAL("a runtime was given options that it cannot have");
#endif
}

inline runtime::~runtime() {
    shutdown_report left;
    WEIR_TRY {
        auto const limit = options_.shutdown_deadline;
        left = shutdown(shutdown_mode::cancel, limit.count() ? clock::now() + limit : no_deadline);
    }
    WEIR_CATCH_ALL { WEIR_FATAL("a spawned task ended with an exception; call shutdown() to receive it"); }
    if (left.complete()) return;
    std::fprintf(stderr, "weir: %zu tasks of the runtime %s have not ended\n", left.unfinished, options_.name.c_str());
    for (auto const& each : left.names) std::fprintf(stderr, "weir: %s has not ended\n", each.c_str());
    WEIR_FATAL("a runtime's tasks did not end within its shutdown_deadline after a stop");
}

inline void runtime::start() {
    WEIR_TRY { begin(); }
    WEIR_CATCH_ALL {
        if (crew_) end_threads();
        context_.reset();
        crew_.reset();
        blocking_.reset();
        waits_.reset();
#if WEIR_EXCEPTIONS
        throw;
#endif
    }
}

inline void runtime::begin() {
    unsigned count = options_.workers;
    if (options_.current_thread) count = 1;
    else if (count == 0) count = static_cast<unsigned>(usable_cpus());
    blocking_ = std::make_unique<blocking_pool>(options_.blocking);
    crew_ = std::make_unique<crew>(options_, count);
    crew_->blocking = blocking_.get();
    if (options_.keep_waits) waits_.emplace();
    for (unsigned i = 0; i < count; ++i) crew_->workers.push_back(std::make_unique<worker>(*crew_, i));
    if (count > 1) {
        static auto const cpus = usable_cpus(); // once, as it takes a hundred microseconds
        auto const by_default = std::chrono::microseconds{cpus > count ? 20 : 0};
        if (cpus > 1) crew_->spin = options_.spin.value_or(by_default);
    }
    context_ = std::make_unique<context>(*crew_);
    if (!options_.current_thread) start_threads();
    if (options_.stall_limit.count() > 0) stalls_ = std::make_unique<stall_watch>(*crew_);
    root_ = std::make_unique<scope>(*context_); // last, as it must be joined once it is there
}

inline void runtime::start_threads() {
    auto const count = crew_->workers.size();
    std::vector<cpu_set> places;
    if (auto const allowed = this_thread_cpus(); allowed && options_.pinning)
        places = place_threads(*options_.pinning, count, read_topology(), *allowed);
    open_.emplace(count);
    threads_.reserve(count);
    WEIR_TRY {
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, i, place = places.empty() ? cpu_set{} : places[i]] { run_worker(i, place); });
    }
    WEIR_CATCH_ALL {
        open_->fail();
        open_->all.count_down(static_cast<std::ptrdiff_t>(count - threads_.size())); // for those that are missing
    }
    open_->all.wait();
    if (open_->failure.failed()) open_->failure.take(); // the threads that there are see it, too, and end
}

// A thread, from its beginning to its end.
inline void runtime::run_worker(unsigned index, cpu_set const& place) {
    worker& self = *crew_->workers[index];
    WEIR_TRY {
        ::pthread_setname_np(::pthread_self(), crew_->name_of(index).substr(0, 15).c_str());
        if (!place.empty()) static_cast<void>(pin_this_thread(place)); // refused: then as without
        std::string refusal;
        self.open(refusal);
        if (index == 0) refusal_ = std::move(refusal);
    }
    WEIR_CATCH_ALL { open_->fail(); }
    bool const opened = self.is_open();
    if (opened) options_.on_thread_start(index);
    open_->all.arrive_and_wait(); // a worker may wake any other from here on
    if (!open_->failure.failed()) self.serve(*context_);
    if (!opened) return;
    options_.on_thread_stop(index);
    self.retire();
}

inline crew& runtime::opened() {
    crew& all = started();
    if (!options_.current_thread) return all;
    worker& self = *all.workers.front();
    if (!here_) {
        self.open(refusal_);
        here_ = this_thread_mark();
        options_.on_thread_start(0);
    }
    if (here_ != this_thread_mark()) WEIR_FATAL("a runtime of the current thread was used on two threads");
    return all;
}

inline bool runtime::enter() noexcept {
    auto now = gate_.load(relaxed); // the exchange decides
    do {
        if (now & shut) return false;
    } while (!gate_.compare_exchange_weak(now, now + one_inside, acquire, relaxed)); // [gate]
    return true;
}

template <class F, class... Args>
bool runtime::spawn(F&& fn, Args&&... args) {
    if (!enter()) return false;
    leaver const leaving{*this};
    started();
    root_->spawn(std::forward<F>(fn), std::forward<Args>(args)...);
    return true;
}

inline std::optional<unsigned> runtime::number_of(void const* of) const noexcept {
    if (!crew_) return std::nullopt;
    for (auto const& each : crew_->workers)
        if (each.get() == of) return each->index();
    return std::nullopt;
}

inline runtime_figures runtime::figures() {
    runtime_figures now;
    if (enter()) { // shutdown ends the pool
        leaver const leaving{*this};
        now.blocking = started().blocking->counts();
    }
    crew& all = started();
    now.workers.reserve(all.workers.size());
    std::uint64_t ended = 0;
    for (auto const& each : all.workers) ended += each->tasks().ended(); // first: what has ended has begun
    for (auto const& each : all.workers) {
        now.tasks_begun += each->tasks().begun();
        now.workers.push_back(each->figures());
        now.all += now.workers.back();
    }
    now.tasks_live = now.tasks_begun - std::min(ended, now.tasks_begun);
    if (io::driver const* const first = all.workers.front()->opened_driver()) now.backend = first->kind();
    return now;
}

template <class F, class... Args>
auto runtime::block_on(F&& fn, Args&&... args)
    -> await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>> {
    using T = await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>;
    if (is_worker()) WEIR_FATAL("block_on was called by a worker of the same runtime, which it would block");
    std::decay_t<F> held{std::forward<F>(fn)};
    std::tuple<std::decay_t<Args>...> given{std::forward<Args>(args)...};
    auto make = [&] { return std::apply(held, std::move(given)); };
    visitor<T>* inside = nullptr;
    auto const start = [&] { return spawn(&visitor<T>::template run<decltype(make)>, inside, &make); };
    visitor<T> one{start};
    inside = &one;
    if (!options_.current_thread) return sync_wait(one.wait());
    bell ends{started()};
    return one.wait_here(ends, [this] { serve_here(no_deadline); });
}

// False when the time came before the last spawned task has ended.
inline bool runtime::wait_for_the_last(time_point until) {
    bool const first = !closing_;
    if (first) {
        closing_ = std::make_unique<closing>(*root_);
        if (options_.current_thread) closing_->then(&ring_bell, crew_.get());
        closing_->begin(*context_);
    }
    if (!options_.current_thread) return closing_->wait_until(until);
    if (!closing_->over()) serve_here(until);
    return closing_->over();
}

inline void runtime::end_threads() {
    crew_->stopping.store(true, seq_cst); // [stop]
    for (auto const& each : crew_->workers)
        if (each->is_open()) each->wake();
    for (auto& each : threads_) each.join();
    threads_.clear();
    if (here_) {
        options_.on_thread_stop(0);
        crew_->workers.front()->retire();
    }
    if (stalls_) stalls_->end(); // before it goes: a report may look at this runtime
    stalls_.reset();
    blocking_.reset(); // its threads post to the workers
    // A thread outside may have posted what ended a task and not have returned from that.
    crew_->outside.wait_for_none();
    for (auto const& each : crew_->workers)
        if (each->is_open()) each->driver().settle();
}

inline shutdown_report runtime::shutdown(shutdown_mode how, time_point until) {
    if (is_worker()) WEIR_FATAL("a runtime was shut down by one of its own workers, which would wait for itself");
    gate_.fetch_or(shut, acq_rel); // [gate]
    backoff wait;
    while (gate_.load(acquire) != shut) wait(); // [gate] a spawn that was admitted comes through
    shutdown_report left;
    if (!root_) return left;
    if (how == shutdown_mode::cancel) root_->request_stop();
    if (!wait_for_the_last(until)) {
        left.names = roster_.names();
        left.unfinished = root_->pending();
        if (left.unfinished > 0) return left;
        wait_for_the_last(no_deadline); // they have ended in this very moment
        left.names.clear();
    }
    end_threads();
    closing_.reset();
    auto const root = std::exchange(root_, nullptr);
    root->rethrow_first();
    return left;
}

} // namespace weir
