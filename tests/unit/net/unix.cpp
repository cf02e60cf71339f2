// tests/unit/net/unix.cpp: Unix sockets talk by path and by name, pass open files without losing one, and tell who is
// there.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/net/unix.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// A folder of its own, which goes with what is in it.
class folder {
public:
    folder() {
        char path[] = "/tmp/weir-unix-XXXXXX";
        REQUIRE(::mkdtemp(path) != nullptr);
        path_ = path;
    }
    ~folder() {
        for (char const* each : {"/a", "/b"}) ::unlink((path_ + each).c_str());
        ::rmdir(path_.c_str());
    }
    std::string file(char const* name) const { return path_ + '/' + name; }
    net::address at(char const* name) const { return net::address::at_path(file(name)).value(); }

private:
    std::string path_;
};

net::address some_name(char const* what) {
    return net::address::at_abstract("weir-test-" + std::to_string(::getpid()) + what).value();
}

// Whether two descriptors are of one file.
bool same_file(int a, int b) {
    struct stat one{};
    struct stat other{};
    return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

std::vector<io::fd> open_pipes(std::size_t count) {
    std::vector<io::fd> all;
    while (all.size() < count) {
        int ends[2] = {-1, -1};
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        all.emplace_back(ends[0]);
        all.emplace_back(ends[1]);
    }
    all.resize(count);
    return all;
}
std::vector<io::fd_ref> refs_of(std::vector<io::fd> const& files) {
    std::vector<io::fd_ref> all;
    for (auto const& each : files) all.push_back(each.ref());
    return all;
}

} // namespace

TEST_CASE("a client and a server talk by path and by abstract name, and know who the other is") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        folder const here;
        bool const by_name = GENERATE(false, true);
        auto const where = by_name ? some_name("talk") : here.at("a");
        auto const listener = net::unix_listener::bind(where);
        REQUIRE(listener.has_value());
        CHECK(listener->local().value() == where);
        rt->block_on([](net::unix_listener const& from, net::address to) -> task<> {
            auto both = co_await when_all(from.accept(), net::connect_unix(to));
            REQUIRE(std::get<0>(both).has_value());
            REQUIRE(std::get<1>(both).has_value());
            net::unix_stream server{std::move(*std::get<0>(both))};
            net::unix_stream client{std::move(*std::get<1>(both))};
            client.write("hello\n");
            auto const sent = co_await client.flush();
            CHECK(sent.has_value());
            auto const line = co_await server.read_until("\n", 100);
            REQUIRE(line.has_value());
            CHECK(line->view() == "hello\n");
            for (auto* const each : {&server, &client}) {
                auto const who = each->socket().credentials();
                REQUIRE(who.has_value());
                CHECK(who->process == ::getpid());
                CHECK(who->user == ::getuid());
                CHECK(who->group == ::getgid());
            }
            CHECK(client.socket().peer().value() == to);
            CHECK(server.socket().peer().value().to_string() == "unix:");
        }, std::cref(*listener), where);
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a path that is taken is an error, and one that a dead listener has left is had when asked for") {
    backend_runtime rt("epoll");
    folder const here;
    net::unix_listen_options removing;
    removing.remove_stale = true;
    {
        auto const first = net::unix_listener::bind(here.at("a"));
        REQUIRE(first.has_value());
        CHECK(net::unix_listener::bind(here.at("a"), removing).error() == std::errc::address_in_use); // it lives
    }
    CHECK(net::unix_listener::bind(here.at("a")).error() == std::errc::address_in_use);
    CHECK(net::unix_listener::bind(here.at("a"), removing).has_value());
    io::fd const plain{::open(here.file("b").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
    CHECK(net::unix_listener::bind(here.at("b"), removing).error() == std::errc::address_in_use);
    CHECK(::access(here.file("b").c_str(), F_OK) == 0); // a file that is no socket stays
    CHECK(net::unix_listener::bind(net::address::loopback_v4(0)).error() == std::errc::address_family_not_supported);
    rt->block_on([](net::address nowhere, net::address dead) -> task<> {
        auto const none = co_await net::connect_unix(nowhere);
        CHECK(none.error() == std::errc::no_such_file_or_directory);
        auto const refused = co_await net::connect_unix(dead);
        CHECK(refused.error() == std::errc::connection_refused);
    }, here.at("c"), here.at("a"));
}

TEST_CASE("descriptors arrive as the same open files, close-on-exec, and are the receiver's") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        rt->block_on([]() -> task<> {
            auto ends = net::unix_socket::pair();
            REQUIRE(ends.has_value());
            for (std::size_t const count : {0u, 1u, 2u, 31u, 32u}) {
                auto const files = open_pipes(count);
                auto const refs = refs_of(files);
                auto const sent = co_await ends->first.send_with(bytes_of("take these"), refs);
                REQUIRE(sent.has_value());
                CHECK(*sent == 10);
                std::array<std::byte, 16> into{};
                std::vector<io::fd> came;
                auto const got = co_await ends->second.recv_with(into, came);
                REQUIRE(got.has_value());
                CHECK(*got == 10);
                REQUIRE(came.size() == count);
                for (std::size_t n = 0; n < count; ++n) {
                    CHECK(came[n].number() != files[n].number());
                    CHECK(same_file(came[n].number(), files[n].number()));
                    CHECK((::fcntl(came[n].number(), F_GETFD) & FD_CLOEXEC) != 0);
                }
            }
            auto const too_many = open_pipes(33);
            auto const refs = refs_of(too_many);
            auto const refused = co_await ends->first.send_with(bytes_of("x"), refs);
            CHECK(refused.error() == errc::too_long);
        });
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("descriptors that there is no room for, or that nobody takes, are closed") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        rt->block_on([]() -> task<> {
            auto ends = net::unix_socket::pair();
            REQUIRE(ends.has_value());
            std::array<std::byte, 16> into{};
            std::vector<io::fd> came;
            auto const files = open_pipes(100);
            auto const open = entries_of("fd");
            { // of a peer that knows no bound
                std::vector<char> room(CMSG_SPACE(100 * sizeof(int)));
                msghdr header{};
                iovec piece{const_cast<char*>("x"), 1};
                header.msg_iov = &piece;
                header.msg_iovlen = 1;
                header.msg_control = room.data();
                header.msg_controllen = room.size();
                cmsghdr* const list = CMSG_FIRSTHDR(&header);
                list->cmsg_level = SOL_SOCKET;
                list->cmsg_type = SCM_RIGHTS;
                list->cmsg_len = CMSG_LEN(100 * sizeof(int));
                for (std::size_t n = 0; n < 100; ++n) {
                    int const number = files[n].number();
                    std::memcpy(CMSG_DATA(list) + n * sizeof number, &number, sizeof number);
                }
                REQUIRE(::sendmsg(ends->first.ref().number(), &header, 0) == 1);
            }
            auto const flooded = co_await ends->second.recv_with(into, came);
            CHECK(flooded.error() == errc::too_long);
            CHECK(came.empty());
            CHECK(entries_of("fd") == open);

            auto const refs = refs_of(files);
            auto const few = std::span<io::fd_ref const>{refs}.first(3);
            auto const sent = co_await ends->first.send_with(bytes_of("y"), few);
            REQUIRE(sent.has_value());
            rlimit usual{};
            ::getrlimit(RLIMIT_NOFILE, &usual);
            rlimit tight = usual;
            tight.rlim_cur = 0; // those that are open stay
            ::setrlimit(RLIMIT_NOFILE, &tight);
            auto const full = co_await ends->second.recv_with(into, came);
            ::setrlimit(RLIMIT_NOFILE, &usual);
            CHECK(full.error() == errc::too_long);
            CHECK(came.empty());
            CHECK(entries_of("fd") == open);

            auto const again = co_await ends->first.send_with(bytes_of("z"), few);
            REQUIRE(again.has_value());
            auto const plain = co_await ends->second.recv(into); // bytes only
            REQUIRE(plain.has_value());
            CHECK(*plain == 1);
            CHECK(entries_of("fd") == open);
        });
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a cancelled receive leaves bytes and descriptors for the next one") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = net::unix_datagram::pair();
        REQUIRE(ends.has_value());
        std::array<std::byte, 16> into{};
        std::vector<io::fd> came;
        auto const late = co_await timeout(ends->second.recv_with(into, came), 2ms);
        CHECK(late.error() == errc::timed_out);
        auto const files = open_pipes(1);
        auto const refs = refs_of(files);
        auto const sent = co_await ends->first.send_with(bytes_of("x"), refs);
        REQUIRE(sent.has_value());
        auto const got = co_await ends->second.recv_with(into, came);
        REQUIRE(got.has_value());
        CHECK(came.size() == 1);
        auto const long_one = co_await ends->first.send_with(bytes_of(std::string(17, 'x')), refs);
        REQUIRE(long_one.has_value());
        auto const cut = co_await ends->second.recv_with(into, came);
        CHECK(cut.error() == errc::too_long);
        CHECK(came.size() == 1);
    });
}

TEST_CASE("datagrams keep their bounds and their sender, and a cut one is an error") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        folder const here;
        rt->block_on([](net::address a, net::address nowhere) -> task<> {
            auto const receiver = net::unix_datagram::bind(a);
            auto const named = net::unix_datagram::bind(some_name("sender"));
            auto const nameless = net::unix_datagram::open();
            REQUIRE(receiver.has_value());
            REQUIRE(named.has_value());
            CHECK(named->try_send_to(bytes_of("one"), a).has_value());
            CHECK(named->try_send_to(bytes_of(""), a).has_value());
            CHECK(nameless->try_send_to(bytes_of("12345678"), a).has_value());
            CHECK(nameless->try_send_to(bytes_of("123456789"), a).has_value());
            CHECK(named->try_send_to(bytes_of("last"), a).has_value());
            std::array<std::byte, 8> into{};
            auto const one = co_await receiver->recv_from(into);
            REQUIRE(one.has_value());
            CHECK(text_of(std::span{into}.first(one->size)) == "one");
            CHECK(one->from == some_name("sender"));
            auto const empty = co_await receiver->recv_from(into);
            REQUIRE(empty.has_value());
            CHECK(empty->size == 0);
            auto const whole = co_await receiver->recv_from(into);
            REQUIRE(whole.has_value());
            CHECK(whole->size == 8);
            CHECK(whole->from == net::address{});
            auto const cut = co_await receiver->recv_from(into);
            CHECK(cut.error() == errc::too_long);
            auto const last = co_await receiver->recv_from(into);
            REQUIRE(last.has_value());
            CHECK(text_of(std::span{into}.first(last->size)) == "last");
            CHECK(named->try_send_to(bytes_of("x"), nowhere).error() == std::errc::no_such_file_or_directory);
            result<void> full;
            for (int n = 0; n < 10'000 && full; ++n) full = named->try_send_to(bytes_of("x"), a);
            CHECK(full.error() == errc::overloaded);
        }, here.at("a"), here.at("b"));
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a message with a descriptor waits for room at the receiver's, and arrives with both") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        rt->block_on([]() -> task<> {
            auto ends = make_one_way_pair();
            net::unix_datagram const sender{std::move(ends.near)};
            net::unix_datagram const receiver{std::move(ends.far)};
            auto const send = [](net::unix_datagram const& from) -> task<int> {
                for (int n = 0; n < 50; ++n) {
                    auto const files = open_pipes(1);
                    auto const refs = refs_of(files);
                    auto const sent = co_await from.send_with(std::as_bytes(std::span{&n, 1}), refs);
                    if (!sent || *sent != sizeof n) co_return n;
                }
                co_return 50;
            };
            auto const receive = [](net::unix_datagram const& at) -> task<int> {
                static_cast<void>(co_await sleep_for(2ms));
                for (int n = 0; n < 50; ++n) {
                    int number = -1;
                    std::vector<io::fd> came;
                    auto const got = co_await at.recv_with(std::as_writable_bytes(std::span{&number, 1}), came);
                    if (!got || number != n || came.size() != 1) co_return n;
                }
                co_return 50;
            };
            auto const both = co_await when_all(send(sender), receive(receiver));
            CHECK(std::get<0>(both) == 50);
            CHECK(std::get<1>(both) == 50);
        });
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a connected datagram socket waits for room at the receiver's") {
    backend_runtime rt;
    folder const here;
    rt->block_on([](net::address a) -> task<> {
        auto const receiver = net::unix_datagram::bind(a);
        auto const sender = net::unix_datagram::open();
        REQUIRE(receiver.has_value());
        CHECK(sender->connect(a).has_value());
        constexpr int all = 200; // more than there is room for
        auto const send = [](net::unix_datagram const& from) -> task<int> {
            for (int n = 0; n < all; ++n) {
                auto const sent = co_await from.send(std::as_bytes(std::span{&n, 1}));
                if (!sent) co_return n;
            }
            co_return all;
        };
        auto const receive = [](net::unix_datagram const& at) -> task<int> {
            static_cast<void>(co_await sleep_for(5ms));
            for (int n = 0; n < all; ++n) {
                int number = -1;
                auto const got = co_await at.recv_from(std::as_writable_bytes(std::span{&number, 1}));
                if (!got || number != n) co_return n;
            }
            co_return all;
        };
        auto const both = co_await when_all(send(*sender), receive(*receiver));
        CHECK(std::get<0>(both) == all);
        CHECK(std::get<1>(both) == all);
    }, here.at("a"));
}
