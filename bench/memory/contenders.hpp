// bench/memory/contenders.hpp: who hands out frames and other small blocks.
// A contender has a `name`, a static `get(bytes)` and a static `put(block, bytes)`. What a thread must hold while it
// uses them is its `visit`.
#pragma once

#include <weir/memory/frame_pool.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include <dlfcn.h>

namespace bench {

struct nothing_to_hold {};

struct weir_frames {
    static constexpr auto name = "weir frame_pool";
    using visit = weir::frame_pool_guard;
    static void* get(std::size_t bytes) { return weir::frame_pool::allocate(bytes); }
    static void put(void* block, std::size_t bytes) { weir::frame_pool::deallocate(block, bytes); }
};

struct libc_malloc {
    static constexpr auto name = "malloc";
    using visit = nothing_to_hold;
    static void* get(std::size_t bytes) { return std::malloc(bytes); }
    static void put(void* block, std::size_t) { std::free(block); }
};

struct operator_new {
    static constexpr auto name = "operator new";
    using visit = nothing_to_hold;
    static void* get(std::size_t bytes) { return ::operator new(bytes); }
    static void put(void* block, std::size_t bytes) { ::operator delete(block, bytes); }
};

// Another allocator's malloc and free beside our own: linked in, it would replace malloc for all contenders. The calls
// go through a pointer, as calls into a shared library do in any case.
// Jemalloc's thread-locals need more room than the loader keeps in reserve; run.py asks it for more.
template <class Library>
struct loaded {
    using visit = nothing_to_hold;
    static void* get(std::size_t bytes) { return of().malloc(bytes); }
    static void put(void* block, std::size_t) { of().free(block); }
    static std::string absent() { return of().why_not; }

private:
    struct functions {
        void* (*malloc)(std::size_t) = nullptr;
        void (*free)(void*) = nullptr;
        std::string why_not;

        functions() {
            void* const library = ::dlopen(Library::file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
            if (!library) {
                why_not = ::dlerror();
                return;
            }
            malloc = reinterpret_cast<decltype(malloc)>(::dlsym(library, "malloc"));
            free = reinterpret_cast<decltype(free)>(::dlsym(library, "free"));
            if (!malloc || !free) why_not = std::string{Library::file} + " has no malloc";
        }
    };
    static inline functions const found{};
    static functions const& of() { return found; }
};

struct jemalloc : loaded<jemalloc> {
    static constexpr auto name = "jemalloc";
    static constexpr auto file = "libjemalloc.so";
};

struct mimalloc : loaded<mimalloc> {
    static constexpr auto name = "mimalloc";
    static constexpr auto file = "libmimalloc.so";
};

} // namespace bench
