// weir/runtime/await_chain.hpp: from a suspended coroutine to those who await it, by the words of their frames.
// A frame begins with the function that resumes it; behind that and the one that destroys it lies the promise, of which
// the library's begin with the awaiter, the context, and where the awaiter awaits. What is no frame is told apart, as its
// first word is no such function.
// For:      authors of primitives: stack_sample.hpp and dump.hpp.
#pragma once

#include <weir/base/platform.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#if WEIR_LINUX
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

// Words of this process; false where there is no memory. The kernel looks, and raises no signal; a handler may ask.
inline bool read_words(std::uintptr_t from, std::span<std::uintptr_t> into) noexcept {
#if WEIR_LINUX
    iovec const here{into.data(), into.size_bytes()};
    iovec const there{reinterpret_cast<void*>(from), into.size_bytes()}; // an address, to be tried
    // Long, as the kernel reads whole words, and of an int only half would be passed on.
    auto const read = ::syscall(SYS_process_vm_readv, static_cast<long>(::getpid()), &here, 1L, &there, 1L, 0L);
    return read == static_cast<long>(into.size_bytes());
#else
    static_cast<void>(from), static_cast<void>(into);
    return false;
#endif
}

// What the words of a coroutine's frame tell.
class frame_sight {
public:
    frame_sight() noexcept {}

    std::uintptr_t frame = 0;
    std::uintptr_t function = 0; // that resumes it; 0: it is no coroutine
    std::uintptr_t awaiter = 0;  // the frame of who awaits it, or has opened the scope of which it is a child; or 0
    std::uintptr_t where = 0;    // a std::source_location, if it is one: of the expression by which that one awaits it
};

class await_chain {
public:
    // `coroutines` are the first instructions of all functions that resume one, sorted (symbols::coroutines).
    explicit await_chain(std::span<std::uintptr_t const> coroutines) noexcept : coroutines_{coroutines} {}

    bool is_coroutine(std::uintptr_t function) const noexcept {
        return std::binary_search(coroutines_.begin(), coroutines_.end(), function);
    }
    // The coroutine with this frame.  Returns: nothing of one where that is none.
    frame_sight look(std::uintptr_t frame) const noexcept {
        std::array<std::uintptr_t, 5> words{};
        if (frame < 4096 || frame % 16 != 0) return {};
        // A frame of another library's may be shorter, and end where memory does.
        if (!read_words(frame, words) && !read_words(frame, std::span{words}.first(3))) return {};
        if (!is_coroutine(words[0])) return {};
        frame_sight seen;
        seen.frame = frame;
        seen.function = words[0];
        seen.awaiter = words[2];
        seen.where = words[4];
        return seen;
    }
    std::uintptr_t function_of(std::uintptr_t frame) const noexcept { return look(frame).function; }
    // Writes the functions of the awaiters of `frame` to `into`, the nearest first, as many as there is room for.
    // Returns: how many.
    std::size_t follow(std::uintptr_t frame, std::span<std::uintptr_t> into) const noexcept {
        std::size_t count = 0;
        for (auto at = look(frame); at.function != 0 && count < into.size(); into[count++] = at.function)
            if (at = look(at.awaiter); at.function == 0) break;
        return count;
    }

private:
    std::span<std::uintptr_t const> coroutines_;
};

} // namespace weir
