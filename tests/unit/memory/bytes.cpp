// tests/unit/memory/bytes.cpp: the shared slice: what it shows, what it shares and what it keeps alive.
#include <weir/memory/bytes.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using weir::bytes;

TEST_CASE("bytes show what they were made of", "[bytes]") {
    std::string text = "to be or not to be";
    auto const copy = bytes::copy_of(text);
    text[0] = 'X';
    CHECK(copy == "to be or not to be");
    CHECK(copy.size() == 18);
    CHECK(copy[3] == std::byte{'b'});
    std::string_view const as_text = copy;
    std::span<std::byte const> const as_bytes = copy;
    CHECK(as_text == "to be or not to be");
    CHECK(as_bytes.size() == 18);
    CHECK(static_cast<void const*>(as_bytes.data()) == as_text.data());
    CHECK(bytes::copy_of(as_bytes) == copy);
    CHECK(copy.end() - copy.begin() == 18);
}

TEST_CASE("bytes compare by content", "[bytes]") {
    auto const a = bytes::literal("abc");
    CHECK(a == bytes::copy_of("abc"));
    CHECK(a != bytes::literal("abd"));
    CHECK(a < bytes::literal("abd"));
    CHECK(bytes::literal("ab") < a);
    CHECK(bytes::literal("\xff") > a); // as unsigned
    CHECK(a == std::string("abc"));
    CHECK(bytes{} == "");
    CHECK(bytes{} < a);
}

TEST_CASE("a literal may hold zeros and lies where it was written", "[bytes]") {
    auto const zeros = bytes::literal("a\0b");
    CHECK(zeros.size() == 3);
    CHECK(zeros == std::string_view("a\0b", 3));
    static constexpr char text[] = "in place";
    auto const in_place = bytes::literal(text);
    CHECK(in_place.view().data() == text);
    CHECK(in_place.slice(3).view().data() == text + 3);
}

TEST_CASE("copies and slices show the same memory", "[bytes]") {
    auto const all = bytes::copy_of("0123456789");
    auto const copy = all;
    CHECK(copy.data() == all.data());
    auto const middle = all.slice(3, 4);
    CHECK(middle == "3456");
    CHECK(middle.data() == all.data() + 3);
    CHECK(middle.slice(1, 2) == "45");
    CHECK(all.slice(8, 100) == "89"); // no more than there is
    CHECK(all.slice(4) == "456789");
    CHECK(all.slice(10).empty());
}

TEST_CASE("a slice outlives what it was cut from", "[bytes]") {
    bytes slice;
    {
        auto const all = bytes::copy_of(std::string(1000, 'x') + "tail");
        slice = all.slice(1000);
    }
    CHECK(slice == "tail");
    slice = slice.slice(1, 2); // assigned from a part of itself
    CHECK(slice == "ai");
    auto& same = slice;
    slice = same;
    CHECK(slice == "ai");
}

TEST_CASE("split_to and split_off part bytes in two, at their ends as well", "[bytes]") {
    for (std::size_t at = 0; at <= 6; ++at) {
        std::string const text = "abcdef";
        auto rest = bytes::copy_of(text);
        auto const first = rest.split_to(at);
        CHECK(first == text.substr(0, at));
        CHECK(rest == text.substr(at));

        auto front = bytes::copy_of(text);
        auto const back = front.split_off(at);
        CHECK(front == text.substr(0, at));
        CHECK(back == text.substr(at));
    }
}

TEST_CASE("an ordinary block is sixteen bytes and what it holds", "[bytes]") {
    static_assert(sizeof(weir::shared_block) == 16);
    auto* const block = weir::shared_block::make(100);
    CHECK(block->capacity() == 100);
    CHECK(block->data() == reinterpret_cast<std::byte*>(block) + 16);
    CHECK(block->unique());
    block->hold();
    CHECK_FALSE(block->unique());
    block->release_hold();
    CHECK(block->unique());
    block->release_hold();
}

TEST_CASE("prefix and suffix come off", "[bytes]") {
    auto line = bytes::copy_of("  key: value\r\n");
    line.remove_prefix(2);
    line.remove_suffix(2);
    CHECK(line == "key: value");
    line.remove_prefix(10);
    CHECK(line.empty());
    CHECK(line.data() == nullptr); // it let go of the memory
}

TEST_CASE("moved-from bytes are empty", "[bytes]") {
    auto from = bytes::copy_of("abc");
    auto const to = std::move(from);
    CHECK(from.empty());
    CHECK(to == "abc");
}

TEST_CASE("what nobody holds any more is freed by the last thread that lets go", "[bytes]") {
    for (int round = 0; round < 30; ++round) {
        auto shared = std::make_unique<bytes>(bytes::copy_of("read by all of them"));
        std::array<std::size_t, 2> sum{};
        std::latch start{2}; // so that they meet at the count
        std::vector<std::jthread> threads;
        for (std::size_t& mine : sum)
            threads.emplace_back([&mine, &start, held = *shared]() mutable {
                start.arrive_and_wait();
                for (int n = 0; n < 2000; ++n) {
                    bytes const again = held.slice(static_cast<std::size_t>(n) % 8);
                    mine += again.size();
                }
                held = {};
            });
        shared.reset();
        threads.clear();
        for (std::size_t const mine : sum) REQUIRE(mine == 2000 * 19 - 250 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7));
    }
}
