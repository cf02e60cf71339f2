// tests/unit/memory/page_region.cpp: whole pages of the kind that it says, had when touched and gone at the end.
#include <weir/base/platform.hpp>
#include <weir/memory/page_region.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <new>
#include <string>
#include <sys/mman.h>
#include <vector>

using weir::page_kind;
using weir::page_region;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

// How many of the pages are in memory.
std::size_t touched_pages(page_region const& region) {
    std::vector<unsigned char> present(region.memory().size() / page_region::page_size());
    REQUIRE(::mincore(region.memory().data(), region.memory().size(), present.data()) == 0);
    return static_cast<std::size_t>(std::count_if(present.begin(), present.end(), [](unsigned char p) { return p & 1; }));
}

// What the kernel says of the mapping that starts there, by the flags of smaps.
std::string flags_of(page_region const& region) {
    std::ifstream maps{"/proc/self/smaps"};
    bool ours = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long start = 0;
        unsigned long end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx", &start, &end) == 2)
            ours = start == reinterpret_cast<std::uintptr_t>(region.memory().data());
        if (ours && line.starts_with("VmFlags:")) return line + ' ';
    }
    return {};
}

std::string administrator_says() {
    std::string words;
    std::ifstream file{"/sys/kernel/mm/transparent_hugepage/enabled"};
    std::getline(file, words);
    return words;
}

bool writable_throughout(page_region const& region) {
    std::ranges::fill(region.memory(), std::byte{0x5a});
    return std::ranges::all_of(region.memory(), [](std::byte b) { return b == std::byte{0x5a}; });
}

} // namespace

TEST_CASE("a region starts and ends with a page and is writable throughout", "[page_region]") {
    auto const page = page_region::page_size();
    for (std::size_t const size : {std::size_t{1}, page, page + 1, 3 * mebibyte + 5}) {
        page_region const region{size, page_kind::plain};
        CHECK(region.pages() == page_kind::plain);
        CHECK(reinterpret_cast<std::uintptr_t>(region.memory().data()) % page == 0);
        CHECK(region.memory().size() % page == 0);
        CHECK(region.memory().size() >= size);
        CHECK(region.memory().size() < size + page);
        CHECK(writable_throughout(region));
    }
}

TEST_CASE("no page is had before it is touched", "[page_region]") {
    page_region const region{mebibyte};
    CHECK(region.pages() == page_kind::plain); // one huge page would be too large
    CHECK(touched_pages(region) == 0);
    region.memory()[5 * page_region::page_size()] = std::byte{1};
    CHECK(touched_pages(region) == 1);
}

TEST_CASE("transparent pages start where a huge one may, and the kernel knows what is wanted", "[page_region]") {
    page_region const region{5 * mebibyte, page_kind::transparent};
    if (administrator_says().find("[never]") != std::string::npos || administrator_says().empty()) {
        CHECK(region.pages() == page_kind::plain);
        SKIP("the kernel makes no huge pages here: " << administrator_says());
    }
    CHECK(region.pages() == page_kind::transparent);
    CHECK(reinterpret_cast<std::uintptr_t>(region.memory().data()) % page_region::huge_page == 0);
    CHECK(region.memory().size() == 5 * mebibyte);
    CHECK(flags_of(region).find(" hg ") != std::string::npos);
    CHECK(writable_throughout(region));
}

TEST_CASE("a region maps no more than it says", "[page_region]") {
    auto const mapped_pages = [] {
        std::size_t pages = 0;
        std::ifstream{"/proc/self/statm"} >> pages;
        return pages;
    };
    for (auto const kind : {page_kind::plain, page_kind::transparent, page_kind::huge})
        for (int round = 0; round < 4; ++round) {
            page_region const other{1}; // so that the next one does not start where the last did
            auto const before = mapped_pages();
            page_region const region{3 * mebibyte + 4096, kind};
            auto const after = mapped_pages();
            CHECK(after - before == region.memory().size() / page_region::page_size());
        }
}

TEST_CASE("reserved huge pages are used where the administrator has set some aside, and something else where not",
          "[page_region]") {
    page_region const region{3 * mebibyte};
    if (region.pages() != page_kind::huge) {
        CHECK(region.memory().size() == 3 * mebibyte);
        CHECK(flags_of(region).find(" ht ") == std::string::npos);
        SKIP("no huge pages are set aside here");
    }
    CHECK(region.memory().size() == 4 * mebibyte);
    CHECK(flags_of(region).find(" ht ") != std::string::npos);
    CHECK(writable_throughout(region));
}

TEST_CASE("a region that has ended is not mapped any more", "[page_region]") {
    for (auto const kind : {page_kind::plain, page_kind::transparent, page_kind::huge}) {
        std::byte* start = nullptr;
        std::size_t size = 0;
        {
            page_region const region{3 * mebibyte, kind};
            start = region.memory().data();
            size = region.memory().size();
        }
        unsigned char present = 0;
        for (std::size_t at = 0; at < size; at += mebibyte) {
            CAPTURE(at);
            CHECK(::mincore(start + at, page_region::page_size(), &present) != 0); // ENOMEM: nothing is there
        }
    }
}

#if WEIR_EXCEPTIONS
TEST_CASE("a region that cannot be had throws bad_alloc", "[page_region]") {
    CHECK_THROWS_AS(page_region{SIZE_MAX}, std::bad_alloc);
    CHECK_THROWS_AS(page_region{SIZE_MAX / 2}, std::bad_alloc);
}
#endif
