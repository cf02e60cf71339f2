// tests/stress/kills.cpp: connections that end in the middle of everything: reset, closed or half closed, by either side,
// at a random byte. Afterwards no descriptor, task, timer or block of memory is left, and no byte was wrong.
// WEIR_KILLS in the environment sets their number; a million takes minutes.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

// GCC sees our delete inlined and our new not, and takes them for strangers.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#include "support/counting_new.hpp"
#pragma GCC diagnostic pop

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_message.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/op/send_all.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

enum class kill : unsigned char { reset, close, half_close };
constexpr std::size_t kinds = 3;

// What both sides of a connection know of it from the client's port, and from nothing else.
class plan {
public:
    plan(unsigned port, std::size_t batch) {
        std::mt19937 random{port + static_cast<unsigned>(batch) * 65'536};
        how = static_cast<kill>(random() % kinds);
        client_kills = random() % 2;
        // Where it happens: often among the first bytes or before them, sometimes behind what the sockets hold.
        at = random() % 3 ? random() % 600 : random() % 60'000;
        small_buffers = random() % 2;
        seed = static_cast<unsigned>(random());
    }
    kill how;
    bool client_kills;
    std::size_t at;
    bool small_buffers;
    unsigned seed;
};

struct tally {
    atomic<std::size_t> ended{0};
    atomic<std::size_t> refused{0}; // not connected, or not accepted
    atomic<std::size_t> wrong{0}; // bytes that were not those that were sent
    atomic<std::size_t> lost{0};  // half-closed connections of which one side has less than the other has sent
    std::array<atomic<std::size_t>, kinds> of_kind{};
    atomic<std::size_t> errors{0}; // heard by the side that did not end it
    atomic<std::ptrdiff_t> tasks{0};
};

class counted_task : immovable {
public:
    explicit counted_task(tally& in) noexcept : in_{in} { in_.tasks.fetch_add(1, relaxed); }
    ~counted_task() { in_.tasks.fetch_sub(1, relaxed); } // read once all were joined

private:
    tally& in_;
};

std::byte expected(unsigned seed, std::size_t at) {
    return static_cast<std::byte>((at * 131 + seed * 7 + (at >> 9)) & 0xff);
}

// One side of a connection. The killer and its victim differ in what they do behind the last byte.
class side : immovable {
public:
    side(io::fd socket, plan const& known, bool is_client, tally& counts)
        : file{std::move(socket)}, what{known}, kills{known.client_kills == is_client}, writes{known.seed + is_client},
          reads{known.seed + !is_client}, seen{counts}, counted{counts} {
        int const small = 4096;
        if (what.small_buffers) ::setsockopt(file.number(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }

    io::fd file;
    plan const what;
    bool const kills;
    unsigned const writes; // the seed of what it sends
    unsigned const reads;
    std::size_t sent = 0;
    std::size_t received = 0;
    tally& seen;
    counted_task const counted;
};

std::chrono::microseconds some_time(std::mt19937& random) {
    return std::chrono::microseconds{random() % 4 ? 5'000'000 : random() % 200};
}

task<> read_all(scope& both, side& self) {
    counted_task const counted{self.seen};
    std::mt19937 random{self.reads};
    std::array<std::byte, 3000> into;
    io::incoming message;
    for (;;) {
        auto const room = std::span{into}.first(1 + random() % into.size());
        result<std::size_t> got{errc::closed};
        auto const limit = some_time(random);
        if (random() % 4 == 0) got = co_await timeout(io::recv_message(self.file.ref(), room, message), limit);
        else got = co_await timeout(io::recv(self.file.ref(), room), limit);
        if (!got) {
            if (got.error() == errc::timed_out) continue;
            if (got.error().category() == std::system_category()) self.seen.errors.fetch_add(1, relaxed);
            both.request_stop();
            co_return;
        }
        if (*got == 0) co_return; // the writer goes on: this may be half of the end
        for (std::size_t i = 0; i < *got; ++i)
            self.seen.wrong.fetch_add(into[i] != expected(self.reads, self.received + i), relaxed);
        self.received += *got;
    }
}

task<> write_some(scope& both, side& self) {
    counted_task const counted{self.seen};
    std::mt19937 random{self.writes};
    std::size_t const end = self.kills ? self.what.at : self.what.at + random() % 20'000;
    while (self.sent < end) {
        buffer text;
        auto const piece = text.prepare(4000).first(std::min<std::size_t>(end - self.sent, 1 + random() % 4000));
        for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = expected(self.writes, self.sent + i);
        text.commit(piece.size());
        std::error_code why;
        if (random() % 4 == 0) { // a chain of two
            bytes_chain chain{text.split(piece.size() / 2)};
            chain.push_back(text.freeze());
            auto const done = co_await timeout(io::send_all(self.file.ref(), chain), some_time(random));
            self.sent += piece.size() - chain.size();
            why = done.error();
        } else {
            auto const done = co_await timeout(io::send(self.file.ref(), piece), some_time(random));
            if (done) self.sent += *done;
            why = done.error();
        }
        if (why && why != errc::timed_out) {
            both.request_stop();
            co_return;
        }
        if (random() % 8 == 0) co_await yield();
    }
    if (!self.kills || self.what.how == kill::half_close) ::shutdown(self.file.number(), SHUT_WR);
    else both.request_stop(); // the reader, wherever it is
}

// Until both directions have ended, or one by force.
task<> live(side& self) {
    co_await in_scope(
        [](scope& both, side& of) -> task<> {
            both.spawn(read_all, std::ref(both), std::ref(of));
            both.spawn(write_some, std::ref(both), std::ref(of));
            co_return;
        },
        std::ref(self));
    if (self.kills && self.what.how == kill::reset) reset_connection(std::move(self.file));
    else static_cast<void>(co_await io::close(std::move(self.file)));
}

unsigned port_of(sockaddr_storage const& raw) {
    sockaddr_in v4;
    std::memcpy(&v4, &raw, sizeof v4);
    return ntohs(v4.sin_port);
}

task<> serve(io::fd file, std::size_t batch, tally& seen) {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (::getpeername(file.number(), reinterpret_cast<sockaddr*>(&raw), &length) != 0) co_return; // reset already
    side self{std::move(file), plan{port_of(raw), batch}, false, seen};
    co_await live(self);
    if (self.what.how == kill::half_close) {
        std::mt19937 random{self.reads}; // as its peer has drawn it
        std::size_t const whole = self.kills ? self.what.at + random() % 20'000 : self.what.at;
        seen.lost.fetch_add(self.received != whole, relaxed);
    }
}

task<> call(loopback const& to, std::size_t batch, tally& seen) {
    io::fd file = tcp_socket();
    auto const connected = co_await io::connect(file.ref(), to.storage, to.length);
    if (!connected) { // a peer that kills before the first byte may be faster than the news of the connection
        bool const reset = connected.error() == std::errc::connection_reset;
        (reset ? seen.ended : seen.refused).fetch_add(1, relaxed);
        co_return;
    }
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    ::getsockname(file.number(), reinterpret_cast<sockaddr*>(&raw), &length);
    side self{std::move(file), plan{port_of(raw), batch}, true, seen};
    co_await live(self);
    seen.of_kind[static_cast<std::size_t>(self.what.how)].fetch_add(1, relaxed);
    seen.ended.fetch_add(1, relaxed);
}

// So many connections at once.
constexpr std::size_t in_a_batch = 250;

task<> run_batch(scope& children, std::size_t batch, std::size_t count, tally& seen) {
    auto const listener = listen_here();
    for (std::size_t n = 0; n < count; ++n) children.spawn(call, std::cref(listener.where), batch, std::ref(seen));
    co_await in_scope(
        [](scope& servers, io::fd_ref from, std::size_t number, std::size_t all, tally& counts) -> task<> {
            for (std::size_t n = 0; n < all; ++n) {
                auto got = co_await io::accept(from);
                if (got) servers.spawn(serve, std::move(*got), number, std::ref(counts));
                else counts.refused.fetch_add(1, relaxed);
            }
        },
        listener.file.ref(), batch, count, std::ref(seen));
}

// Descriptors that a batch left behind, and timers of the worker that looks.
struct leftovers {
    std::size_t files = 0;
    std::size_t timers = 0;
};

task<leftovers> kill_all(std::size_t count, tally& seen) {
    leftovers left;
    auto const before = entries_of("fd");
    for (std::size_t batch = 0; batch * in_a_batch < count; ++batch) {
        std::size_t const rest = std::min(in_a_batch, count - batch * in_a_batch);
        co_await in_scope(run_batch, batch, rest, std::ref(seen));
        co_await yield();
        left.files = std::max(left.files, entries_of("fd") - before);
        left.timers = std::max(left.timers, current<timer_wheel>()->size());
    }
    co_return left;
}

std::size_t kills() {
    char const* const asked = std::getenv("WEIR_KILLS");
    return asked ? static_cast<std::size_t>(std::atoll(asked)) : scaled(10'000, 10);
}

} // namespace

TEST_CASE("connections that are killed at random leave nothing behind") {
    auto const choice = GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll);
    INFO((choice == io::backend_choice::epoll ? "on epoll" : "on io_uring"));
    test::watchdog const watched{static_cast<unsigned>(60 + kills() / 500)};
    auto const files = entries_of("fd");
    std::thread{[] {}}.join(); // with the first one a sanitizer starts one of its own
    auto const threads = entries_of("task");
    tally seen;
    leftovers left;
    std::string refusal;
    std::ptrdiff_t const blocks = blocks_left_by([&] {
        runtime runs{backend_runtime::with(choice, 2)};
        if (choice == io::backend_choice::io_uring && !runs.backend_refusal().empty()) refusal = "x";
        left = runs.block_on(kill_all, kills(), std::ref(seen));
    });
    if (!refusal.empty()) SKIP("io_uring is refused here");
    CHECK(seen.wrong.load(relaxed) == 0);
    CHECK(seen.lost.load(relaxed) == 0);
    CHECK(seen.refused.load(relaxed) == 0);
    CHECK(seen.ended.load(relaxed) == kills());
    CHECK(seen.errors.load(relaxed) > 0);
    for (auto const& each : seen.of_kind) CHECK(each.load(relaxed) > kills() / 6);
    CHECK(seen.tasks.load(relaxed) == 0);
    CHECK(left.files == 0);
    CHECK(left.timers == 0);
    CHECK(blocks == 0);
    CHECK(entries_of("fd") == files);
    CHECK(entries_of("task") == threads);
}
