// tests/conformance/net_streams.cpp: reading and writing a connection, and how one comes about, keep the contract of a
// wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/memory/buffer_pool.hpp>
#include <weir/net/happy_eyeballs.hpp>
#include <weir/net/resolve.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/tcp.hpp>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::conformance;

namespace {

// A stream in which "ab" has arrived.
struct half_read {
    void send(std::string_view more) {
        auto const taken = ::send(far.number(), more.data(), more.size(), MSG_DONTWAIT);
        sent = sent && taken == static_cast<ssize_t>(more.size());
    }
    std::error_code count(result<bytes> const& got, std::string_view wanted) {
        had += got && got->view() == wanted;
        return got.error();
    }
    // Bytes that nobody was given.
    std::size_t left() { return from.unread().size() + drain(from.socket().ref()); }
    static std::size_t drain(io::fd_ref socket) {
        char into[16];
        auto const got = ::recv(socket.number(), into, sizeof into, MSG_DONTWAIT);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    test::socket_pair ends = test::make_pair_of();
    net::stream from{net::tcp_socket{std::move(ends.near)}};
    io::fd far = std::move(ends.far);
    std::size_t had = 0;
    bool sent = true;
};

struct stream_read_exactly : half_read {
    static constexpr description row{.name = "net::stream::read_exactly",
                                     .kind = on_cancel::safe,
                                     .value = "what came stays for the next read",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit stream_read_exactly(stage&) { send("ab"); }
    task<std::error_code> wait() { co_return count(co_await from.read_exactly(5), "abcde"); }
    void complete() { send("cdefg"); }
    bool whole(std::size_t completed) { return sent && had == completed && left() == (completed ? 2 : 7); }
};

struct stream_read_to_end : half_read {
    static constexpr description row{.name = "net::stream::read_to_end",
                                     .kind = on_cancel::safe,
                                     .value = "what came stays for the next read",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit stream_read_to_end(stage&) { send("ab"); }
    task<std::error_code> wait() { co_return count(co_await from.read_to_end(100), "ab"); }
    void complete() { ::shutdown(far.number(), SHUT_WR); }
    bool whole(std::size_t completed) { return sent && had == completed && left() == (completed ? 0 : 2); }
};

// With its buffers from a pool that outlives every runtime.
struct stream_read_some : half_read {
    static constexpr description row{.name = "net::stream::read_some",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel, and a pool's block in its pool",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit stream_read_some(stage&) {}
    task<std::error_code> wait() { co_return count(co_await pooled.read_some(), "ab"); }
    void complete() { send("ab"); }
    bool whole(std::size_t completed) {
        std::size_t const rest = pooled.unread().size() + drain(pooled.socket().ref());
        return sent && had == completed && rest == (completed ? 0 : 2);
    }

    static buffer_pool& blocks() {
        static buffer_pool pool{[] {
            buffer_pool_options options;
            options.block_size = 4096;
            options.blocks = 64;
            return options;
        }()};
        return pool;
    }
    net::stream pooled{std::move(from.socket()), blocks()};
};

struct socket_send_all {
    static constexpr description row{.name = "net::tcp_socket::send_all",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "some of it may be on its way",
                                     .note = "the connection is of no further use; a stream's flush knows how much",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit socket_send_all(stage&) {}
    task<std::error_code> wait() {
        auto const sent = co_await to.send_all(test::bytes_of("0123456789"));
        co_return sent.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return completed ? received == filled + 10 : received >= filled && received <= filled + 10;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    net::tcp_socket to{std::move(ends.near)};
    std::size_t received = 0;
};

struct net_connect_tcp {
    static constexpr description row{.name = "net::connect_tcp",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "the peer may have seen a connection, which is closed",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit net_connect_tcp(stage&) {}
    task<std::error_code> wait() {
        auto made = co_await net::connect_tcp(listener.local().value());
        if (made) client = std::move(*made);
        co_return made.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return client.peer().has_value() == (completed == 1); }

    net::tcp_listener listener = net::tcp_listener::bind(net::address::loopback_v4(0)).value();
    net::tcp_socket client;
};

// Several attempts are under way at a time.
struct net_connect_any {
    static constexpr description row{.name = "net::connect_tcp_any",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "peers may have seen a connection, which is closed",
                                     .note = "all attempts are stopped, and joined",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit net_connect_any(stage&) {}
    task<std::error_code> wait() {
        std::vector<net::address> to{one.local().value(), other.local().value(), one.local().value()};
        net::connect_options options;
        options.stagger = std::chrono::milliseconds{0};
        auto made = co_await net::connect_tcp_any(std::move(to), options);
        if (made) client = std::move(*made);
        co_return made.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return client.peer().has_value() == (completed == 1); }

    net::tcp_listener one = net::tcp_listener::bind(net::address::loopback_v4(0)).value();
    net::tcp_listener other = net::tcp_listener::bind(net::address::loopback_v4(0)).value();
    net::tcp_socket client;
};

// The system is asked once, and answers with the completion. Whom to wait for stands in the name.
struct resolver_resolve {
    static constexpr description row{.name = "net::resolver::resolve",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it; with the last one it is dropped",
                                     .note = "the system's call, once begun, cannot be stopped",
                                     .in_kernel = true};
    explicit resolver_resolve(stage&) {
        char digits[17] = {};
        std::to_chars(digits, digits + 16, reinterpret_cast<std::uintptr_t>(this), 16);
        host = std::string{"x"} + digits;
    }
    task<std::error_code> wait() {
        auto const found = co_await names.resolve(host, "80");
        had += found && found->size() == 1;
        co_return found.error();
    }
    void complete() { answers.count_down(); }
    task<> close() { return names.close(); }
    bool whole(std::size_t completed) { return had == completed && names.figures().in_flight == 0; }

private:
    static result<std::vector<net::address>> ask(net::name_query const& what) {
        std::uintptr_t where = 0;
        std::from_chars(what.host.data() + 1, what.host.data() + what.host.size(), where, 16);
        reinterpret_cast<resolver_resolve*>(where)->answers.wait();
        return std::vector<net::address>{net::address::loopback_v4(80)};
    }
    std::string host;
    std::latch answers{1};
    std::atomic<std::size_t> had{0};
    net::resolver names{&ask};
};

using all_streams = std::tuple<stream_read_exactly, stream_read_to_end, stream_read_some, socket_send_all,
                               net_connect_tcp, net_connect_any, resolver_resolve>;
in_table<all_streams> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("streams, connecting and names keep the contract of a wait", "", all_streams) {
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
}
