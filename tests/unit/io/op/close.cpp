// tests/unit/io/op/close.cpp: a closed descriptor is gone in every case, and its number may be used again at once.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/stop.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

// Awaits `work` on another source of stops.
template <class A>
task<await_result_t<A>> stoppable(A work, stop_source& source) {
    context const& above = co_await this_task();
    context const narrower = above.with_stop(source.token());
    co_await use_context(narrower);
    co_return co_await std::move(work);
}

} // namespace

TEST_CASE("a closed descriptor is closed when the await returns") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        int const number = ends.near.number();
        auto const closed = co_await io::close(std::move(ends.near));
        CHECK(closed.has_value());
        CHECK(!is_open(number));
        std::array<std::byte, 4> into{};
        auto const got = co_await io::recv(ends.far.ref(), into);
        REQUIRE(got.has_value());
        CHECK(*got == 0);
    });
}

TEST_CASE("a close does not wait for a peer that does not read") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        fill(ends.near);
        auto const late = co_await timeout(io::send(ends.near.ref(), bytes_of("more")), 2ms);
        CHECK(late.error() == errc::timed_out);
        int const number = ends.near.number();
        auto const closed = co_await timeout(io::close(std::move(ends.near)), 5s);
        CHECK(closed.has_value());
        CHECK(!is_open(number));
    });
}

TEST_CASE("a close is carried out although a stop was requested") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        int const number = ends.near.number();
        stop_source source;
        source.request_stop();
        static_cast<void>(co_await stoppable(io::close(std::move(ends.near)), source));
        CHECK(!is_open(number));
    });
}

TEST_CASE("a close is carried out wherever a stop falls") {
    backend_runtime rt{2};
    std::size_t const before = entries_of("fd");
    rt->block_on([]() -> task<> {
        for (int round = 0; round < 500; ++round) {
            auto ends = make_pair_of();
            stop_source source;
            std::thread stops{[&source, round] {
                for (int volatile spin = 0; spin < round * 20;) spin = spin + 1;
                source.request_stop();
            }};
            static_cast<void>(co_await stoppable(io::close(std::move(ends.near)), source));
            stops.join();
        }
    });
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a number that is used again hears nothing of the file that had it before") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        for (int round = 0; round < 50; ++round) {
            auto old = make_tcp_pair();
            std::array<std::byte, 16> into{};
            // The driver knows the number, and news of the old file are under way when it is closed.
            auto const nothing = co_await timeout(io::recv(old.near.ref(), into), 200us);
            CHECK(nothing.error() == errc::timed_out);
            [[maybe_unused]] auto const sent = ::send(old.far.number(), "old", 3, 0);
            int const number = old.near.number();
            if (round % 2) static_cast<void>(co_await io::close(std::move(old.near)));
            else old.near.reset();
            auto fresh = make_pair_of();
            CHECK((fresh.near.number() == number || fresh.far.number() == number));
            io::fd& reader = fresh.near.number() == number ? fresh.near : fresh.far;
            io::fd& writer = fresh.near.number() == number ? fresh.far : fresh.near;
            auto const still = co_await timeout(io::recv(reader.ref(), into), 200us);
            CHECK(still.error() == errc::timed_out);
            auto const take = [](io::fd_ref from) -> task<std::string> {
                std::array<std::byte, 16> bytes{};
                auto const got = co_await timeout(io::recv(from, bytes), 5s);
                co_return text_of(std::span{bytes}.first(got ? *got : 0));
            };
            auto const give = [](io::fd_ref to) -> task<> {
                co_await yield();
                static_cast<void>(co_await io::send(to, bytes_of("new")));
            };
            auto const both = co_await when_all(take(reader.ref()), give(writer.ref()));
            CHECK(std::get<0>(both) == "new");
        }
    });
}

TEST_CASE("a number whose old file lives on in a duplicate hears nothing of it either") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto old = make_tcp_pair();
        std::array<std::byte, 16> into{};
        static_cast<void>(co_await timeout(io::recv(old.near.ref(), into), 200us));
        io::fd const twin{::fcntl(old.near.number(), F_DUPFD_CLOEXEC, 500)};
        int const number = old.near.number();
        old.near.reset();
        auto fresh = make_pair_of();
        io::fd& reader = fresh.near.number() == number ? fresh.near : fresh.far;
        io::fd& writer = fresh.near.number() == number ? fresh.far : fresh.near;
        CHECK(reader.number() == number);
        [[maybe_unused]] auto const sent = ::send(old.far.number(), "old", 3, 0);
        auto const still = co_await timeout(io::recv(reader.ref(), into), 1ms);
        CHECK(still.error() == errc::timed_out);
        static_cast<void>(co_await io::send(writer.ref(), bytes_of("new")));
        auto const got = co_await io::recv(reader.ref(), into);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "new");
        // The twin is a descriptor of its own.
        auto const other = co_await io::recv(twin.ref(), into);
        REQUIRE(other.has_value());
        CHECK(text_of(std::span{into}.first(*other)) == "old");
    });
}

TEST_CASE("a descriptor that is given away and taken over again can be waited for") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        std::array<std::byte, 16> into{};
        static_cast<void>(co_await timeout(io::recv(ends.near.ref(), into), 200us));
        io::fd const again{ends.near.release()};
        static_cast<void>(co_await timeout(io::recv(again.ref(), into), 200us));
        static_cast<void>(co_await io::send(ends.far.ref(), bytes_of("here")));
        auto const got = co_await timeout(io::recv(again.ref(), into), 5s);
        REQUIRE(got.has_value());
        CHECK(*got == 4);
    });
}
