// tests/model/seam/weir/coro/wait_book.hpp: in a model nobody asks who waits; a word that outlives a run would be none.
#pragma once

#include <weir/coro/wait_text.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>

namespace weir::inline v0 {

class wait_book {
public:
    class wait {
    public:
        wait(std::uintptr_t, describe_function = nullptr) noexcept {}
    };

    static bool open() noexcept { return false; }
    static bool enter(void const*, std::coroutine_handle<>, std::source_location, wait) noexcept { return false; }
    static void strike(void const*) noexcept {}
    static bool hold(void const*, std::coroutine_handle<>, std::source_location) noexcept { return false; }
    static bool hold_as_awaited(void const*, void const*) noexcept { return false; }
    static void release(void const*) noexcept {}
};

} // namespace weir
