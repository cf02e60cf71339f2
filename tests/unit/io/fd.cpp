// tests/unit/io/fd.cpp: a descriptor is closed once, by its last owner, and told apart from its number's next file.
#include <weir/io/fd.hpp>

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <type_traits>
#include <unistd.h>
#include <utility>

using namespace weir;

namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

static_assert(!std::is_copy_constructible_v<io::fd> && std::is_nothrow_move_constructible_v<io::fd>);

} // namespace

TEST_CASE("the end of a descriptor's life closes it") {
    int const number = open_null();
    {
        io::fd const file{number};
        CHECK(file);
        CHECK(file.number() == number);
    }
    CHECK(!is_open(number));
}

TEST_CASE("a moved descriptor has one owner, and an assigned one closes what it held") {
    io::fd first{open_null()};
    io::fd second{open_null()};
    int const one = first.number();
    int const two = second.number();
    auto const serial = first.ref().serial();
    second = std::move(first);
    CHECK(!first);
    CHECK(second.number() == one);
    CHECK(second.ref().serial() == serial);
    CHECK(!is_open(two));
    CHECK(is_open(one));
}

TEST_CASE("a released descriptor stays open") {
    io::fd file{open_null()};
    int const number = file.release();
    CHECK(!file);
    CHECK(is_open(number));
    ::close(number);
}

TEST_CASE("a negative number is nothing, and nothing is closed twice") {
    io::fd none{-1};
    CHECK(!none);
    none.reset();
    io::fd file{open_null()};
    file.reset();
    int const next = open_null(); // gets the number
    file.reset();
    CHECK(is_open(next));
    ::close(next);
}

TEST_CASE("a number's next file has another serial") {
    io::fd file{open_null()};
    int const number = file.number();
    auto const serial = file.ref().serial();
    file.reset();
    io::fd const next{open_null()};
    CHECK(next.number() == number);
    CHECK(next.ref().serial() != serial);
}
