// tests/unit/simd/guarded.hpp: bytes between two pages that may not be touched, so that one read too far is a fault.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

class guarded {
public:
    // One page that may be used.
    guarded() : page_{static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))} {
        void* const all = ::mmap(nullptr, 3 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(all != MAP_FAILED);
        begin_ = static_cast<char*>(all) + page_;
        REQUIRE(::mprotect(begin_, page_, PROT_READ | PROT_WRITE) == 0);
    }
    guarded(guarded const&) = delete;
    guarded& operator=(guarded const&) = delete;
    ~guarded() { ::munmap(begin_ - page_, 3 * page_); }

    char* begin() const noexcept { return begin_; }
    char* end() const noexcept { return begin_ + page_; }

private:
    std::size_t page_;
    char* begin_;
};
