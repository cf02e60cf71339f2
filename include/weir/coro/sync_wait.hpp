// weir/coro/sync_wait.hpp: runs an awaitable on this thread until it is done, and blocks meanwhile.
// For main functions, tests and threads of others. Never inside a coroutine: it stops the thread.
#pragma once

#include <weir/coro/concepts.hpp>
#include <weir/coro/task.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/queue/mpsc.hpp>

#include <utility>

namespace weir::inline v0 {

// An executor that a plain thread drains; it sleeps while there is nothing to do.
class run_loop final : public executor, immovable {
public:
    ~run_loop() { posters_.wait_for_none(); }

    // Threads: any.
    void post(job& work) noexcept override {
        posters::visit const inside{posters_};
        if (jobs_.push(work)) {         // it was empty: the loop may be asleep
            wakes_.fetch_add(1, release); // [wake]
            wakes_.notify_one();
        }
    }

    // Runs jobs until `done` is true; `done` is set by a job.
    void run_until(bool const& done) {
        resume_loop loop;
        while (!done) {
            auto const seen = wakes_.load(acquire); // [wake] before the queue is looked at: a later push changes it
            auto ready = jobs_.pop_all();
            if (ready.empty()) {
                wakes_.wait(seen, relaxed); // it is loaded again, above, before the queue is looked at
                continue;
            }
            while (job* const work = ready.pop_front()) loop.run([&] { work->run(); });
        }
    }

private:
    mpsc<job> jobs_;
    atomic<unsigned> wakes_{0};
    posters posters_;
};

namespace detail {

// The outermost coroutine on a thread: starts by hand, ends by setting a flag. Its frame belongs to this object.
template <class T>
class root_task {
public:
    class promise_type : public value_promise<T> {
        struct finish {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> self) const noexcept { *self.promise().done_ = true; }
            void await_resume() const noexcept {}
        };

    public:
        root_task get_return_object() noexcept {
            return root_task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        promise_base::start initial_suspend() noexcept {
            return promise_base::start{std::coroutine_handle<promise_type>::from_promise(*this).address()};
        }
        finish final_suspend() const noexcept { return {}; }
        void sets(bool& done) noexcept { done_ = &done; }

    private:
        bool* done_ = nullptr;
    };

    root_task(root_task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    ~root_task() {
        if (handle_) handle_.destroy();
    }

    void start(context const& where, bool& done) {
        handle_.promise().awaited_by(nullptr, where);
        handle_.promise().sets(done);
        resume(handle_);
    }
    T take() { return handle_.promise().take(); }

private:
    explicit root_task(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
    std::coroutine_handle<promise_type> handle_;
};

template <class T, class A>
root_task<T> make_root(A awaited) {
    co_return co_await std::move(awaited);
}

} // namespace detail

// Returns what `awaited` gives, or throws what it throws.  Threads: everything that it awaits comes back to this thread.
// Cancel: by `stop`, which is handed down.
template <awaitable A>
await_result_t<A> sync_wait(A awaited, stop_token stop = {}) {
    frame_pool_guard const frames;
    run_loop loop;
    context const where = context{loop}.with_stop(stop);
    auto root = detail::make_root<await_result_t<A>, A>(std::move(awaited));
    bool done = false;
    root.start(where, done);
    loop.run_until(done);
    return root.take();
}

} // namespace weir
