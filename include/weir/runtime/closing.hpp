// weir/runtime/closing.hpp: the end of all that a runtime has spawned, as something that a thread may wait for.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/promise.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/transfer.hpp>

#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <utility>

namespace weir::inline v0 {

class closing : immovable {
public:
    explicit closing(scope& root);
    ~closing();

    // Joins the scope, from now on; once.  Needs: nobody who is no child of it spawns into it any more.
    void begin(context const& where);
    // False when the time came first.  Threads: any.
    bool wait_until(time_point until) {
        std::unique_lock locked{mutex_};
        if (until == no_deadline) {
            ended_.wait(locked, [this] { return over_; });
            return true;
        }
        return ended_.wait_until(locked, until, [this] { return over_; });
    }
    bool over() {
        std::scoped_lock const locked{mutex_};
        return over_;
    }
    // Before begin: what to call on the thread on which the last child has ended, or on that of begin.
    void then(void (*what)(void*) noexcept, void* with) noexcept {
        then_ = what;
        with_ = with;
    }

private:
    // Runs on the stack of whoever ends last, and suspends for good when it has told.
    struct join {
        class promise_type;
        std::coroutine_handle<promise_type> handle;
    };
    static join wait_for(scope& root, closing&);

    void tell() noexcept {
        if (then_) then_(with_);
        std::scoped_lock const locked{mutex_};
        over_ = true;
        ended_.notify_all(); // under the lock: who waits may end this object at once
    }

    join join_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false; // under mutex_
    void (*then_)(void*) noexcept = nullptr;
    void* with_ = nullptr;
};

class closing::join::promise_type : public promise_base {
    struct finish {
        bool await_ready() const noexcept { return false; }
        WEIR_HANDS_OVER void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
            self.promise().of_.tell();
            // ---- the frame may be gone
        }
        void await_resume() const noexcept {}
    };

public:
    promise_type(scope&, closing& of) noexcept : of_{of} {}
    join get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    start initial_suspend() noexcept {
        return start{std::coroutine_handle<promise_type>::from_promise(*this).address()};
    }
    finish final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {} // joining throws nothing

private:
    closing& of_;
};

inline closing::join closing::wait_for(scope& root, closing&) { co_await scope::join(root); }

inline closing::closing(scope& root) : join_{wait_for(root, *this)} {}
inline closing::~closing() { join_.handle.destroy(); }

inline void closing::begin(context const& where) {
    join_.handle.promise().awaited_by(nullptr, where);
    resume(join_.handle);
}

} // namespace weir
