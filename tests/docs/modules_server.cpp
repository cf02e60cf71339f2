// tests/docs/modules_server.cpp: the code of the pages on io, net, flow and runtime, run.
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/flow/loader.hpp>
#include <weir/io/op/openat.hpp>
#include <weir/io/op/read_at.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/unix.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>

using namespace std::chrono_literals;

namespace {

//! [io]
weir::task<weir::result<std::string>> first_bytes(std::string path, std::size_t count) {
    auto const file = co_await weir::io::open(path, O_RDONLY);
    if (!file) co_return file.error();
    std::string text(count, '\0');
    auto const got = co_await weir::io::read_at(file->ref(), std::as_writable_bytes(std::span{text}), 0);
    if (!got) co_return got.error();
    text.resize(*got);
    co_return text;
} // the file is closed here
//! [io]

//! [net]
weir::task<weir::result<std::string>> ask(weir::net::address to, std::string_view question) {
    auto socket = co_await weir::net::connect_tcp(to);
    if (!socket) co_return socket.error();
    weir::net::stream both{std::move(*socket)};
    both.write(question);
    both.write("\n");
    auto const sent = co_await both.flush(); // both pieces by one call
    if (!sent) co_return sent.error();
    auto const line = co_await both.read_until("\n", 4096);
    if (!line) co_return line.error();
    co_return std::string{line->view()};
}
//! [net]

weir::task<> answer_one(weir::net::tcp_listener const& listener) {
    auto one = co_await listener.accept();
    if (!one) co_return;
    weir::net::stream both{std::move(*one)};
    auto const line = co_await both.read_until("\n", 4096);
    both.write("yes, ");
    if (line) both.write(*line);
    auto const sent = co_await both.flush();
    CHECK(sent.has_value());
}

int calls = 0;

//! [flow]
using names = weir::loader<int, std::string>;

weir::task<> many_names(std::span<int> ids, weir::replies<std::string>& out) { // one query for all of them
    ++calls;
    for (std::size_t n = 0; n < ids.size(); ++n) out.set(n, "user " + std::to_string(ids[n]));
    co_return;
}

weir::task<bool> greet(names& all, int id) {
    auto const name = co_await all.get(id); // the same id: one flight; other ids: the same call
    co_return name && **name == "user " + std::to_string(id);
}
//! [flow]

//! [runtime]
int slow_sum(std::vector<int> numbers) { // blocks, so it must not run on a worker
    std::this_thread::sleep_for(1ms);
    int sum = 0;
    for (int const one : numbers) sum += one;
    return sum;
}

weir::task<int> ask_slow_sum() {
    std::vector<int> numbers{40, 2};
    auto const sum = co_await weir::blocking(&slow_sum, std::move(numbers)); // the worker goes on with other tasks
    co_return sum ? *sum : -1;
}

int run() {
    weir::runtime_options options;
    options.workers = 2;
    options.name = "sums"; // of the threads, as the system shows them
    weir::runtime runtime{options};
    int const sum = runtime.block_on(ask_slow_sum);
    auto const report = runtime.shutdown(weir::shutdown_mode::drain, weir::clock::now() + 1s);
    return report.complete() ? sum : -1;
}
//! [runtime]

} // namespace

TEST_CASE("a file's first bytes") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    auto const text = runtime.block_on(first_bytes, std::string{"/proc/self/status"}, std::size_t{5});
    REQUIRE(text);
    CHECK(*text == "Name:");
}

TEST_CASE("a question and an answer") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        auto listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0));
        REQUIRE(listener);
        auto const at = listener->local();
        REQUIRE(at);
        std::string got;
        auto const asks = [&]() -> weir::task<> {
            auto const line = co_await ask(*at, "is it so?");
            if (line) got = *line;
        };
        co_await weir::when_all(answer_one(*listener), asks());
        CHECK(got == "yes, is it so?\n");
    });
}

TEST_CASE("many keys, some of them twice, in few calls") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        names all{many_names};
        std::vector<weir::task<bool>> guests;
        for (int n = 0; n < 100; ++n) guests.push_back(greet(all, n % 10));
        int greeted = 0;
        for (bool const one : co_await weir::when_all(std::move(guests))) greeted += one;
        CHECK(greeted == 100);
        CHECK(calls < 100);
        co_await all.close();
    });
}

TEST_CASE("a runtime of one's own") {
    weir::test::watchdog const end{30};
    CHECK(run() == 42);
}
