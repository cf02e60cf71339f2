// tests/unit/cpu/prefetch.cpp: a prefetch changes nothing and may be given any address.
#include <weir/cpu/prefetch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace weir;

TEST_CASE("a prefetch of any address, mapped or not, does no harm") {
    int here = 5;
    for (void const* const at :
         {static_cast<void const*>(&here), static_cast<void const*>(nullptr),
          reinterpret_cast<void const*>(std::uintptr_t{1}), reinterpret_cast<void const*>(~std::uintptr_t{0})}) {
        prefetch_read(at);
        prefetch_read<locality::none>(at);
        prefetch_write<locality::moderate>(at);
        prefetch_write<locality::low>(at);
    }
    CHECK(here == 5);
}

TEST_CASE("a range may be empty, odd, or end at the end of the address space") {
    std::vector<std::byte> bytes(1'000, std::byte{7});
    prefetch_range(bytes.data(), bytes.size());
    prefetch_range<locality::low>(bytes.data() + 3, 130);
    prefetch_range(nullptr, 0);
    prefetch_range(bytes.data() + bytes.size(), 0);
    prefetch_range(reinterpret_cast<void const*>(~std::uintptr_t{0} - 99), 100); // must end, though the addresses do
    CHECK(bytes == std::vector<std::byte>(1'000, std::byte{7}));
}

TEST_CASE("a loop with prefetches uses each element once and in order, and asks for each just once and before") {
    for (std::size_t const size : {0u, 1u, 3u, 4u, 5u, 11u, 100u}) {
        std::vector<int> const table(101, 1);
        std::vector<std::size_t> indices;
        for (std::size_t n = 0; n < size; ++n) indices.push_back((n * 37) % 101);
        std::vector<std::size_t> asked;
        std::vector<std::size_t> used;
        bool asked_in_time = true;
        for_each_prefetched<4>(
            indices,
            [&](std::size_t index) {
                asked.push_back(index);
                return &table[index];
            },
            [&](std::size_t index) {
                used.push_back(index);
                asked_in_time = asked_in_time && asked.size() >= std::min(used.size() + 3, size);
            });
        CHECK(used == indices);
        CHECK(asked == indices);
        CHECK(asked_in_time);
    }
}
