// tests/unit/io/op/read.cpp: reading from an eventfd and from a pipe.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/read.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <cstdint>
#include <sys/eventfd.h>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("an eventfd is read when it was written, and not before") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        io::fd const file{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        std::uint64_t count = 0;
        auto const early = co_await timeout(io::read(file.ref(), std::as_writable_bytes(std::span{&count, 1})), 2ms);
        CHECK(early.error() == errc::timed_out);
        for (std::uint64_t round = 1; round <= 20; ++round) {
            auto const take = [](io::fd_ref from) -> task<std::uint64_t> {
                std::uint64_t value = 0;
                auto const got = co_await io::read(from, std::as_writable_bytes(std::span{&value, 1}));
                co_return got && *got == sizeof value ? value : 0;
            };
            auto const give = [](io::fd_ref to, std::uint64_t value, bool late) -> task<> {
                if (late) static_cast<void>(co_await sleep_for(200us));
                ::eventfd_write(to.number(), value);
            };
            auto const both = co_await when_all(take(file.ref()), give(file.ref(), round, round % 2 == 0));
            CHECK(std::get<0>(both) == round);
        }
    });
}

TEST_CASE("a pipe is read to its end") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        io::fd const out{ends[0]};
        io::fd in{ends[1]};
        REQUIRE(::write(in.number(), "pipe", 4) == 4);
        in.reset();
        std::array<std::byte, 16> into{};
        auto const got = co_await io::read(out.ref(), into);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "pipe");
        auto const end = co_await io::read(out.ref(), into);
        REQUIRE(end.has_value());
        CHECK(*end == 0);
    });
}
