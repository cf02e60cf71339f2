// tests/unit/cpu/prefetch.cpp: a prefetch changes nothing and may be given any address.
#include <weir/cpu/prefetch.hpp>

#include <catch2/catch_test_macros.hpp>

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
