// tests/unit/base/slot.cpp: a slot's value lives exactly from construct to destroy or take.
#include "counted.hpp"

#include <weir/base/slot.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

using namespace weir;

namespace {

struct alignas(256) wide {
    int value;
};
struct no_default {
    explicit no_default(int) {}
};
// Its own operators must not be asked: the slot is the storage.
struct own_new {
    static void* operator new(std::size_t) { throw std::bad_alloc(); }
    static void* operator new(std::size_t, void*) { throw std::bad_alloc(); }
    own_new* operator&() { return nullptr; }
    int value = 6;
};
struct throwing_move {
    throwing_move() noexcept = default;
    throwing_move(throwing_move&&) noexcept(false) {}
};

static_assert(sizeof(slot<int>) == sizeof(int));
static_assert(alignof(slot<wide>) == 256 && sizeof(slot<wide>) == sizeof(wide));
static_assert(!std::is_copy_constructible_v<slot<int>> && !std::is_move_constructible_v<slot<int>>);
static_assert(noexcept(std::declval<slot<int>&>().take()));
static_assert(!noexcept(std::declval<slot<throwing_move>&>().take()));
static_assert(noexcept(std::declval<slot<int>&>().construct(1)));
static_assert(!noexcept(std::declval<slot<no_default>&>().construct(1)));

} // namespace

TEST_CASE("an empty slot makes and destroys nothing") {
    counted::living = 0;
    { slot<counted> const empty; }
    CHECK(counted::living == 0);
}

TEST_CASE("a slot that still holds a value at its end leaves that value to its owner") {
    counted::living = 0;
    alignas(slot<counted>) unsigned char room[sizeof(slot<counted>)];
    auto* const held = ::new (static_cast<void*>(room)) slot<counted>;
    held->construct(1);
    held->~slot();
    CHECK(counted::living == 1);
}

TEST_CASE("construct begins a life and destroy ends it, again and again") {
    counted::living = 0;
    slot<counted> holds;
    for (int n = 0; n < 3; ++n) {
        CHECK(holds.construct(n).number() == n);
        CHECK(holds.value().number() == n);
        CHECK(counted::living == 1);
        holds.destroy();
        CHECK(counted::living == 0);
    }
}

TEST_CASE("take moves the value out and ends its life") {
    counted::living = 0;
    slot<counted> holds;
    holds.construct(5);
    {
        auto const taken = holds.take();
        CHECK(taken.number() == 5);
        CHECK(counted::living == 1);
    }
    CHECK(counted::living == 0);
}

TEST_CASE("a move that throws out of take still ends the value's life") {
    counted::living = 0;
    slot<counted> holds;
    holds.construct(5);
    counted::moves_until_throw = 0;
    CHECK_THROWS_AS(holds.take(), std::runtime_error);
    counted::moves_until_throw = -1;
    CHECK(counted::living == 0);
}

TEST_CASE("a constructor that throws leaves nothing behind") {
    counted::living = 0;
    counted const original{3};
    slot<counted> holds;
    counted::moves_until_throw = 0;
    CHECK_THROWS_AS(holds.construct(original), std::runtime_error);
    counted::moves_until_throw = -1;
    CHECK(counted::living == 1);
    CHECK(holds.construct(original).number() == 3);
    holds.destroy();
}

TEST_CASE("values that only move pass through") {
    slot<std::unique_ptr<int>> holds;
    holds.construct(std::make_unique<int>(8));
    CHECK(*holds.take() == 8);
}

TEST_CASE("a slot puts an over-aligned value where it must lie") {
    auto const holds = std::make_unique<slot<wide>>();
    CHECK(reinterpret_cast<std::uintptr_t>(&holds->construct(wide{1})) % 256 == 0);
    CHECK(holds->take().value == 1);
}

TEST_CASE("a type's own new and address-of are not asked") {
    slot<own_new> holds;
    CHECK(holds.construct().value == 6);
    holds.destroy();
}
