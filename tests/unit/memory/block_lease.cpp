// tests/unit/memory/block_lease.cpp: a block has one user, then lives on in bytes without a copy until nobody sees it.
#include <weir/memory/buffer_pool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using weir::block_lease;
using weir::buffer;
using weir::buffer_pool;
using weir::bytes;

namespace {

struct small_pool : buffer_pool {
    explicit small_pool(std::size_t blocks = 2) : buffer_pool{options(blocks)} {}
    static weir::buffer_pool_options options(std::size_t blocks) {
        weir::buffer_pool_options wanted;
        wanted.block_size = 256;
        wanted.blocks = blocks;
        return wanted;
    }
};

void write(block_lease const& into, std::string_view text) {
    std::memcpy(into.room().data(), text.data(), text.size());
}

} // namespace

TEST_CASE("a lease is of one block, moves, and gives it back at its end", "[block_lease]") {
    small_pool pool;
    block_lease none;
    CHECK_FALSE(none);
    {
        block_lease first = pool.try_lease();
        REQUIRE(first);
        CHECK(first.room().size() == 256);
        CHECK(first.room().data() == pool.block(first.id()));
        block_lease moved{std::move(first)};
        CHECK_FALSE(first);
        CHECK(moved);
        CHECK(pool.available() == 1);
        block_lease second = pool.try_lease();
        auto const kept = second.id();
        CHECK(kept != moved.id());
        moved = std::move(second); // gives its own back
        CHECK(pool.available() == 1);
        CHECK(moved.id() == kept);
        auto& same = moved;
        moved = std::move(same);
        CHECK(moved);
        CHECK(pool.available() == 1);
    }
    CHECK(pool.available() == 2);
}

TEST_CASE("frozen bytes are the block itself and keep it out until their last slice is gone", "[block_lease]") {
    small_pool pool;
    block_lease lease = pool.try_lease();
    auto const* const memory = lease.room().data();
    write(lease, "hello world");
    bytes all = std::move(lease).freeze(11);
    CHECK_FALSE(lease);
    CHECK(all == "hello world");
    CHECK(all.data() == memory);
    bytes world = all.slice(6);
    bytes const copy = world.slice(0, 3);
    all = {};
    CHECK(pool.available() == 1);
    CHECK(world == "world");
    world = {};
    CHECK(copy == "wor");
    CHECK(pool.available() == 1);
    const_cast<bytes&>(copy) = {};
    CHECK(pool.available() == 2);
    CHECK(pool.try_lease().room().data() == memory);
}

TEST_CASE("a block that is frozen empty goes back at once", "[block_lease]") {
    small_pool pool;
    bytes const nothing = pool.try_lease().freeze(0);
    CHECK(nothing.empty());
    CHECK(pool.available() == 2);
}

TEST_CASE("a buffer fills its block, and what it splits and freezes is the block", "[block_lease]") {
    small_pool pool;
    block_lease lease = pool.try_lease();
    auto const* const memory = lease.room().data();
    write(lease, "GET ");
    buffer in = std::move(lease).into_buffer(4);
    CHECK_FALSE(lease);
    CHECK(in.view() == "GET ");
    CHECK(in.capacity() == 256);
    in.append("/ HTTP/1.1");
    CHECK(in.readable().data() == memory);
    bytes const method = in.split(4);
    CHECK(method.data() == memory);
    buffer moved{std::move(in)};
    CHECK(moved.view() == "/ HTTP/1.1");
    CHECK(moved.prepare(1).size() == 256 - 14);
    bytes rest = moved.freeze();
    CHECK(rest == "/ HTTP/1.1");
    CHECK(rest.data() == memory + 4);
    CHECK(pool.available() == 1);
    rest = {};
    CHECK(pool.available() == 1);
    CHECK(method == "GET ");
}

TEST_CASE("a buffer that outgrows its block leaves it for ordinary memory", "[block_lease]") {
    small_pool pool;
    buffer in;
    in = pool.try_lease().into_buffer();
    CHECK(in.prepare(1).size() == 256);
    in.append(std::string(200, 'a'));
    CHECK(pool.available() == 1);
    in.append(std::string(200, 'b'));
    CHECK(pool.available() == 2); // its block is free again
    CHECK(in.view() == std::string(200, 'a') + std::string(200, 'b'));
    auto const memory = pool.memory();
    auto const* const moved_to = in.readable().data();
    CHECK((moved_to < memory.data() || moved_to >= memory.data() + memory.size()));

    buffer split = pool.try_lease().into_buffer();
    split.append(std::string(200, 'a'));
    {
        bytes const slice = split.split(100);
        split.append(std::string(200, 'b'));
        CHECK(pool.available() == 1); // the slice still has it
        CHECK(slice == std::string(100, 'a'));
    }
    CHECK(pool.available() == 2);
}

TEST_CASE("a buffer uses its block from the start again when its slices are gone", "[block_lease]") {
    small_pool pool;
    buffer in = pool.try_lease().into_buffer();
    auto const* const memory = in.prepare(1).data();
    for (int round = 0; round < 20; ++round) {
        in.append(std::string(250, 'a'));
        bytes const slice = in.split(250);
        CHECK(slice.data() == memory);
    }
    CHECK(in.capacity() == 256);
    CHECK(pool.available() == 1);
}

TEST_CASE("a lease, and bytes of it, go back from another thread", "[block_lease]") {
    small_pool pool;
    block_lease lease = pool.try_lease();
    block_lease other = pool.try_lease();
    write(other, "abc");
    CHECK_FALSE(pool.try_lease());
    bool seen = false;
    std::thread{[&seen, gone = std::move(lease), read = std::move(other).freeze(3)] { seen = read == "abc"; }}.join();
    CHECK(seen);
    CHECK(pool.available() == 2);
}
