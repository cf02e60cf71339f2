// tests/unit/io/op/read_at.cpp: files are read and written at places, and carried to the disk.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/stop.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/io/op/fsync.hpp>
#include <weir/io/op/read_at.hpp>
#include <weir/io/op/write_at.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <csignal>
#include <sys/mman.h>
#include <sys/resource.h>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

io::fd file_of(std::string_view text) {
    io::fd made{::memfd_create("test", MFD_CLOEXEC)};
    REQUIRE(::write(made.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return made;
}

} // namespace

TEST_CASE("a file is read from any place, short at its end, and is over behind it") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const file = file_of("0123456789");
        std::array<std::byte, 4> into{};
        auto const middle = co_await io::read_at(file.ref(), into, 3);
        REQUIRE(middle.has_value());
        CHECK(text_of(std::span{into}.first(*middle)) == "3456");
        auto const end = co_await io::read_at(file.ref(), into, 8);
        REQUIRE(end.has_value());
        CHECK(text_of(std::span{into}.first(*end)) == "89");
        for (std::uint64_t const behind : {10u, 11u, 1u << 30}) {
            auto const nothing = co_await io::read_at(file.ref(), into, behind);
            REQUIRE(nothing.has_value());
            CHECK(*nothing == 0);
        }
        auto const empty = co_await io::read_at(file.ref(), {}, 3);
        REQUIRE(empty.has_value());
        CHECK(*empty == 0);
        // The file's own position, which stands at its end, has no part in it.
        CHECK(::lseek(file.number(), 0, SEEK_CUR) == 10);
    });
}

TEST_CASE("places beyond four gigabytes are places") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const file = file_of("");
        std::uint64_t const far = (std::uint64_t{5} << 30) + 7;
        auto const written = co_await io::write_at(file.ref(), bytes_of("far"), far);
        REQUIRE(written.has_value());
        std::array<std::byte, 8> into{};
        auto const got = co_await io::read_at(file.ref(), into, far);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "far");
        auto const hole = co_await io::read_at(file.ref(), into, far - 8);
        REQUIRE(hole.has_value());
        CHECK(text_of(into) == std::string(8, '\0'));
    });
}

TEST_CASE("writes at places in any order make one file, which is then carried to the disk") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const file = file_of("");
        auto const write = [](io::fd_ref to, std::string_view text, std::uint64_t at) -> task<std::size_t> {
            auto const taken = co_await io::write_at(to, bytes_of(text), at);
            co_return taken ? *taken : 0;
        };
        auto const all =
            co_await when_all(write(file.ref(), "cc", 4), write(file.ref(), "aa", 0), write(file.ref(), "bb", 2));
        CHECK(std::get<0>(all) + std::get<1>(all) + std::get<2>(all) == 6);
        auto const data = co_await io::fdatasync(file.ref());
        CHECK(data.has_value());
        auto const synced = co_await io::fsync(file.ref());
        CHECK(synced.has_value());
        std::array<std::byte, 8> into{};
        auto const got = co_await io::read_at(file.ref(), into, 0);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "aabbcc");
    });
}

TEST_CASE("what has no places, is not open, or is not open for this, is an error") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        std::array<std::byte, 4> into{};
        auto const ends = make_pair_of();
        auto const socket = co_await io::read_at(ends.near.ref(), into, 2);
        CHECK(socket.error() == std::errc::invalid_seek);
        auto const written = co_await io::write_at(ends.near.ref(), bytes_of("x"), 2);
        CHECK(written.error() == std::errc::invalid_seek);
        auto const nothing = co_await io::read_at(io::fd_ref{}, into, 0);
        CHECK(nothing.error() == std::errc::bad_file_descriptor);
        auto const unwritten = co_await io::write_at(io::fd_ref{}, bytes_of("x"), 0);
        CHECK(unwritten.error() == std::errc::bad_file_descriptor);
        auto const unsynced = co_await io::fsync(io::fd_ref{});
        CHECK(unsynced.error() == std::errc::bad_file_descriptor);
        auto const pipe_sync = co_await io::fdatasync(ends.near.ref());
        CHECK(pipe_sync.error() == std::errc::invalid_argument);
        io::fd const unwritable{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
        auto const refused = co_await io::write_at(unwritable.ref(), bytes_of("x"), 0);
        CHECK(refused.error() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a file that may grow no further takes a part, and then says so") {
    backend_runtime rt;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto const old_action = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 8;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    io::fd const file{::memfd_create("test", MFD_CLOEXEC)};
    std::array<result<std::size_t>, 2> taken{errc::closed, errc::closed};
    rt->block_on(
        [](io::fd_ref to, std::array<result<std::size_t>, 2>& told) -> task<> {
            told[0] = co_await io::write_at(to, bytes_of("01234"), 5);
            told[1] = co_await io::write_at(to, bytes_of("01234"), 8);
        },
        file.ref(), std::ref(taken));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_action);
    REQUIRE(taken[0].has_value());
    CHECK(*taken[0] == 3);
    CHECK(taken[1].error() == std::errc::file_too_large);
}

TEST_CASE("a stop before a write keeps the file as it was") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const file = file_of("0123");
        context const& above = co_await this_task();
        stop_source source;
        source.request_stop(errc::timed_out);
        context const stopped = above.with_stop(source.token());
        co_await use_context(stopped);
        auto const written = co_await io::write_at(file.ref(), bytes_of("xx"), 0);
        auto const synced = co_await io::fsync(file.ref());
        co_await use_context(above);
        CHECK(written.error() == errc::timed_out);
        CHECK(synced.error() == errc::timed_out);
        char first = 0;
        CHECK(::pread(file.number(), &first, 1, 0) == 1);
        CHECK(first == '0');
    });
}
