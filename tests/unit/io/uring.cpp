// tests/unit/io/uring.cpp: the driver on io_uring where the kernel is at its most awkward: more completions than fit,
// a thread that never sleeps, an end in the middle of things.
#include "support/backends.hpp"
#include "support/manual_executor.hpp"
#include "support/sockets.hpp"
#include "support/started.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/uring.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<io::uring_driver> open_one(io::kernel_features allowed = {}) {
    std::string why;
    auto made = io::uring_driver::open(64, why, allowed);
    if (!made) SKIP("io_uring is refused here: " << why);
    return made;
}

task<int> receive_byte(io::fd_ref from) {
    std::array<std::byte, 1> into{};
    auto const got = co_await io::recv(from, into);
    co_return got ? static_cast<int>(*got) : -got.error().value();
}

// A send that tells how many entries it took.
class told_send : public io::op_awaiter<told_send, int> {
public:
    told_send(io::fd_ref socket, std::span<std::byte const> from) noexcept : op_awaiter{socket}, from_{from} {}
    static constexpr io::readiness ready_when = io::readiness::writable;
    io::attempt try_now() noexcept { return -EINVAL; } // not here
    void prepare_entry(io_uring_sqe& entry) noexcept {
        ++entries_;
        entry.opcode = IORING_OP_SEND;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(from_.data());
        entry.len = static_cast<std::uint32_t>(from_.size());
        entry.msg_flags = MSG_NOSIGNAL;
    }
    int value_of(int) const noexcept { return entries_; }

private:
    std::span<std::byte const> const from_;
    int entries_ = 0;
};
task<int> entries_of_a_send(io::fd_ref socket) {
    auto const sent = co_await operation<told_send, io::fd_ref, std::span<std::byte const>>{socket, bytes_of("x")};
    co_return sent ? *sent : -sent.error().value();
}

} // namespace

TEST_CASE("more completions at once than the ring holds come all, and once each") {
    char const* const name = GENERATE("io_uring", "io_uring-defer_taskrun", "io_uring-coop_taskrun-defer_taskrun");
    backend_runtime rt{name, 1, 64}; // the ring of completions holds 256
    constexpr int count = 3000;
    atomic<int> received{0};
    rt.run(
        [](scope& children, atomic<int>& bytes) -> task<> {
            auto const ends = std::make_shared<socket_pair>(make_pair_of());
            std::vector<char> const all(count, 'x');
            REQUIRE(::send(ends->far.number(), all.data(), all.size(), 0) == count);
            for (int i = 0; i < count; ++i)
                children.spawn(
                    [](std::shared_ptr<socket_pair> from, atomic<int>& sum) -> task<> {
                        sum.fetch_add(co_await receive_byte(from->near.ref()), relaxed); // joined before it is read
                    },
                    ends, std::ref(bytes));
            co_return;
        },
        std::ref(received));
    CHECK(received.load(relaxed) == count);
}

TEST_CASE("a send to a stream is one entry however full it is, but for the first that found no room") {
    test::watchdog const watched{20};
    auto const made = open_one();
    current_guard<io::driver> const installed{made.get()};
    manual_executor runs;
    context const where{runs};
    auto const send_when_full = [&](socket_pair const& ends) {
        fill(ends.near);
        started sending{entries_of_a_send(ends.near.ref()), where};
        made->wait_until(clock::now() + 2ms);
        CHECK(!sending.done());
        std::array<char, 64 * 1024> sink;
        while (!sending.done()) {
            while (::recv(ends.far.number(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {}
            made->wait_until(clock::now() + 2ms);
            runs.run_all();
        }
        return sending.take();
    };
    auto const tcp = make_tcp_pair(4096);
    auto const stream = make_pair_of();
    for (auto const* each : {&tcp, &stream}) {
        started first{entries_of_a_send(each->near.ref()), where};
        while (!first.done()) {
            made->wait_until(clock::now() + 2ms);
            runs.run_all();
        }
        CHECK(first.take() == 1); // there was room
        CHECK(send_when_full(*each) == 2);
        CHECK(send_when_full(*each) == 1); // the kernel waits for room by itself
    }
    auto const datagrams = make_one_way_pair();
    CHECK(send_when_full(datagrams) == 2);
    CHECK(send_when_full(datagrams) == 2); // where the kernel's own second try would send less
}

TEST_CASE("a thread that only looks and never waits sees what has completed") {
    test::watchdog const watched{20};
    char const* const lacking = GENERATE("", "coop_taskrun", "defer_taskrun");
    auto const made = open_one(io::all_but(lacking).value_or(io::kernel_features{}));
    current_guard<io::driver> const installed{made.get()};
    manual_executor runs;
    auto const ends = make_pair_of();
    context const where{runs};
    started receiving{receive_byte(ends.near.ref()), where};
    made->wait_until(time_point::min());
    CHECK(!receiving.done());
    REQUIRE(::send(ends.far.number(), "x", 1, 0) == 1);
    while (!receiving.done()) {
        made->wait_until(time_point::min());
        runs.run_all();
    }
    CHECK(receiving.take() == 1);
}

TEST_CASE("a driver that ends calls back what is in flight, and each ends as cancelled") {
    test::watchdog const watched{20};
    char const* const lacking = GENERATE("", "recv", "defer_taskrun");
    auto made = open_one(io::all_but(lacking).value_or(io::kernel_features{}));
    manual_executor runs;
    auto const ends = make_pair_of();
    auto const polled = make_pair_of();
    set_flag(polled.near, O_NONBLOCK, true); // waits in a poll
    auto const listener = listen_here();
    context const where{runs};
    {
        current_guard<io::driver> const installed{made.get()};
        started receiving{receive_byte(ends.near.ref()), where};
        started polling{receive_byte(polled.near.ref()), where};
        started accepting{
            [](io::fd_ref from) -> task<int> {
                auto const got = co_await io::accept(from);
                co_return got ? 0 : -got.error().value();
            }(listener.file.ref()),
            where};
        made->wait_until(clock::now() + 1ms);
        CHECK(!receiving.done());
        made->retire();
        runs.run_all();
        REQUIRE(receiving.done());
        REQUIRE(polling.done());
        REQUIRE(accepting.done());
        CHECK(receiving.take() == -ECANCELED);
        CHECK(polling.take() == -ECANCELED);
        CHECK(accepting.take() == -ECANCELED);
    }
    made.reset();
    REQUIRE(::send(ends.far.number(), "x", 1, 0) == 1); // nobody receives it any more
    char byte = 0;
    CHECK(::recv(ends.near.number(), &byte, 1, MSG_DONTWAIT) == 1);
}

TEST_CASE("a driver gives back the blocks that the kernel has not used, also those it was about to use") {
    test::watchdog const watched{20};
    buffer_pool_options few;
    few.blocks = 64;
    few.block_size = 256;
    buffer_pool pool{few};
    auto made = open_one();
    manual_executor runs;
    context const where{runs};
    auto const ends = make_pair_of();
    {
        current_guard<io::driver> const installed{made.get()};
        if (!made->blocks_of(pool)) SKIP("the kernel has no rings of buffers");
        CHECK(made->blocks_of(pool) == made->blocks_of(pool));
        CHECK(pool.available() == 64 - 8);
        auto const receive = [](io::fd_ref from, buffer_pool& of) -> task<std::size_t> {
            auto const got = co_await io::recv_block(from, of);
            co_return got ? got->size() : 0;
        };
        for (int round = 0; round < 30; ++round) { // several times around the ring
            started receiving{receive(ends.near.ref(), pool), where};
            REQUIRE(::send(ends.far.number(), "four", 4, 0) == 4);
            while (!receiving.done()) {
                made->wait_until(clock::now() + 10ms);
                runs.run_all();
            }
            CHECK(receiving.take() == 4);
        }
        started last{receive(ends.near.ref(), pool), where};
        made->wait_until(time_point::min());
        made->retire();
        runs.run_all();
        REQUIRE(last.done());
        CHECK(last.take() == 0);
    }
    CHECK(pool.available() == 64);
}

TEST_CASE("a wake-up is heard where the kernel cannot read an eventfd by itself, too") {
    test::watchdog const watched{20};
    auto const made = open_one(*io::all_but("read"));
    for (int round = 0; round < 200; ++round) {
        std::thread waker{[&] { made->wake(); }};
        made->wait_until(no_deadline);
        waker.join();
    }
    int waits = 0;
    for (auto const until = clock::now() + 10ms; clock::now() < until; ++waits) made->wait_until(until);
    CHECK(waits < 10); // what was heard is not heard again
}
