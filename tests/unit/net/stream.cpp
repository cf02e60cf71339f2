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

TEST_CASE("what was written in pieces leaves by one call, small ones copied and large ones shared") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of(SOCK_SEQPACKET); // a record a call
        net::stream to{net::tcp_socket{std::move(ends.near)}};
        std::string const large(2000, 'b');
        bytes const body = bytes::copy_of(large);
        to.write("one ");
        to.write("two ");
        to.write(bytes::literal("three "));
        to.write(body);
        to.write("four");
        CHECK(to.unsent() == 2018);
        CHECK(::recv(ends.far.number(), nullptr, 0, MSG_DONTWAIT | MSG_PEEK) == -1); // nothing has left before
        auto const flushed = co_await to.flush();
        CHECK(flushed.has_value());
        CHECK(to.unsent() == 0);
        std::vector<char> record(8000);
        auto const got = ::recv(ends.far.number(), record.data(), record.size(), MSG_DONTWAIT);
        REQUIRE(got == 2018);
        CHECK(std::string(record.data(), 2018) == "one two three " + large + "four");
        CHECK(::recv(ends.far.number(), record.data(), record.size(), MSG_DONTWAIT) == -1);
    });
}

TEST_CASE("a flush that was cancelled is gone on with, and no byte is lost or sent twice") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair(4096);
        net::stream writer{net::tcp_socket{std::move(ends.near)}};
        net::stream reader{net::tcp_socket{std::move(ends.far)}};
        std::string whole;
        for (int n = 0; whole.size() < 3'000'000; ++n) {
            std::string const piece = std::to_string(n) + std::string(static_cast<std::size_t>(n % 900), 'x');
            if (n % 2) writer.write(piece);
            else writer.write(bytes::copy_of(piece));
            whole += piece;
        }
        auto const flush = [](net::stream& from) -> task<int> {
            for (int cancelled = 0;; ++cancelled) {
                auto const before = from.unsent();
                auto const done = co_await timeout(from.flush(), 2ms);
                if (done) {
                    from.socket().shutdown_write();
                    co_return cancelled;
                }
                CHECK(done.error() == errc::timed_out);
                CHECK(from.unsent() <= before);
            }
        };
        auto const read = [](net::stream& from, std::size_t limit) -> task<std::string> {
            static_cast<void>(co_await sleep_for(10ms)); // no room meanwhile
            auto const all = co_await from.read_to_end(limit);
            co_return std::string{all ? all->view() : std::string_view{}};
        };
        auto const done = co_await when_all(flush(writer), read(reader, whole.size()));
        CHECK(std::get<0>(done) > 0);
        CHECK(std::get<1>(done) == whole);
    });
}

TEST_CASE("a stream of a pool holds a block only while something is unread, or being sent") {
    buffer_pool_options few;
    few.blocks = 32;
    few.block_size = 1024;
    few.pages = page_kind::plain;
    buffer_pool pool{few};
    auto const all = pool.available();
    {
        backend_runtime rt;
        rt->block_on([](buffer_pool& from, bool polls) -> task<> {
            auto ends = make_pair_of();
            net::stream one{net::tcp_socket{std::move(ends.near)}, from};
            auto const idle = co_await timeout(one.read_until("\n", 100), 1ms);
            CHECK(idle.error() == errc::timed_out);
            auto const waiting = from.available();
            if (polls) CHECK(waiting == from.capacity()); // else the driver's ring keeps some for all that wait
            say(ends.far, "first\nsecond");
            {
                auto const line = co_await one.read_until("\n", 100);
                REQUIRE(line.has_value());
                CHECK(line->view() == "first\n");
                if (polls) CHECK(from.available() == waiting - 1);
            }
            auto const half = co_await timeout(one.read_until("\n", 100), 1ms);
            CHECK(half.error() == errc::timed_out);
            CHECK(one.unread().view() == "second");
            if (polls) CHECK(from.available() == waiting - 1);
            say(ends.far, "\n" + std::string(3000, 'z') + "\n"); // longer than a block
            for (std::size_t const length : {7u, 3001u}) {
                auto const line = co_await one.read_until("\n", 5000);
                REQUIRE(line.has_value());
                CHECK(line->size() == length);
            }
            CHECK(one.unread().empty());
            CHECK(one.unread().capacity() == 0);
            auto const before = from.available();
            one.write("answer");
            CHECK(from.available() == before - 1);
            auto const flushed = co_await one.flush();
            CHECK(flushed.has_value());
            CHECK(from.available() == before);
        }, std::ref(pool), rt.on_epoll());
    }
    CHECK(pool.available() == all);
}

TEST_CASE("a stream without a pool holds no buffer while it waits for the first byte") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto both = connect();
        auto const idle = co_await timeout(both.stream.read_some(), 1ms);
        CHECK(idle.error() == errc::timed_out);
        CHECK(both.stream.unread().capacity() == 0);
        say(both.far, "abc");
        auto const some = co_await both.stream.read_exactly(2);
        REQUIRE(some.has_value());
        CHECK(both.stream.unread().view() == "c");
        auto const rest = co_await both.stream.read_some();
        REQUIRE(rest.has_value());
        CHECK(both.stream.unread().capacity() == 0);
        both.far.reset();
        auto const end = co_await both.stream.read_some();
        REQUIRE(end.has_value());
        CHECK(end->empty());
        CHECK(both.stream.unread().capacity() == 0);
    });
}
