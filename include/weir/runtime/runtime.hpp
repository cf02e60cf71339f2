// weir/runtime/runtime.hpp: threads that run tasks, each with its own timers and its own way to the kernel.
//     weir::runtime runtime;
//     runtime.block_on(serve, address);
// Nothing is started before the first task: until then a runtime is a few hundred bytes.
// A job that a task makes ready stays with its worker; idle workers are woken from the second one on. So a task that
// computes for long after it has made one other ready should yield in between.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/wait_book.hpp>
#include <weir/cpu/usable_cpus.hpp>
#include <weir/runtime/closing.hpp>
#include <weir/runtime/crew.hpp>
#include <weir/runtime/crew_threads.hpp>
#include <weir/runtime/figures.hpp>
#include <weir/runtime/gate.hpp>
#include <weir/runtime/named.hpp>
#include <weir/runtime/options.hpp>
#include <weir/runtime/priority.hpp>
#include <weir/runtime/roster.hpp>
#include <weir/runtime/shutdown.hpp>
#include <weir/runtime/stall_watch.hpp>
#include <weir/runtime/visitor.hpp>
#include <weir/runtime/worker.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::inline v0 {

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
    runtime_options const options_;
    std::once_flag start_once_;
    std::unique_ptr<blocking_pool> blocking_;
    std::unique_ptr<crew> crew_;
    std::unique_ptr<context> context_;
    roster roster_;
    std::unique_ptr<scope> root_; // of all that was spawned
    std::unique_ptr<closing> closing_; // once shutdown has begun
    crew_threads threads_;
    std::unique_ptr<stall_watch> stalls_;
    void const* here_ = nullptr; // with current_thread: the thread that has opened the driver
    std::string refusal_;
    std::optional<wait_book::reader> waits_; // while they are kept
    gate gate_; // for spawns and looks
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
    if (!options_.current_thread) threads_.start(*crew_, *context_, refusal_);
    if (options_.stall_limit.count() > 0) stalls_ = std::make_unique<stall_watch>(*crew_);
    root_ = std::make_unique<scope>(*context_); // last, as it must be joined once it is there
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

template <class F, class... Args>
bool runtime::spawn(F&& fn, Args&&... args) {
    gate::visit const inside{gate_};
    if (!inside) return false;
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
    if (gate::visit const inside{gate_}) now.blocking = started().blocking->counts(); // shutdown ends the pool
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
    threads_.join();
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
    gate_.shut(); // a spawn that was admitted comes through
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
