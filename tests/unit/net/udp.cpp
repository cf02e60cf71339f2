// tests/unit/net/udp.cpp: datagrams arrive whole, with their sender, one at a time and many at once; a cut one never
// looks whole.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/net/udp.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

net::udp_socket bind_here(net::udp_options options = {}, net::address where = net::address::loopback_v4(0)) {
    auto made = net::udp_socket::bind(where, options);
    if (!made) SKIP("this machine cannot bind to " << where.to_string() << ": " << made.error().message());
    return std::move(*made);
}
net::udp_options joined() {
    net::udp_options options;
    options.joined = true;
    return options;
}
net::batch_options of(std::size_t messages, std::size_t room) {
    net::batch_options options;
    options.messages = messages;
    options.room = room;
    return options;
}

// Texts and the datagrams of them.
class letters {
public:
    explicit letters(net::address const& to) : to_{to} {}
    void add(std::size_t size) { texts_.push_back(std::string(size, static_cast<char>('a' + texts_.size() % 26))); }
    std::vector<net::outgoing_datagram> all() const {
        std::vector<net::outgoing_datagram> made;
        for (auto const& each : texts_) made.emplace_back(bytes_of(each), to_);
        return made;
    }
    std::vector<std::string> const& texts() const { return texts_; }

private:
    net::address to_;
    std::vector<std::string> texts_;
};

// So many, by batches; fewer when they do not come.
task<std::vector<std::string>> receive_all(net::udp_socket const& at, net::datagram_batch& into, std::size_t count) {
    std::vector<std::string> came;
    while (came.size() < count) {
        auto const got = co_await timeout(at.recv_batch(into), 3s);
        if (!got) co_return came;
        if (*got != into.size()) co_return std::vector<std::string>{"a wrong count"};
        for (auto const& each : into) came.push_back(text_of(each.bytes));
    }
    co_return came;
}

std::size_t count_of(result<std::size_t> const& of) { return of ? *of : 999; }

} // namespace

TEST_CASE("a datagram arrives whole with its sender, and can be answered") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        auto const where = GENERATE(net::address::loopback_v4(0), net::address::loopback_v6(0));
        auto const server = bind_here({}, where);
        auto const client = bind_here({}, where);
        rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
            for (std::string const& text : {std::string{"question"}, std::string{}, std::string(60'000, 'x')}) {
                auto const sent = co_await from.send_to(bytes_of(text), at.local().value());
                REQUIRE(sent.has_value());
                CHECK(*sent == text.size());
                std::vector<std::byte> into(65'536);
                auto const got = co_await at.recv_from(into);
                REQUIRE(got.has_value());
                CHECK(text_of(std::span{into}.first(got->size)) == text);
                CHECK(got->from == from.local().value());
                auto const answered = co_await at.send_to(bytes_of("answer"), got->from);
                CHECK(answered.has_value());
                auto const answer = co_await from.recv_from(into);
                REQUIRE(answer.has_value());
                CHECK(text_of(std::span{into}.first(answer->size)) == "answer");
            }
            auto const huge = co_await from.send_to(bytes_of(std::string(70'000, 'x')), at.local().value());
            CHECK(huge.error() == std::errc::message_size);
        }, std::cref(server), std::cref(client));
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a datagram that is longer than its room is an error, and the next one is not") {
    backend_runtime rt;
    auto const server = bind_here();
    auto const client = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
        for (auto const text : {"123456789", "12345678"})
            static_cast<void>(co_await from.send_to(bytes_of(text), at.local().value()));
        std::array<std::byte, 8> into{};
        auto const cut = co_await at.recv_from(into);
        CHECK(cut.error() == errc::too_long);
        auto const whole = co_await at.recv_from(into);
        REQUIRE(whole.has_value());
        CHECK(whole->size == 8);
        auto const late = co_await timeout(at.recv_from(into), 2ms);
        CHECK(late.error() == errc::timed_out);
    }, std::cref(server), std::cref(client));
}

TEST_CASE("a connected socket hears its peer only, and that there is none") {
    backend_runtime rt;
    auto const server = bind_here();
    auto const client = bind_here();
    auto const stranger = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from, net::udp_socket const& other) -> task<> {
        REQUIRE(from.connect(at.local().value()).has_value());
        CHECK(from.peer().value() == at.local().value());
        auto const strange = co_await other.send_to(bytes_of("strange"), from.local().value());
        CHECK(strange.has_value());
        auto const sent = co_await from.send(bytes_of("hello"));
        CHECK(sent.has_value());
        auto const answered = co_await at.send_to(bytes_of("yes"), from.local().value());
        CHECK(answered.has_value());
        std::array<std::byte, 16> into{};
        auto const got = co_await from.recv_from(into);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(got->size)) == "yes");
        REQUIRE(from.disconnect().has_value());
        CHECK(from.peer().error() == std::errc::not_connected);
        auto const nowhere = bind_here().local().value(); // closed again
        REQUIRE(from.connect(nowhere).has_value());
        auto const lost = co_await from.send(bytes_of("?"));
        CHECK(lost.has_value());
        auto const nobody = co_await from.recv_from(into);
        CHECK(nobody.error() == std::errc::connection_refused);
    }, std::cref(server), std::cref(client), std::cref(stranger));
}

TEST_CASE("batches arrive in order, each datagram whole, joined by the kernel or not") {
    backend_runtime rt;
    auto const server = bind_here(GENERATE(false, true) ? joined() : net::udp_options{});
    auto const client = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
        letters mail{at.local().value()};
        for (std::size_t const size : {100u, 100u, 100u, 40u, 100u, 0u, 0u, 7u, 1400u, 1400u, 1400u, 1u}) mail.add(size);
        for (int n = 0; n < 150; ++n) mail.add(500); // more than one message may be cut into
        for (int n = 0; n < 2; ++n) mail.add(40'000); // more than one message may hold
        auto const outgoing = mail.all();
        net::datagram_batch into{of(8, 65'536)};
        using letters_left = std::span<net::outgoing_datagram const>;
        auto const send = [](net::udp_socket const& by, letters_left all) -> task<std::size_t> {
            std::size_t sent = 0;
            while (sent < all.size()) { // in parts that the receiver has room for
                auto const some = co_await by.send_batch(all.subspan(sent, std::min<std::size_t>(67, all.size() - sent)));
                if (!some) break;
                sent += *some;
                static_cast<void>(co_await sleep_for(1ms));
            }
            co_return sent;
        };
        auto const both = co_await when_all(send(from, outgoing), receive_all(at, into, outgoing.size()));
        CHECK(std::get<0>(both) == outgoing.size());
        REQUIRE(std::get<1>(both).size() == mail.texts().size());
        CHECK((std::get<1>(both) == mail.texts()));
        CHECK(into.truncated() == 0);
    }, std::cref(server), std::cref(client));
}

TEST_CASE("the kernel does join and cut: fewer messages than datagrams come, each with its sender") {
    backend_runtime rt("epoll");
    auto const server = bind_here(joined());
    auto const joins = server.get(net::detail::joins_datagrams);
    if (!joins || !*joins) SKIP("this kernel joins no datagrams");
    auto const client = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
        letters mail{at.local().value()};
        for (int n = 0; n < 30; ++n) mail.add(n == 29 ? 9 : 100);
        auto const sent = co_await from.send_batch(mail.all());
        CHECK(count_of(sent) == 30);
        net::datagram_batch one{of(1, 65'536)};
        auto const got = co_await at.recv_batch(one);
        CHECK(count_of(got) == 30);
        for (auto const& each : one) CHECK(each.from == from.local().value());
        std::vector<std::string> came;
        for (auto const& each : one) came.push_back(text_of(each.bytes));
        CHECK(came == mail.texts());
    }, std::cref(server), std::cref(client));
}

TEST_CASE("a datagram of a batch that is longer than its room is left out and counted") {
    backend_runtime rt;
    bool const joins = GENERATE(false, true);
    auto const server = bind_here(joins ? joined() : net::udp_options{});
    auto const client = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from, bool together) -> task<> {
        letters mail{at.local().value()};
        for (std::size_t const size : {10u, 65u, 64u}) mail.add(size); // the first ends no run, so none is joined
        auto const sent = co_await from.send_batch(mail.all());
        CHECK(count_of(sent) == 3);
        net::datagram_batch into{of(4, 64)};
        auto const got = co_await at.recv_batch(into);
        if (!together) {
            CHECK(count_of(got) == 2);
            CHECK(into.truncated() == 1);
            CHECK(into.all()[0].bytes.size() == 10);
            CHECK(into.all()[1].bytes.size() == 64);
            CHECK(text_of(into.all()[1].bytes) == mail.texts()[2]);
        }
        letters run{at.local().value()};
        for (int n = 0; n < 4; ++n) run.add(30); // 120 bytes for a room of 64, if they come joined
        while (!into.empty() || into.truncated() > 0) {
            auto const rest = co_await timeout(at.recv_batch(into), 2ms);
            if (!rest) break;
        }
        auto const more = co_await from.send_batch(run.all());
        CHECK(count_of(more) == 4);
        auto const some = co_await at.recv_batch(into);
        CHECK(into.size() + into.truncated() == 4);
        CHECK(count_of(some) == into.size());
        for (std::size_t n = 0; n < into.size(); ++n) CHECK(text_of(into.all()[n].bytes) == run.texts()[n]);
        if (!together) CHECK(into.size() == 4);
    }, std::cref(server), std::cref(client), joins);
}

TEST_CASE("a batch says how many were sent before the one that could not be, and why if it was the first") {
    backend_runtime rt;
    auto const server = bind_here();
    auto const client = bind_here();
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
        letters mail{at.local().value()};
        for (std::size_t const size : {10u, 10u, 70'000u, 10u}) mail.add(size);
        auto const all = mail.all();
        std::span<net::outgoing_datagram const> const rest{all};
        auto const two = co_await from.send_batch(rest);
        CHECK(count_of(two) == 2);
        auto const none = co_await from.send_batch(rest.subspan(2));
        CHECK(none.error() == std::errc::message_size);
        auto const nothing = co_await from.send_batch(rest.first(0));
        CHECK(count_of(nothing) == 0);
        auto const last = co_await from.send_batch(rest.last(1));
        CHECK(count_of(last) == 1);
        net::datagram_batch into{of(8, 100)};
        auto const came = co_await receive_all(at, into, 3);
        CHECK(came == std::vector<std::string>{mail.texts()[0], mail.texts()[1], mail.texts()[3]});
    }, std::cref(server), std::cref(client));
}

TEST_CASE("a batch to the one that the socket is connected to names nobody") {
    backend_runtime rt;
    auto const server = bind_here();
    auto const client = bind_here();
    REQUIRE(client.connect(server.local().value()).has_value());
    rt->block_on([](net::udp_socket const& at, net::udp_socket const& from) -> task<> {
        std::vector<net::outgoing_datagram> mail;
        for (auto const text : {"one", "two", "3"}) mail.emplace_back(bytes_of(text));
        auto const sent = co_await from.send_batch(mail);
        CHECK(count_of(sent) == 3);
        net::datagram_batch into{of(8, 100)};
        auto const came = co_await receive_all(at, into, 3);
        CHECK(came == std::vector<std::string>{"one", "two", "3"});
        auto const late = co_await timeout(at.recv_batch(into), 2ms);
        CHECK(late.error() == errc::timed_out);
        CHECK(into.empty());
    }, std::cref(server), std::cref(client));
}
