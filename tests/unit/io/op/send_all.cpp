// tests/unit/io/op/send_all.cpp: a chain is sent to its end, and holds what was not sent where that fails.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send_all.hpp>
#include <weir/timer/timeout.hpp>

#include <csignal>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("a chain goes to its end through a small socket, and the receiver has it in order") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const ends = make_tcp_pair(4096);
        bytes_chain chain;
        std::string whole;
        for (int n = 0; n < 1500; ++n) { // more pieces than a call takes, of sizes that cut anywhere
            std::string const text(static_cast<std::size_t>(1 + n % 700), static_cast<char>('a' + n % 26));
            whole += text;
            chain.push_back(bytes::copy_of(text));
        }
        auto const give = [](io::fd const& to, bytes_chain& all) -> task<bool> {
            auto const sent = co_await io::send_all(to.ref(), all);
            ::shutdown(to.number(), SHUT_WR);
            co_return sent.has_value() && all.empty();
        };
        auto const take = [](io::fd_ref from) -> task<std::string> {
            std::string all;
            std::vector<std::byte> into(3000);
            for (;;) {
                auto const got = co_await io::recv(from, into);
                if (!got || *got == 0) co_return all;
                all += text_of(std::span{into}.first(*got));
            }
        };
        auto const both = co_await when_all(give(ends.near, chain), take(ends.far.ref()));
        CHECK(std::get<0>(both));
        CHECK(std::get<1>(both) == whole);
    });
}

TEST_CASE("a chain whose sending is stopped holds just what was not sent") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const ends = make_tcp_pair(4096);
        std::string whole;
        bytes_chain chain;
        for (int n = 0; n < 400; ++n) {
            std::string const text(10'000, static_cast<char>('a' + n % 26));
            whole += text;
            chain.push_back(bytes::copy_of(text));
        }
        auto const stopped = co_await timeout(io::send_all(ends.near.ref(), chain), 5ms);
        REQUIRE(stopped.error() == errc::timed_out);
        REQUIRE(chain.size() < whole.size());
        ::shutdown(ends.near.number(), SHUT_WR);
        std::string all;
        std::vector<std::byte> into(65'536);
        for (;;) {
            auto const got = co_await timeout(io::recv(ends.far.ref(), into), 5s);
            if (!got || *got == 0) break;
            all += text_of(std::span{into}.first(*got));
        }
        CHECK(all.size() + chain.size() == whole.size());
        CHECK(whole.starts_with(all));
        CHECK(chain == std::string_view{whole}.substr(all.size()));
    });
}

TEST_CASE("pieces to a peer that has gone are an error and no signal") {
    backend_runtime rt;
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        ends.far.reset();
        bytes_chain chain{bytes::copy_of("lost")};
        auto const sent = co_await io::send_all(ends.near.ref(), chain);
        CHECK(sent.error() == std::errc::broken_pipe);
        CHECK(chain == "lost");
    });
    std::signal(SIGPIPE, before);
    CHECK(raised == 0);
}
