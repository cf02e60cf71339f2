// tests/unit/io/op/send_message.cpp: messages with addresses, descriptors and words of the protocol, both ways.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_message.hpp>
#include <weir/io/op/send_message.hpp>
#include <weir/io/op/send_to.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct udp_socket {
    io::fd file;
    loopback where;
};
udp_socket bind_udp() {
    udp_socket made;
    made.file = io::fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(made.file.number(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    socklen_t size = sizeof any;
    REQUIRE(::getsockname(made.file.number(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
    std::memcpy(&made.where.storage, &any, sizeof any);
    return made;
}

iovec piece_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

bool same_file(int a, int b) {
    struct stat one{};
    struct stat other{};
    return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

} // namespace

TEST_CASE("a datagram says who sent it, and who answers it is heard") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const server = bind_udp();
        auto const client = bind_udp();
        auto const& to = server.where;
        auto const sent = co_await io::send_to(client.file.ref(), bytes_of("ping"), to.storage, to.length);
        REQUIRE(sent.has_value());
        CHECK(*sent == 4);
        std::array<std::byte, 16> into{};
        io::incoming message;
        auto const got = co_await io::recv_message(server.file.ref(), into, message);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "ping");
        CHECK(!message.truncated());
        REQUIRE(message.from_length() == client.where.length);
        CHECK(std::memcmp(&message.from(), &client.where.storage, client.where.length) == 0);
        std::array<iovec, 2> const pieces{piece_of("po"), piece_of("ng")};
        io::outgoing answer{std::span<iovec const>{pieces}};
        answer.to(reinterpret_cast<sockaddr const*>(&message.from()), message.from_length());
        auto const back = co_await io::send_message(server.file.ref(), answer);
        REQUIRE(back.has_value());
        CHECK(*back == 4);
        auto const heard = co_await io::recv(client.file.ref(), into);
        REQUIRE(heard.has_value());
        CHECK(text_of(std::span{into}.first(*heard)) == "pong");
    });
}

TEST_CASE("a datagram that comes later wakes who waits, and an empty one is a message") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const server = bind_udp();
        auto const client = bind_udp();
        auto const take = [](io::fd_ref from) -> task<std::size_t> {
            std::array<std::byte, 16> into{};
            io::incoming message;
            auto const got = co_await timeout(io::recv_message(from, into, message), 5s);
            co_return got && message.from_length() != 0 ? *got : 99;
        };
        auto const give = [](io::fd_ref from, loopback const& to, std::string_view text) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            static_cast<void>(co_await io::send_to(from, bytes_of(text), to.storage, to.length));
        };
        for (std::string_view const text : {"late", ""}) {
            auto const both = co_await when_all(take(server.file.ref()), give(client.file.ref(), server.where, text));
            CHECK(std::get<0>(both) == text.size());
        }
    });
}

TEST_CASE("a datagram longer than the buffer says that it was cut, and the next one does not") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const server = bind_udp();
        auto const client = bind_udp();
        io::incoming message;
        std::array<std::byte, 4> into{};
        for (std::string_view const text : {"too long", "fits"}) {
            auto const sent =
                co_await io::send_to(client.file.ref(), bytes_of(text), server.where.storage, server.where.length);
            REQUIRE(sent.has_value());
            auto const got = co_await io::recv_message(server.file.ref(), into, message);
            REQUIRE(got.has_value());
            CHECK(*got == 4);
            CHECK(message.truncated() == (text.size() > 4));
        }
    });
}

TEST_CASE("a datagram that is too long, or goes to nobody, is an error") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const client = bind_udp();
        std::vector<std::byte> const huge(70'000);
        auto const sent = co_await io::send_to(client.file.ref(), huge, client.where.storage, client.where.length);
        CHECK(sent.error() == std::errc::message_size);
        auto const nowhere = co_await io::send_message(client.file.ref(), io::outgoing{bytes_of("x")});
        CHECK(nowhere.error() == std::errc::destination_address_required);
        auto const none = co_await io::send_to(io::fd_ref{}, bytes_of("x"), client.where.storage, client.where.length);
        CHECK(none.error() == std::errc::bad_file_descriptor);
        std::array<std::byte, 4> into{};
        io::incoming message;
        auto const nothing = co_await io::recv_message(io::fd_ref{}, into, message);
        CHECK(nothing.error() == std::errc::bad_file_descriptor);
        CHECK(message.from_length() == 0);
    });
}

TEST_CASE("a port that nobody has is heard of with the next operation, and only once") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const client = bind_udp();
        auto gone = bind_udp();
        auto* const to = reinterpret_cast<sockaddr*>(&gone.where.storage);
        REQUIRE(::connect(client.file.number(), to, gone.where.length) == 0);
        gone.file.reset();
        std::array<iovec, 1> const piece{piece_of("x")};
        auto const sent = co_await io::send_message(client.file.ref(), std::span<iovec const>{piece});
        REQUIRE(sent.has_value());
        std::array<std::byte, 4> into{};
        io::incoming message;
        auto const told = co_await timeout(io::recv_message(client.file.ref(), into, message), 5s);
        CHECK(told.error() == std::errc::connection_refused);
        auto const quiet = co_await timeout(io::recv_message(client.file.ref(), into, message), 2ms);
        CHECK(quiet.error() == errc::timed_out);
    });
}

TEST_CASE("a word of the protocol goes with a message, and one comes with it: segments that are cut and joined") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const server = bind_udp();
        auto const client = bind_udp();
        int const on = 1;
        if (::setsockopt(server.file.number(), SOL_UDP, UDP_GRO, &on, sizeof on) != 0) SKIP("no UDP_GRO here");
        std::vector<std::byte> const long_one(3000, std::byte{'x'});
        io::outgoing cut{std::span<std::byte const>{long_one}};
        cut.to(reinterpret_cast<sockaddr const*>(&server.where.storage), server.where.length);
        cut.attach(SOL_UDP, UDP_SEGMENT, std::uint16_t{1000});
        auto const sent = co_await io::send_message(client.file.ref(), cut);
        REQUIRE(sent.has_value());
        CHECK(*sent == 3000);
        std::vector<std::byte> into(65'536);
        io::incoming joined;
        auto const got = co_await timeout(io::recv_message(server.file.ref(), into, joined), 5s);
        REQUIRE(got.has_value());
        CHECK(*got == 3000);
        CHECK(joined.control<int>(SOL_UDP, UDP_GRO) == 1000);
        CHECK(!joined.control<int>(SOL_UDP, UDP_SEGMENT));
        CHECK(!joined.take_descriptor());
    });
}

TEST_CASE("descriptors go over a Unix socket, close-on-exec, as many as there were, to who takes them") {
    backend_runtime rt;
    int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM);
    std::size_t const count = GENERATE(1u, 3u, unsigned{io::outgoing::most_descriptors});
    auto const files = entries_of("fd");
    rt->block_on(
        [](int kind, std::size_t many) -> task<> {
            auto const ends = make_pair_of(kind);
            std::vector<io::fd> originals;
            io::outgoing with{bytes_of("x")};
            for (std::size_t n = 0; n < many; ++n) {
                originals.emplace_back(::eventfd(0, EFD_CLOEXEC));
                with.attach(originals.back().ref());
            }
            auto const sent = co_await io::send_message(ends.near.ref(), with);
            REQUIRE(sent.has_value());
            std::array<std::byte, 4> into{};
            io::incoming message;
            auto const got = co_await io::recv_message(ends.far.ref(), into, message);
            REQUIRE(got.has_value());
            CHECK(*got == 1);
            CHECK(!message.control_truncated());
            for (std::size_t n = 0; n + 1 < many; ++n) { // the last one is left to the message
                io::fd const taken = message.take_descriptor();
                REQUIRE(taken);
                CHECK((::fcntl(taken.number(), F_GETFD) & FD_CLOEXEC) != 0);
                ::eventfd_write(taken.number(), n + 1);
                eventfd_t value = 0;
                ::eventfd_read(originals[n].number(), &value);
                CHECK(value == n + 1);
            }
        },
        type, count);
    CHECK(entries_of("fd") == files);
}

TEST_CASE("a message that is used again closes what it had, and one that fails has nothing") {
    backend_runtime rt;
    auto const files = entries_of("fd");
    rt->block_on([]() -> task<> {
        auto const ends = make_pair_of(SOCK_SEQPACKET);
        io::outgoing with{bytes_of("x")};
        with.attach(ends.near.ref());
        std::array<std::byte, 4> into{};
        auto const before = entries_of("fd");
        io::incoming message;
        for (int round = 0; round < 3; ++round) {
            auto const sent = co_await io::send_message(ends.near.ref(), with);
            REQUIRE(sent.has_value());
            auto const got = co_await io::recv_message(ends.far.ref(), into, message);
            REQUIRE(got.has_value());
            CHECK(entries_of("fd") == before + 1);
        }
        auto const kept = message.take_descriptor();
        CHECK(same_file(kept.number(), ends.near.number()));
        CHECK(!message.take_descriptor());
        // What a stopped receive leaves is not what lay there before.
        auto const late = co_await timeout(io::recv_message(ends.far.ref(), into, message), 1ms);
        CHECK(late.error() == errc::timed_out);
        CHECK(!message.take_descriptor());
        CHECK(entries_of("fd") == before + 1);
    });
    CHECK(entries_of("fd") == files);
}

TEST_CASE("descriptors that come along where there is no room for them are told of, and not leaked") {
    backend_runtime rt;
    auto const files = entries_of("fd");
    rt->block_on([]() -> task<> {
        auto const ends = make_pair_of();
        constexpr std::size_t many = 100; // more than an incoming message takes
        std::vector<int> const numbers(many, ends.near.number());
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(many * sizeof(int))> control{};
        auto& list = *reinterpret_cast<cmsghdr*>(control.data());
        list.cmsg_level = SOL_SOCKET;
        list.cmsg_type = SCM_RIGHTS;
        list.cmsg_len = CMSG_LEN(many * sizeof(int));
        std::memcpy(CMSG_DATA(&list), numbers.data(), many * sizeof(int));
        iovec piece = piece_of("x");
        msghdr header{};
        header.msg_iov = &piece;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        REQUIRE(::sendmsg(ends.near.number(), &header, 0) == 1);
        auto const before = entries_of("fd");
        std::array<std::byte, 4> into{};
        {
            io::incoming message;
            auto const got = co_await io::recv_message(ends.far.ref(), into, message);
            REQUIRE(got.has_value());
            CHECK(message.control_truncated());
            auto const came = entries_of("fd") - before;
            CHECK(came >= io::outgoing::most_descriptors);
            CHECK(came < many);
        }
        CHECK(entries_of("fd") == before);
    });
    CHECK(entries_of("fd") == files);
}
