// tests/unit/io/kernel_features.cpp: whatever single feature a kernel lacks, what a program sees is the same.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/recv_stream.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr io::kernel_feature all_features[] = {
    io::kernel_feature::timed_wait,       io::kernel_feature::submit_all,       io::kernel_feature::coop_taskrun,
    io::kernel_feature::defer_taskrun,    io::kernel_feature::multishot_accept, io::kernel_feature::provided_buffers,
    io::kernel_feature::poll_first,       io::kernel_feature::multishot_recv,
};

// A receive that tells by which way it was carried out.
class told_recv : public io::op_awaiter<told_recv, std::size_t> {
public:
    told_recv(io::fd_ref socket, std::span<std::byte> into, int& tries, int& entries) noexcept
        : op_awaiter{socket}, into_{into}, tries_{tries}, entries_{entries} {}
    static constexpr io::readiness ready_when = io::readiness::readable;
    io::attempt try_now() noexcept {
        ++tries_;
        return io::system_call([&] { return ::recv(file().number(), into_.data(), into_.size(), MSG_DONTWAIT); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        ++entries_;
        entry.opcode = IORING_OP_RECV;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(into_.data());
        entry.len = static_cast<std::uint32_t>(into_.size());
    }
    std::size_t value_of(int got) const noexcept { return static_cast<std::size_t>(got); }

private:
    std::span<std::byte> const into_;
    int& tries_;
    int& entries_;
};

task<std::string> serve(io::fd_ref listener, buffer_pool& pool) {
    io::accept_stream incoming{listener};
    std::string all;
    for (int i = 0; i < 3; ++i) {
        auto peer = co_await incoming.next();
        if (!peer) co_return "accept: " + peer.error().message();
        // Once into a block, and once into a span or from a stream.
        auto const first = co_await io::recv_block(peer->ref(), pool);
        if (!first) co_return "recv_block: " + first.error().message();
        auto const echoed = co_await io::send(peer->ref(), first->content());
        if (!echoed) co_return "send: " + echoed.error().message();
        std::array<std::byte, 16> into{};
        auto const nothing = co_await timeout(io::recv(peer->ref(), into), 1ms);
        if (nothing || nothing.error() != errc::timed_out) co_return "something was received";
        static_cast<void>(co_await io::send(peer->ref(), bytes_of("more")));
        all += text_of(first->content());
        if (i == 1) {
            io::recv_stream rest{peer->ref(), pool};
            auto const second = co_await rest.next();
            if (!second) co_return "recv_stream: " + second.error().message();
            all += text_of(second->content());
        } else {
            auto const second = co_await io::recv(peer->ref(), into);
            if (!second) co_return "recv: " + second.error().message();
            all += text_of(std::span{into}.first(*second));
        }
        auto const closed = co_await io::close(*std::move(peer));
        if (!closed) co_return "close: " + closed.error().message();
    }
    auto const nobody = co_await timeout(incoming.next(), 1ms);
    if (nobody || nobody.error() != errc::timed_out) co_return "nobody was accepted";
    co_return all;
}

task<std::string> visit(loopback const& where) {
    for (int i = 0; i < 3; ++i) {
        auto const client = tcp_socket();
        auto const connected = co_await io::connect(client.ref(), where.storage, where.length);
        if (!connected) co_return "connect: " + connected.error().message();
        static_cast<void>(co_await sleep_for(500us)); // so that the other side waits
        static_cast<void>(co_await io::send(client.ref(), bytes_of("a")));
        std::array<std::byte, 16> into{};
        auto const echoed = co_await io::recv(client.ref(), into);
        if (!echoed || text_of(std::span{into}.first(*echoed)) != "a") co_return "no echo";
        auto const more = co_await io::recv(client.ref(), into);
        if (!more || text_of(std::span{into}.first(*more)) != "more") co_return "nothing more";
        static_cast<void>(co_await io::send(client.ref(), bytes_of("b")));
        auto const end = co_await io::recv(client.ref(), into);
        if (!end || *end != 0) co_return "no end";
    }
    co_return "well";
}

} // namespace

TEST_CASE("whatever single feature or operation is missing, servers and clients do not notice") {
    auto const which = GENERATE(range(std::size_t{0}, std::size(io::feature_names)));
    auto const name = "io_uring-" + std::string{io::feature_names[which].name};
    if (name == "io_uring-timed_wait") return; // below
    buffer_pool_options few;
    few.blocks = 16;
    few.block_size = 256;
    buffer_pool pool{few};
    {
        backend_runtime rt{name.c_str(), 2, 64};
        CHECK(rt->backend() == io::backend::io_uring);
        auto const listener = listen_here();
        auto const both = rt->block_on(
            [](listening_socket const& at, buffer_pool& from) -> task<std::pair<std::string, std::string>> {
                auto said = co_await when_all(serve(at.file.ref(), from), visit(at.where));
                co_return std::pair{std::get<0>(said), std::get<1>(said)};
            },
            std::ref(listener), std::ref(pool));
        CHECK(both.first == "ababab");
        CHECK(both.second == "well");
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("a ring uses what the kernel has, less what is withheld") {
    std::string why;
    io::ring full;
    if (!full.open(64, why)) SKIP("io_uring is refused here: " << why);
    for (auto const& each : io::feature_names) {
        CAPTURE(each.name);
        io::ring one;
        bool const opened = one.open(64, why, each.all_but);
        if (each.name == "timed_wait") {
            CHECK(!opened);
            CHECK(why == "io_uring is older than Linux 5.11");
            continue;
        }
        REQUIRE(opened);
        CHECK(one.features() == (full.features() & each.all_but));
    }
    io::ring nothing;
    auto const bare = io::kernel_features::none()
                          .with(io::kernel_feature::timed_wait)
                          .with_operation(IORING_OP_NOP)
                          .with_operation(IORING_OP_POLL_ADD);
    CHECK(!nothing.open(64, why, bare));
    CHECK(why == std::string{"io_uring_register: "} + std::strerror(ENOSYS));
    CHECK(nothing.open(64, why, bare.with_operation(IORING_OP_ASYNC_CANCEL)));
}

TEST_CASE("an operation is the kernel's where it has it, and is tried when ready where it does not") {
    auto const lacks = GENERATE(false, true);
    backend_runtime rt{lacks ? "io_uring-recv" : "io_uring"};
    int tries = 0;
    int entries = 0;
    rt->block_on(
        [](int& tried, int& prepared) -> task<> {
            auto const ends = make_pair_of();
            std::array<std::byte, 8> into{};
            auto const receive = [](io::fd_ref from, std::span<std::byte> to, int& t, int& e) -> task<std::size_t> {
                using told = operation<told_recv, io::fd_ref, std::span<std::byte>, int&, int&>;
                auto const got = co_await told{from, to, t, e};
                co_return got ? *got : 0;
            };
            auto const send = [](io::fd_ref to) -> task<> {
                static_cast<void>(co_await sleep_for(1ms));
                static_cast<void>(co_await io::send(to, bytes_of("abc")));
            };
            auto const both = co_await when_all(receive(ends.near.ref(), into, tried, prepared), send(ends.far.ref()));
            CHECK(std::get<0>(both) == 3);
        },
        std::ref(tries), std::ref(entries));
    CHECK(tries == (lacks ? 1 : 0));
    CHECK(entries == 1);
}

TEST_CASE("features and their names") {
    for (auto const& each : io::feature_names) {
        CAPTURE(each.name);
        CHECK(io::all_but(each.name) == each.all_but);
        CHECK(each.all_but != io::kernel_features{});
        CHECK((each.all_but & io::kernel_features{}) == each.all_but);
    }
    CHECK(!io::all_but("").has_value());
    CHECK(!io::all_but("everything").has_value());
    for (auto const each : all_features) {
        CHECK(io::kernel_features{}.has(each));
        CHECK(!io::kernel_features::none().has(each));
        CHECK(!io::kernel_features{}.without(each).has(each));
        CHECK(io::kernel_features::none().with(each).without(each) == io::kernel_features::none());
    }
    CHECK(io::kernel_features{}.has_operation(63));
    CHECK(!io::kernel_features{}.has_operation(64));
    CHECK(!io::kernel_features{}.has_operation(io::tried_when_ready));
    CHECK(!io::kernel_features{}.without_operation(IORING_OP_SEND).has_operation(IORING_OP_SEND));
}
