// tests/tls/layer.cpp: TLS on sockets: both directions at once, peers that do not read, and how it ends.
#include "secured.hpp"

#include "support/backends.hpp"
#include "support/scale.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <poll.h>
#include <string>
#include <string_view>

using namespace tls_test;

namespace {

using layer = http::transport_layer;

weir::task<bool> greet(linked* both) {
    auto const done = co_await weir::when_all(both->client->open(), both->server->open());
    co_return std::get<0>(done) && std::get<1>(done);
}

weir::task<weir::result<void>> say(layer* from, std::string_view text) {
    while (!text.empty()) {
        iovec const piece{const_cast<char*>(text.data()), text.size()};
        auto const sent = co_await from->send(std::span{&piece, 1});
        if (!sent) co_return sent.error();
        text.remove_prefix(*sent);
    }
    co_return weir::result<void>{};
}

// `size` bytes, or what comes until the end, or until the error whose message stands behind it.
weir::task<std::string> hear(layer* at, std::size_t size) {
    std::string all;
    std::array<std::byte, 3000> room;
    while (all.size() < size) {
        auto const got = co_await weir::timeout(at->recv(room), 20s);
        if (!got) co_return all + "|" + got.error().message();
        if (*got == 0) co_return all;
        all.append(reinterpret_cast<char const*>(room.data()), *got);
    }
    co_return all;
}

bool arrives(weir::net::tcp_socket const& at) {
    pollfd one{at.ref().number(), POLLIN, 0};
    return ::poll(&one, 1, 10'000) == 1;
}

std::string pattern(std::size_t size, unsigned step) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(' ' + (i * step + i / 4096) % 90);
    return text;
}

} // namespace

TEST_CASE("both directions carry megabytes at once over sockets with small buffers") {
    weir::test::backend_runtime runs{2};
    secured all;
    linked both{all, 8192};
    auto const there = pattern(weir::test::scaled(2'000'000), 7);
    auto const back = pattern(weir::test::scaled(2'000'000), 11);
    REQUIRE(runs->block_on(&greet, &both));
    auto const heard = runs->block_on([](linked* of, std::string const* out, std::string const* in) -> weir::task<bool> {
        auto* const client = of->client.get();
        auto* const server = of->server.get();
        auto const all_four = co_await weir::when_all(say(client, *out), say(server, *in), hear(server, out->size()),
                                                      hear(client, in->size()));
        co_return std::get<0>(all_four) && std::get<1>(all_four) && std::get<2>(all_four) == *out &&
            std::get<3>(all_four) == *in;
    }, &both, &there, &back);
    CHECK(heard);
}

TEST_CASE("a peer that does not read stops the sender soon") {
    weir::test::backend_runtime runs;
    secured all;
    linked both{all, 16 * 1024};
    REQUIRE(runs->block_on(&greet, &both));
    auto const text = pattern(1'000'000, 3);
    std::size_t taken = 0;
    auto const end = runs->block_on([](linked* of, std::string const* out,
                                       std::size_t* sum) -> weir::task<std::error_code> {
        for (;;) {
            iovec const piece{const_cast<char*>(out->data()), out->size()};
            auto const sent = co_await weir::timeout(of->server->send(std::span{&piece, 1}), 300ms);
            if (!sent) co_return sent.error();
            *sum += *sent;
        }
    }, &both, &text, &taken);
    CHECK(end == weir::errc::timed_out);
    CHECK(taken < 600'000);
}

TEST_CASE("who stops waiting to receive misses nothing") {
    weir::test::backend_runtime runs;
    secured all;
    linked both{all};
    REQUIRE(runs->block_on(&greet, &both));
    auto const heard = runs->block_on([](linked* of) -> weir::task<std::string> {
        std::array<std::byte, 10> room;
        auto const none = co_await weir::timeout(of->server->recv(room), 5ms);
        if (none) co_return "something came";
        if (none.error() != weir::errc::timed_out) co_return none.error().message();
        auto const said = co_await say(of->client.get(), "here");
        if (!said) co_return said.error().message();
        co_return co_await hear(of->server.get(), 4);
    }, &both);
    CHECK(heard == "here");
}

TEST_CASE("one side ends, and the other may go on; an end that was not announced is an error") {
    weir::test::backend_runtime runs;
    secured all;
    linked both{all};
    REQUIRE(runs->block_on(&greet, &both));
    runs->block_on([](linked* of) -> weir::task<> {
        static_cast<void>(co_await say(of->client.get(), "question"));
        co_await of->client->say_end();
    }, &both);
    both.near.shutdown_write();
    CHECK(runs->block_on(&hear, both.server.get(), 1000) == "question");
    auto const answered = runs->block_on(&say, both.server.get(), "answer");
    CHECK(answered);
    both.far.shutdown_write(); // without a word
    auto const missing = weir::make_error_code(weir::errc::end_of_stream).message();
    CHECK(runs->block_on(&hear, both.client.get(), 1000) == "answer|" + missing);
}

TEST_CASE("what has come is had without waiting, and tells whether an idle connection is of use") {
    weir::test::backend_runtime runs;
    secured all;
    linked both{all};
    REQUIRE(runs->block_on(&greet, &both));
    std::array<std::byte, 100> room;
    CHECK(both.server->recv_now(room) == 0);
    CHECK_FALSE(both.server->is_stale());
    CHECK_FALSE(both.client->is_stale()); // the tickets say nothing
    CHECK(runs->block_on(&say, both.client.get(), "asked"));
    REQUIRE(arrives(both.far));
    CHECK(both.server->recv_now(room) == 5);
    CHECK_FALSE(both.server->is_stale());
    CHECK(runs->block_on(&say, both.server.get(), "unasked"));
    REQUIRE(arrives(both.near));
    CHECK(both.client->is_stale());
    CHECK(both.client->is_stale()); // and stays so
    CHECK(runs->block_on(&hear, both.client.get(), 7) == "unasked");
    CHECK_FALSE(both.client->is_stale());
    runs->block_on([](layer* of) { return of->say_end(); }, both.server.get());
    REQUIRE(arrives(both.near));
    CHECK(both.client->is_stale());
}

TEST_CASE("a large key signs on a thread that may be kept") {
    weir::test::backend_runtime runs;
    certificate_options large;
    large.rsa_bits = 3072;
    secured all{large};
    linked both{all};
    CHECK(runs->block_on(&greet, &both));
    CHECK(all.server.counts().full.value() == 1);
}

TEST_CASE("hundreds of handshakes leave nothing behind") {
    weir::test::backend_runtime runs;
    secured all;
    auto const descriptors = weir::test::entries_of("fd");
    auto const each = weir::test::scaled(250, 2); // on each of four backends
    auto const done = runs->block_on([](secured* with, std::size_t count) -> weir::task<std::size_t> {
        std::size_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            linked both{*with};
            bool const greeted = co_await greet(&both);
            if (greeted) ++sum;
        }
        co_return sum;
    }, &all, each);
    CHECK(done == each);
    CHECK(all.server.counts().full.value() == each);
    CHECK(weir::test::entries_of("fd") == descriptors);
}
