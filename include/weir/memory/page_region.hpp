// weir/memory/page_region.hpp: a run of pages, mapped once, on huge ones where the system has them.
// A page costs memory from its first touch on; the reserved huge ones are set aside at once.
// Not:      growing, and not for small things: it is rounded up to whole pages.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/memory/poison.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#if WEIR_LINUX
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

// From the least to the best; every touch of another page may cost a miss in the processor's table of pages.
enum class page_kind : unsigned char {
    plain,       // of the system's usual size
    transparent, // usual ones, which the kernel was told to make huge where it finds room for it
    huge,        // from those that the administrator has set aside; where a cgroup or a cpuset keeps the process from
                 // some of them, a touch may end it (SIGBUS), and transparent ones are the better choice
};

class page_region : immovable {
public:
    static constexpr std::size_t huge_page = std::size_t{2} * 1024 * 1024;

    // `size` bytes, not initialised, rounded up to whole pages of the kind that is had: `best`, or a lesser one.
    // Huge ones are not asked for when one alone would be too large.
    // Needs: size >= 1.  Errors: std::bad_alloc; the end of the program without exceptions.
    // Cost:  two to eight system calls, and nothing is touched; off Linux one allocation, whose pages are plain.
    explicit page_region(std::size_t size, page_kind best = page_kind::huge);
    ~page_region();

    // Starts and ends with a page.
    std::span<std::byte> memory() const noexcept { return {start_, size_}; }
    // What it lies on; of transparent pages nobody promises how many are huge.
    page_kind pages() const noexcept { return pages_; }
    // Bytes of a usual page.
    static std::size_t page_size() noexcept;

private:
    static std::size_t rounded(std::size_t size, std::size_t to) noexcept { return (size + to - 1) / to * to; }
    bool map(std::size_t size, page_kind kind) noexcept;
#if WEIR_LINUX
    static std::byte* map_pages(std::size_t size, int more_flags) noexcept;
    static std::byte* map_on_huge_bounds(std::size_t size) noexcept;
    static bool kernel_makes_huge_pages() noexcept;
#endif

    std::byte* start_ = nullptr;
    std::size_t size_ = 0;
    page_kind pages_ = page_kind::plain;
};

inline page_region::page_region(std::size_t size, page_kind best) {
    WEIR_ASSERT(size >= 1, "a region has at least one byte");
    if (size <= SIZE_MAX / 2) { // room to round up
        if (size < huge_page) best = page_kind::plain;
        if (best == page_kind::huge && map(rounded(size, huge_page), page_kind::huge)) return;
        if (best != page_kind::plain && map(rounded(size, page_size()), page_kind::transparent)) return;
        if (map(rounded(size, page_size()), page_kind::plain)) return;
    }
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a region of pages");
#endif
}

#if WEIR_LINUX

inline page_region::~page_region() {
    unpoison(start_, size_);
    ::munmap(start_, size_);
}

inline std::size_t page_region::page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

inline bool page_region::map(std::size_t size, page_kind kind) noexcept {
    constexpr int of_huge_page_size = 21 << MAP_HUGE_SHIFT; // 2^21: the machine's own default may be another
    switch (kind) {
        case page_kind::huge: start_ = map_pages(size, MAP_HUGETLB | of_huge_page_size); break;
        case page_kind::transparent: start_ = kernel_makes_huge_pages() ? map_on_huge_bounds(size) : nullptr; break;
        case page_kind::plain: start_ = map_pages(size, 0); break;
    }
    size_ = size;
    pages_ = kind;
    return start_ != nullptr;
}

inline std::byte* page_region::map_pages(std::size_t size, int more_flags) noexcept {
    void* const mapped =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

// The kernel makes huge only what fills a huge page's place, so a region starts at one: mapped too large and trimmed.
inline std::byte* page_region::map_on_huge_bounds(std::size_t size) noexcept {
    std::byte* const mapped = map_pages(size + huge_page, 0);
    if (!mapped) return nullptr;
    auto const address = reinterpret_cast<std::uintptr_t>(mapped);
    auto const before = rounded(address, huge_page) - address;
    std::byte* const start = mapped + before;
    if (before > 0) ::munmap(mapped, before);
    ::munmap(start + size, huge_page - before); // never empty: before < huge_page
    if (::madvise(start, size, MADV_HUGEPAGE) == 0) return start;
    ::munmap(start, size);
    return nullptr;
}

// madvise succeeds, too, where the administrator has switched them off.
inline bool page_region::kernel_makes_huge_pages() noexcept {
    int const file = ::open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (file < 0) return true; // not to be seen from here; then madvise tells what it knows
    char words[64] = {}; // such as "always [madvise] never"
    auto const size = ::read(file, words, sizeof words - 1);
    ::close(file);
    return size <= 0 || !std::strstr(words, "[never]");
}

#else

inline page_region::~page_region() {
    unpoison(start_, size_);
    ::operator delete(start_, std::align_val_t{page_size()});
}

inline std::size_t page_region::page_size() noexcept { return 4096; }

inline bool page_region::map(std::size_t size, page_kind kind) noexcept {
    if (kind != page_kind::plain) return false;
    start_ = static_cast<std::byte*>(::operator new(size, std::align_val_t{page_size()}, std::nothrow));
    size_ = size;
    return start_ != nullptr;
}

#endif

} // namespace weir
