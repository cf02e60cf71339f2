// tests/unit/net/stream.cpp: lines, lengths and ends are found wherever the network cuts, and limits lose no byte.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/net/stream.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// A stream, and the plain socket at its other end.
struct connection {
    net::stream stream;
    io::fd far;
};
connection connect() {
    auto ends = make_pair_of();
    return {net::stream{net::tcp_socket{std::move(ends.near)}}, std::move(ends.far)};
}
void say(io::fd const& from, std::string_view text) {
    REQUIRE(::send(from.number(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
}

} // namespace

TEST_CASE("a mark is found wherever what comes is cut in two") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        std::string_view const text = "first\r\n\r\nsecond\r\r\n\r\nrest";
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            auto both = connect();
            auto const read = [](net::stream& from) -> task<std::vector<std::string>> {
                std::vector<std::string> parts;
                for (int i = 0; i < 2; ++i) {
                    auto const part = co_await from.read_until("\r\n\r\n", 100);
                    parts.emplace_back(part ? part->view() : std::string_view{"nothing"});
                }
                auto const rest = co_await from.read_exactly(4);
                parts.emplace_back(rest ? rest->view() : std::string_view{"nothing"});
                co_return parts;
            };
            auto const write = [](io::fd& far, std::string_view all, std::size_t at) -> task<> {
                if (at) say(far, all.substr(0, at));
                for (int i = 0; i < 3; ++i) co_await yield();
                static_cast<void>(co_await sleep_for(100us));
                if (at < all.size()) say(far, all.substr(at));
            };
            auto const done = co_await when_all(read(both.stream), write(both.far, text, cut));
            CAPTURE(cut);
            CHECK(std::get<0>(done) == std::vector<std::string>{"first\r\n\r\n", "second\r\r\n\r\n", "rest"});
        }
    });
}

TEST_CASE("a mark that comes byte by byte is found, and nothing behind it is taken") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        auto const read = [](net::stream& from) -> task<std::string> {
            auto const part = co_await from.read_until("aab", 100);
            auto const rest = co_await from.read_some();
            co_return std::string{part ? part->view() : "nothing"} + "|" + std::string{rest ? rest->view() : "nothing"};
        };
        auto const write = [](io::fd& far) -> task<> {
            for (char const each : std::string_view{"aaaaba"}) {
                say(far, std::string_view{&each, 1});
                static_cast<void>(co_await sleep_for(200us));
            }
        };
        auto const done = co_await when_all(read(both.stream), write(both.far));
        CHECK(std::get<0>(done) == "aaaab|a");
    });
}

TEST_CASE("a limit counts the mark, and leaves what came unread") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        for (std::size_t limit = 0; limit <= 8; ++limit) {
            CAPTURE(limit);
            auto both = connect();
            say(both.far, "12345\nx");
            auto const line = co_await both.stream.read_until("\n", limit);
            if (limit >= 6) {
                REQUIRE(line.has_value());
                CHECK(line->view() == "12345\n");
            } else {
                REQUIRE(!line.has_value());
                CHECK(line.error() == errc::too_long);
                auto const again = co_await both.stream.read_until("\n", 100);
                REQUIRE(again.has_value());
                CHECK(again->view() == "12345\n");
            }
            auto const rest = co_await both.stream.read_exactly(1);
            REQUIRE(rest.has_value());
            CHECK(rest->view() == "x");
        }
    });
}

TEST_CASE("an end before the mark, or before the length, is an error that leaves the bytes") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        say(both.far, "half");
        both.far.reset();
        auto const line = co_await both.stream.read_until("\n", 100);
        CHECK(line.error() == errc::end_of_stream);
        auto const five = co_await both.stream.read_exactly(5);
        CHECK(five.error() == errc::end_of_stream);
        auto const none = co_await both.stream.read_exactly(0);
        REQUIRE(none.has_value());
        CHECK(none->size() == 0);
        auto const some = co_await both.stream.read_some();
        REQUIRE(some.has_value());
        CHECK(some->view() == "half");
        auto const end = co_await both.stream.read_some();
        REQUIRE(end.has_value());
        CHECK(end->size() == 0);
    });
}

TEST_CASE("reading to the end takes all, and refuses one byte more than the limit") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        for (std::size_t limit = 3; limit <= 6; ++limit) {
            auto both = connect();
            say(both.far, "12345");
            both.far.reset();
            auto const all = co_await both.stream.read_to_end(limit);
            CHECK(all.has_value() == (limit >= 5));
            if (!all) {
                CHECK(all.error() == errc::too_long);
                auto const still = co_await both.stream.read_exactly(5);
                CHECK(still.has_value());
            } else {
                CHECK(all->view() == "12345");
            }
        }
    });
}

TEST_CASE("what was given away stays as it was while more is read") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        std::vector<bytes> kept;
        for (int i = 0; i < 200; ++i) {
            say(both.far, std::string(1000, static_cast<char>('a' + i % 26)) + "\n");
            auto line = co_await both.stream.read_until("\n", 2000);
            REQUIRE(line.has_value());
            kept.push_back(std::move(*line));
        }
        for (std::size_t i = 0; i < kept.size(); ++i) {
            REQUIRE(kept[i].size() == 1001);
            CHECK(kept[i].view().find_first_not_of(static_cast<char>('a' + i % 26)) == 1000);
        }
    });
}

TEST_CASE("a cancelled read loses nothing") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        say(both.far, "begun");
        auto const late = co_await timeout(both.stream.read_until("\n", 100), 2ms);
        CHECK(late.error() == errc::timed_out);
        auto const later = co_await timeout(both.stream.read_exactly(100), 1ms);
        CHECK(later.error() == errc::timed_out);
        say(both.far, " and ended\n");
        auto const line = co_await both.stream.read_until("\n", 100);
        REQUIRE(line.has_value());
        CHECK(line->view() == "begun and ended\n");
    });
}

TEST_CASE("megabytes that were written arrive whole when they are flushed") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair(4096);
        net::stream writer{net::tcp_socket{std::move(ends.near)}};
        net::stream reader{net::tcp_socket{std::move(ends.far)}};
        std::string piece;
        for (int i = 0; i < 1000; ++i) piece += std::to_string(i) + ' ';
        std::string whole;
        while (whole.size() < (1 << 20)) {
            writer.write(piece);
            whole += piece;
        }
        auto const flush = [](net::stream& from) -> task<bool> {
            auto const done = co_await from.flush();
            from.socket().shutdown_write();
            co_return done.has_value();
        };
        auto const done = co_await when_all(flush(writer), reader.read_to_end(2 << 20));
        CHECK(std::get<0>(done));
        REQUIRE(std::get<1>(done).has_value());
        CHECK(std::get<1>(done)->view() == whole);
        auto const nothing = co_await writer.flush();
        CHECK(nothing.has_value());
    });
}

TEST_CASE("a flush to a peer that has gone is an error") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        both.far.reset();
        both.stream.write("x");
        auto const flushed = co_await both.stream.flush();
        REQUIRE(!flushed.has_value());
        CHECK(flushed.error() == std::errc::broken_pipe);
    });
}
