// tests/model/seam/weir/coro/wait_book.hpp: in a model nobody asks who waits; a word that outlives a run would be none.
#pragma once

#include <coroutine>
#include <cstdint>

namespace weir {

class wait_book {
public:
    static bool open() noexcept { return false; }
    static bool enter(void const*, std::coroutine_handle<>, std::uintptr_t) noexcept { return false; }
    static void strike(void const*) noexcept {}
};

} // namespace weir
