// weir/runtime/stack_sample.hpp: where a thread is, as its signal handler finds it: calls, and who awaits whom.
// A coroutine's caller on the stack is only who has resumed it. So where the thread runs a coroutine, the calls end there
// and its awaiters follow: the coroutine's frame is found by its first word, which is the address of the function that
// runs, and then each frame names the one that awaits it in its promise's first word. Which functions are coroutines
// must be known beforehand.
// Needs:    frames to be unwound without frame pointers, for which every function has a table on the machines we know.
// For:      authors of primitives: profiler.hpp.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/runtime/await_chain.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#if WEIR_LINUX
#include <ucontext.h>
#include <unwind.h>
#endif

namespace weir::inline v0 {

class stack_sample {
public:
    static constexpr std::size_t most_calls = 64;
    static constexpr std::size_t most_awaiters = 32;

    // From the innermost outwards; all but the first are addresses to return to. Where there are awaiters, or the thread
    // runs a coroutine without one, the last is the coroutine's; else they go on to the beginning of the thread.
    std::array<std::uintptr_t, most_calls> calls;
    // The functions of the coroutine's awaiters, its own awaiter first.
    std::array<std::uintptr_t, most_awaiters> awaiters;
    unsigned call_count;
    unsigned awaiter_count;

    // Takes the stack of the calling thread as it was when the signal came that its handler was given `context` for.
    // `coroutines` are the first instructions of all functions that resume one, sorted (symbols::coroutines).
    // Nothing in here is done that a signal handler may not do.  Needs: prime(), before, on any thread.
    void take(void const* context, std::span<std::uintptr_t const> coroutines) noexcept;
    // What the first use of the unwinder makes ready.
    static void prime() noexcept;
};

#if WEIR_LINUX

namespace detail {

class stack_walk {
public:
    // From where the thread was interrupted; of none, from here.
    stack_walk(stack_sample& into, std::span<std::uintptr_t const> coroutines, std::uintptr_t interrupted) noexcept
        : into_{into}, chain_{coroutines}, interrupted_{interrupted}, found_{interrupted == 0} {}

    static _Unwind_Reason_Code step(_Unwind_Context* at, void* walk) noexcept {
        return static_cast<stack_walk*>(walk)->visit(at) ? _URC_NO_REASON : _URC_END_OF_STACK;
    }

private:
    // Registers that a function keeps for its caller, so that they are known in every frame.
#if defined(__x86_64__)
    static constexpr std::array<int, 6> kept_registers{3, 6, 12, 13, 14, 15};
#elif defined(__aarch64__)
    static constexpr std::array<int, 11> kept_registers{19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
#else
    static constexpr std::array<int, 0> kept_registers{};
#endif
    static constexpr std::size_t most_words = 64; // of a call's own part of the stack

    bool visit(_Unwind_Context* at) noexcept {
        auto const pc = _Unwind_GetIP(at);
        if (!found_ && pc != interrupted_) return true;
        found_ = true;
        if (pc == 0) return false; // before the beginning of the thread
        into_.calls[into_.call_count++] = pc;
        auto const function = _Unwind_GetRegionStart(at);
        if (chain_.is_coroutine(function) && look(at, function)) return false;
        below_ = _Unwind_GetCFA(at);
        return into_.call_count < into_.calls.size();
    }
    // Looks for the frame of the coroutine that runs this function.
    bool look(_Unwind_Context* at, std::uintptr_t function) noexcept {
        for (int const each : kept_registers)
            if (take_chain(_Unwind_GetGR(at, each), function)) return true;
        auto const top = _Unwind_GetCFA(at);
        if (!below_ || top <= below_) return false;
        std::array<std::uintptr_t, most_words> words;
        auto const count = std::min<std::size_t>((top - below_) / sizeof words[0], words.size());
        if (!read_words(top - count * sizeof words[0], std::span{words}.first(count))) return false;
        for (std::size_t n = count; n-- > 0;)
            if (take_chain(words[n], function)) return true;
        return false;
    }
    bool take_chain(std::uintptr_t frame, std::uintptr_t function) noexcept {
        if (chain_.function_of(frame) != function) return false;
        into_.awaiter_count = static_cast<unsigned>(chain_.follow(frame, into_.awaiters));
        return true;
    }

    stack_sample& into_;
    await_chain const chain_;
    std::uintptr_t const interrupted_;
    std::uintptr_t below_ = 0; // the stack of what was called from here ends there
    bool found_; // the frames of the handler are passed
};

} // namespace detail

inline void stack_sample::take(void const* context, std::span<std::uintptr_t const> coroutines) noexcept {
    call_count = 0;
    awaiter_count = 0;
#if defined(__x86_64__)
    auto const pc = static_cast<std::uintptr_t>(static_cast<ucontext_t const*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
    auto const pc = static_cast<std::uintptr_t>(static_cast<ucontext_t const*>(context)->uc_mcontext.pc);
#else
    std::uintptr_t const pc = 0;
    static_cast<void>(context);
#endif
    detail::stack_walk walk{*this, coroutines, pc};
    _Unwind_Backtrace(&detail::stack_walk::step, &walk);
    if (call_count > 0) return;
    // A tool that holds signals back, as thread sanitizers do, calls the handler from elsewhere.
    detail::stack_walk all{*this, coroutines, 0};
    _Unwind_Backtrace(&detail::stack_walk::step, &all);
}

inline void stack_sample::prime() noexcept {
    auto const none = [](_Unwind_Context*, void*) { return _URC_NO_REASON; };
    _Unwind_Backtrace(none, nullptr);
}

#else

inline void stack_sample::take(void const*, std::span<std::uintptr_t const>) noexcept {
    call_count = 0;
    awaiter_count = 0;
}
inline void stack_sample::prime() noexcept {}

#endif

} // namespace weir
