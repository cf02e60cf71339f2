// weir/coro/transfer.hpp: from one coroutine to the next without a stack that grows.
// Clang makes a tail call of a symmetric transfer. GCC does so only from -O2 and without sanitizers; there a thread's
// resume_loop knows where its stack began, and a transfer that finds it deep returns to the loop, which goes on from there.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/base/thread_words.hpp>

#include <coroutine>
#include <cstddef>
#include <utility>

namespace weir::inline v0 {

#if WEIR_TRANSFER_IS_TAIL_CALL

class resume_loop : immovable {
public:
    template <class Start>
    void run(Start&& start) {
        start();
    }
};

inline std::coroutine_handle<> transfer(std::coroutine_handle<> to) noexcept { return to; }
inline void resume(std::coroutine_handle<> handle) { handle.resume(); }

#else

// What drains jobs holds one and runs each job through it.
class resume_loop : immovable {
public:
    resume_loop() noexcept { set_thread_word(thread_word::resume_loop, this); }
    ~resume_loop() { set_thread_word(thread_word::resume_loop, before_); }

    // Calls `start`, then resumes whatever was left to this loop.
    template <class Start>
    void run(Start&& start) {
        base_ = static_cast<char*>(__builtin_frame_address(0));
        start();
        while (next_) std::exchange(next_, nullptr).resume();
    }

    // True when the stack has grown so far that a transfer must come back here.
    bool deep() const noexcept {
        return base_ - static_cast<char*>(__builtin_frame_address(0)) > static_cast<std::ptrdiff_t>(allowed_depth);
    }
    void leave(std::coroutine_handle<> to) noexcept { next_ = to; }

private:
    static constexpr std::size_t allowed_depth = 16 * 1024; // bytes
    void* const before_ = get_thread_word<thread_word::resume_loop>();
    char* base_ = nullptr;
    std::coroutine_handle<> next_;
};

// Resumes on a loop of its own: for who starts a coroutine in the middle of another.
inline void resume(std::coroutine_handle<> handle) {
    resume_loop loop;
    loop.run([&] { handle.resume(); });
}

// What an await_suspend returns to go on with `to`.
inline std::coroutine_handle<> transfer(std::coroutine_handle<> to) noexcept {
    auto* const loop = static_cast<resume_loop*>(get_thread_word<thread_word::resume_loop>());
    if (!loop) {
        resume(to);
        return std::noop_coroutine();
    }
    if (!loop->deep()) return to;
    loop->leave(to);
    return std::noop_coroutine();
}

#endif

} // namespace weir
