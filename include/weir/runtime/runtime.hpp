// weir/runtime/runtime.hpp: threads that run tasks, each with its own timers and its own way to the kernel.
//     weir::runtime runtime;
//     runtime.block_on(serve, address);
// Nothing is started before the first task: until then a runtime is a few hundred bytes.
// A job that a task makes ready stays with its worker; idle workers are woken from the second one on. So a task that
// computes for long after it has made one other ready should yield in between.
#pragma once

#include <weir/base/function_ref.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/cpu/usable_cpus.hpp>
#include <weir/runtime/options.hpp>
#include <weir/runtime/worker.hpp>

#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace weir {

class runtime : immovable {
public:
    explicit runtime(runtime_options options = {}) : options_{std::move(options)} {}
    // As shutdown(). An exception of a spawned task that nobody received ends the program, as a thread's would.
    ~runtime() {
        WEIR_TRY { shutdown(); }
        WEIR_CATCH_ALL { WEIR_FATAL("a spawned task ended with an exception; call shutdown() to receive it"); }
    }

    // Queues `fn(args...)`, a task<>, moved into a frame of the runtime's own. An exception of it stops everything.
    // Returns: false once shutdown has begun; then nothing was queued.  Threads: any.
    template <class F, class... Args>
    bool spawn(F&& fn, Args&&... args);

    // Runs `fn(args...)`, a task<T>, on the workers and blocks this thread until it has ended.
    // Returns: what it gave.  Errors: what it threw; errc::shut_down as std::system_error after shutdown.
    // Threads: any that is no worker of this runtime.
    template <class F, class... Args>
    auto block_on(F&& fn, Args&&... args) -> await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>;

    // Admits nothing more, requests a stop of everything, waits until all has ended, and joins the threads.
    // Errors: throws the first exception that a spawned task has ended with.  Threads: one, and no worker.
    void shutdown();

    // The rest starts the workers if they are not running.
    executor& get_executor() { return started(); }
    unsigned workers() { return static_cast<unsigned>(started().workers.size()); }
    // What drives the first worker's I/O, and why not io_uring where that was wanted; empty otherwise.
    io::backend backend() { return started().workers.front()->driver().kind(); }
    std::string const& backend_refusal() {
        started();
        return refusal_;
    }

private:
    // A coroutine on a thread outside that waits for one inside.
    template <class T>
    class visitor;

    crew& started() {
        std::call_once(start_once_, [this] { start(); });
        return *crew_;
    }
    void start();
    // Whether the calling thread is one of this runtime's.
    bool is_worker() const noexcept {
        worker* const here = current<worker>();
        return here && crew_ && &here->shared() == crew_.get();
    }
    // Counts a spawn that is under way; false when the gate is shut.
    bool enter() noexcept;
    void leave() noexcept { gate_.fetch_sub(one_inside, release); } // [gate]

    // Bit 0: shut; above it the number of spawns under way.
    static constexpr unsigned shut = 1;
    static constexpr unsigned one_inside = 2;

    runtime_options const options_;
    std::once_flag start_once_;
    std::unique_ptr<crew> crew_;
    std::unique_ptr<context> context_;
    std::unique_ptr<scope> root_; // of all that was spawned
    std::vector<std::thread> threads_;
    std::string refusal_;
    std::optional<std::latch> open_; // passed when every worker has its driver
    atomic<unsigned> gate_{0};
};

inline void runtime::start() {
    unsigned const count = options_.workers ? options_.workers : static_cast<unsigned>(usable_cpus());
    crew_ = std::make_unique<crew>(count);
    for (unsigned i = 0; i < count; ++i) crew_->workers.push_back(std::make_unique<worker>(*crew_, i));
    context_ = std::make_unique<context>(*crew_);
    root_ = std::make_unique<scope>(*context_);
    open_.emplace(count);
    for (unsigned i = 0; i < count; ++i)
        threads_.emplace_back([this, i] {
            ::pthread_setname_np(::pthread_self(), (options_.name + "-" + std::to_string(i)).substr(0, 15).c_str());
            std::string refusal;
            worker& self = *crew_->workers[i];
            self.open(options_, refusal);
            if (i == 0) refusal_ = refusal;
            open_->arrive_and_wait(); // a worker may wake any other from here on
            self.run(*context_);
        });
    open_->wait();
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
    struct leaver {
        runtime* of;
        ~leaver() { of->leave(); }
    } const leaving{this};
    started();
    root_->spawn(std::forward<F>(fn), std::forward<Args>(args)...);
    return true;
}

template <class T>
class runtime::visitor : immovable {
public:
    // Waits until `run` has posted it back.
    class arrival {
    public:
        explicit arrival(visitor& of) noexcept : of_{of} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            of_.home_ = context_of(handle).executor;
            of_.back_.resumes(handle);
            return of_.start_();
        }
        void await_resume() const noexcept {}

    private:
        visitor& of_;
    };

    explicit visitor(function_ref<bool()> start) noexcept : start_{start} {}

    task<T> wait() {
        co_await arrival{*this};
        if (!outcome_.ready()) throw_error(make_error_code(errc::shut_down));
        co_return outcome_.take();
    }

    // What runs inside; posts the visitor home at its end. It owns nothing by then: `make` and what it calls lie in the
    // visitor's own frame.
    template <class Make>
    static task<> run(visitor* self, Make* make) {
        WEIR_TRY {
            if constexpr (std::is_void_v<T>) {
                co_await (*make)();
                self->outcome_.set_value();
            } else {
                self->outcome_.set_value(co_await (*make)());
            }
        }
        WEIR_CATCH_ALL { self->outcome_.set_current_exception(); }
        self->home_.post(self->back_);
        // ---- the visitor may be gone
    }

private:
    function_ref<bool()> start_;
    executor_ref home_;
    resume_job back_;
    outcome<T> outcome_;
};

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
    return sync_wait(one.wait());
}

inline void runtime::shutdown() {
    if (is_worker()) WEIR_FATAL("a runtime was shut down by one of its own workers, which would wait for itself");
    gate_.fetch_or(shut, acq_rel); // [gate]
    backoff wait;
    while (gate_.load(acquire) != shut) wait(); // [gate] a spawn that was admitted comes through
    if (!root_) return;
    root_->request_stop();
    // The last child goes on with whoever joins, on its own thread; the yield brings that home.
    sync_wait([](scope& root) -> task<> {
        co_await scope::join(root);
        co_await yield();
    }(*root_));
    crew_->stopping.store(true, seq_cst); // [stop]
    for (auto const& each : crew_->workers) each->wake();
    for (auto& each : threads_) each.join();
    threads_.clear();
    // A thread outside may have posted what ended a task and not have returned from that.
    crew_->outside.wait_for_none();
    for (auto const& each : crew_->workers) each->driver().settle();
    auto const root = std::exchange(root_, nullptr);
    root->rethrow_first();
}

} // namespace weir
