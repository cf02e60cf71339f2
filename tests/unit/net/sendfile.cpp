// tests/unit/net/sendfile.cpp: stretches of a file arrive whole, of any file, and a file that ends early is an error.
#include "support/backends.hpp"
#include "support/forked.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/net/sendfile.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::byte pattern(std::uint64_t at) { return static_cast<std::byte>((at * 31 + (at >> 8)) & 0xff); }

void write_pattern(io::fd const& to, std::size_t size) {
    std::vector<std::byte> all(size);
    for (std::size_t i = 0; i < size; ++i) all[i] = pattern(i);
    REQUIRE(::pwrite(to.number(), all.data(), size, 0) == static_cast<ssize_t>(size));
}
io::fd file_in_memory(std::size_t size) {
    io::fd made{::memfd_create("test", MFD_CLOEXEC)};
    write_pattern(made, size);
    return made;
}
// On the disk, and nowhere else where the system lets go of what it has read.
io::fd file_on_disk(std::size_t size) {
    std::string name = (std::filesystem::temp_directory_path() / "weir-XXXXXX").string();
    io::fd made{::mkstemp(name.data())};
    ::unlink(name.c_str());
    write_pattern(made, size);
    REQUIRE(::fsync(made.number()) == 0);
    ::posix_fadvise(made.number(), 0, 0, POSIX_FADV_DONTNEED);
    return made;
}

// Receives until `count` bytes, or the end; how many were those of the pattern from `at` on.
task<std::uint64_t> receive_pattern(io::fd_ref from, std::uint64_t at, std::uint64_t count) {
    std::vector<std::byte> into(200'000);
    std::uint64_t right = 0;
    while (right < count) {
        auto const most = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), count - right));
        auto const got = co_await timeout(io::recv(from, std::span{into}.first(most)), 10s);
        if (!got || *got == 0) co_return right;
        for (std::size_t i = 0; i < *got; ++i)
            if (into[i] != pattern(at + right++)) co_return std::uint64_t{0};
    }
    co_return right;
}

task<result<void>> send(io::fd_ref to, io::fd_ref file, net::file_range range) {
    auto const sent = co_await net::sendfile(to, file, range);
    co_return sent;
}

struct passage {
    bool sent;
    std::uint64_t received;
};
// Sends a stretch over a socket and receives it.
task<passage> pass(io::fd_ref file, net::file_range range, int buffers) {
    auto const ends = make_tcp_pair(buffers);
    auto const both = co_await when_all(send(ends.near.ref(), file, range),
                                        receive_pattern(ends.far.ref(), range.at, range.left));
    CHECK((::fcntl(ends.near.number(), F_GETFL) & O_NONBLOCK) == 0);
    co_return passage{std::get<0>(both).has_value(), std::get<1>(both)};
}

} // namespace

TEST_CASE("any stretch of a file arrives, through sockets of any size") {
    backend_runtime rt;
    int const buffers = GENERATE(0, 4096);
    rt->block_on(
        [](int room) -> task<> {
            std::size_t const size = room ? 200'000 : 3'000'000;
            auto const file = file_in_memory(size);
            std::array<net::file_range, 6> const ranges{
                net::file_range{0, size},        net::file_range{0, 1},        net::file_range{size - 1, 1},
                net::file_range{4095, 100'001}, net::file_range{70'000, 0}, net::file_range{size, 0}};
            for (auto const& range : ranges) {
                auto const seen = co_await pass(file.ref(), range, room);
                CHECK(seen.sent);
                CHECK(seen.received == range.left);
            }
        },
        buffers);
}

TEST_CASE("a file that the page cache does not hold arrives as well") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        std::size_t const size = 2'000'000;
        auto const file = file_on_disk(size);
        auto const seen = co_await pass(file.ref(), net::file_range{5, size - 5}, 0);
        CHECK(seen.sent);
        CHECK(seen.received == size - 5);
    });
}

TEST_CASE("a file that is shorter than was asked for, or is cut meanwhile, is an error after what it had") {
    backend_runtime rt;
    bool const meanwhile = GENERATE(false, true);
    rt->block_on(
        [](bool cut) -> task<> {
            std::uint64_t const size = 1'000'000;
            auto const file = file_in_memory(size);
            auto const ends = make_tcp_pair(4096);
            auto const cut_it = [](io::fd const& of, bool now) -> task<> {
                if (!now) co_return;
                static_cast<void>(co_await sleep_for(1ms));
                REQUIRE(::ftruncate(of.number(), 500'000) == 0);
            };
            auto const take = [](io::fd const& near, io::fd_ref far, io::fd const& of,
                                 std::uint64_t asked) -> task<std::uint64_t> {
                auto const give = [](io::fd const& to, io::fd_ref from, std::uint64_t length) -> task<std::error_code> {
                    auto const sent = co_await net::sendfile(to.ref(), from, net::file_range{0, length});
                    ::shutdown(to.number(), SHUT_WR);
                    co_return sent.error();
                };
                static_cast<void>(co_await sleep_for(0ms));
                auto const both = co_await when_all(give(near, of.ref(), asked), receive_pattern(far, 0, asked));
                CHECK(std::get<0>(both) == errc::end_of_stream);
                co_return std::get<1>(both);
            };
            auto const all = co_await when_all(take(ends.near, ends.far.ref(), file, size + 1), cut_it(file, cut));
            if (cut) CHECK(std::get<0>(all) <= size);
            else CHECK(std::get<0>(all) == size);
        },
        meanwhile);
}

TEST_CASE("a peer that has gone, and one that goes meanwhile, is an error and no signal") {
    backend_runtime rt;
    bool const meanwhile = GENERATE(false, true);
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    rt->block_on(
        [](bool later) -> task<> {
            auto const file = file_in_memory(1'000'000);
            auto ends = make_tcp_pair(4096);
            auto const leave = [](io::fd& far, bool wait) -> task<> {
                if (wait) static_cast<void>(co_await sleep_for(2ms));
                reset_connection(std::move(far));
            };
            if (!later) co_await leave(ends.far, false);
            auto const both = co_await when_all(send(ends.near.ref(), file.ref(), net::file_range{0, 1'000'000}),
                                                leave(ends.far, later));
            auto const why = std::get<0>(both).error();
            CHECK((why == std::errc::connection_reset || why == std::errc::broken_pipe));
            auto const again = co_await net::sendfile(ends.near.ref(), file.ref(), net::file_range{0, 10});
            CHECK(again.error() == std::errc::broken_pipe);
        },
        meanwhile);
    CHECK(raised == 0);
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    CHECK(::sigismember(&mask, SIGPIPE) == 0);
    std::signal(SIGPIPE, before);
}

TEST_CASE("a stop ends a transfer that waits, and one that never does") {
    backend_runtime rt;
    bool const waits = GENERATE(false, true);
    rt->block_on(
        [](bool stuck) -> task<> {
            auto const file = file_in_memory(4096);
            // A file with a hole takes no room, and sends for as long as one likes.
            REQUIRE(::ftruncate(file.number(), off_t{1} << 40) == 0);
            auto const ends = make_tcp_pair();
            auto const give = [](io::fd const& to, io::fd_ref from) -> task<std::error_code> {
                auto const sent = co_await timeout(net::sendfile(to.ref(), from, net::file_range{0, 1u << 30}), 10ms);
                ::shutdown(to.number(), SHUT_WR);
                co_return sent.error();
            };
            auto const take = [](io::fd_ref from, bool reads) -> task<> {
                std::vector<std::byte> into(1 << 20);
                while (reads) {
                    auto const got = co_await io::recv(from, into);
                    if (!got || *got == 0) co_return;
                }
            };
            auto const both = co_await when_all(give(ends.near, file.ref()), take(ends.far.ref(), !stuck));
            CHECK(std::get<0>(both) == errc::timed_out);
        },
        waits);
}

TEST_CASE("wrong descriptors are errors") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const file = file_in_memory(100);
        auto const ends = make_tcp_pair();
        auto const no_socket = co_await net::sendfile(io::fd_ref{}, file.ref(), net::file_range{0, 10});
        CHECK(no_socket.error() == std::errc::bad_file_descriptor);
        auto const no_file = co_await net::sendfile(ends.near.ref(), io::fd_ref{}, net::file_range{0, 10});
        CHECK(no_file.error() == std::errc::bad_file_descriptor);
        auto const unseekable = co_await net::sendfile(ends.near.ref(), ends.far.ref(), net::file_range{0, 10});
        CHECK(unseekable.error() == std::errc::invalid_seek);
    });
}

TEST_CASE("where the system refuses the call, the file is copied") {
    auto const end = run_in_child([]() -> std::string {
        refuse_system_call(SYS_sendfile, ENOSYS);
        std::string words;
        for (auto const choice : {io::backend_choice::io_uring, io::backend_choice::epoll}) {
            runtime runs{backend_runtime::with(choice, 1)};
            auto const seen = runs.block_on([]() -> task<passage> {
                auto const file = file_in_memory(300'000);
                auto const through = co_await pass(file.ref(), net::file_range{7, 250'000}, 0);
                co_return through;
            });
            words += seen.sent && seen.received == 250'000 ? "whole " : "broken ";
        }
        return words;
    });
    CHECK(end.words == "whole whole ");
}
