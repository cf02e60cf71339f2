// weir/runtime/visitor.hpp: a thread outside of a runtime that waits for a task inside.
// For:      authors of primitives: runtime.hpp.
#pragma once

#include <weir/base/function_ref.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>

#include <coroutine>
#include <type_traits>

namespace weir::inline v0 {

template <class T>
class visitor : immovable {
public:
    // `start` begins `run` for this visitor, and returns false if it was refused; what it throws comes out of the wait.
    explicit visitor(function_ref<bool()> start) noexcept : start_{start} {}

    // For a thread that has an executor: what the task gave or threw; errc::shut_down if it was refused.
    task<T> wait() {
        co_await arrival{*this};
        if (!outcome_.ready()) throw_error(make_error_code(errc::shut_down));
        co_return outcome_.take();
    }
    // For a thread that serves the runtime itself, with `serve`, until `home` is posted to.
    template <class Serve>
    T wait_here(executor& home, Serve serve) {
        home_ = home;
        if (!start_()) throw_error(make_error_code(errc::shut_down));
        serve();
        return outcome_.take();
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
    // Waits until `run` has posted it back.
    class arrival {
    public:
        explicit arrival(visitor& of) noexcept : of_{of} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
            of_.home_ = context_of(handle).executor;
            of_.back_.resumes(handle);
            bool begun = false;
            WEIR_TRY { begun = of_.start_(); }
            WEIR_CATCH_ALL { of_.outcome_.set_current_exception(); } // no memory, or no thread: then nothing runs
            return begun;
            // ---- on true the visitor may be gone
        }
        void await_resume() const noexcept {}

    private:
        visitor& of_;
    };

    function_ref<bool()> start_;
    executor_ref home_;
    resume_job back_;
    outcome<T> outcome_;
};

} // namespace weir
