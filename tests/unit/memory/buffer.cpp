// tests/unit/memory/buffer.cpp: gathering, consuming, splitting and freezing, and what a slice may rely on meanwhile.
#include <weir/memory/buffer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using weir::buffer;
using weir::bytes;

namespace {

void fill(buffer& into, std::string_view text) {
    auto const room = into.prepare(text.size());
    REQUIRE(room.size() >= text.size());
    std::ranges::copy(std::as_bytes(std::span{text}), room.begin());
    into.commit(text.size());
}

} // namespace

TEST_CASE("what is committed is readable, and what is only prepared is not", "[buffer]") {
    buffer in;
    CHECK(in.capacity() == 0);
    CHECK(in.readable().empty());
    auto const room = in.prepare(10);
    CHECK(room.size() >= 10);
    CHECK(in.empty());
    std::memcpy(room.data(), "hello world", 10);
    in.commit(5);
    CHECK(in.view() == "hello");
    in.commit(3);
    CHECK(in.view() == "hello wo");
    in.commit(0);
    CHECK(in.size() == 8);
}

TEST_CASE("append keeps what was there", "[buffer]") {
    buffer out;
    std::string expected;
    for (int n = 0; n < 2000; ++n) {
        auto const word = std::to_string(n) + ' ';
        out.append(word);
        out.append('\n');
        expected += word + '\n';
    }
    CHECK(out.view() == expected);
    out.append(std::string_view{});
    CHECK(out.view() == expected);
    CHECK(out.capacity() < 4 * expected.size());
}

TEST_CASE("consume moves nothing", "[buffer]") {
    buffer in;
    fill(in, "first second");
    auto const* const second = in.readable().data() + 6;
    auto const room = in.prepare(1);
    in.consume(6);
    CHECK(in.view() == "second");
    CHECK(in.readable().data() == second);
    in.consume(6);
    CHECK(in.empty());
    // What was prepared before the buffer ran empty is where the bytes arrive.
    std::memcpy(room.data(), "third", 5);
    in.commit(5);
    CHECK(in.view() == "third");
}

TEST_CASE("an emptied buffer uses its block from the start", "[buffer]") {
    buffer in{1000};
    auto const capacity = in.capacity();
    auto const* const start = in.prepare(1).data();
    for (int round = 0; round < 100; ++round) {
        fill(in, std::string(600, 'x'));
        in.consume(600);
    }
    CHECK(in.capacity() == capacity);
    CHECK(in.prepare(1).data() == start);
    fill(in, "abc");
    in.clear();
    CHECK(in.empty());
    CHECK(in.prepare(1).data() == start);
}

TEST_CASE("a reader that always leaves a little does not make the buffer grow", "[buffer]") {
    buffer in{1024};
    fill(in, "tail");
    for (int round = 0; round < 1000; ++round) {
        fill(in, std::string(100, 'x') + "tail");
        in.consume(104);
        REQUIRE(in.view() == "tail");
    }
    CHECK(in.capacity() <= 1024);
}

TEST_CASE("freeze hands over the block without a copy", "[buffer]") {
    buffer out;
    fill(out, "header body");
    out.consume(7);
    auto const* const body = out.readable().data();
    bytes const frozen = out.freeze();
    CHECK(frozen == "body");
    CHECK(frozen.data() == body);
    CHECK(out.empty());
    CHECK(out.capacity() == 0);
    fill(out, "again");
    CHECK(frozen == "body");
    CHECK(out.view() == "again");

    buffer none;
    CHECK(none.freeze().empty());
    none.reserve(100);
    CHECK(none.freeze().data() == nullptr); // nothing readable: the block is let go
}

TEST_CASE("split gives slices of the block and the buffer goes on behind them", "[buffer]") {
    buffer in{4096};
    fill(in, "GET / HTTP/1.1\r\nhost: a\r\n");
    auto const* const start = in.readable().data();
    bytes const line = in.split(16);
    CHECK(line == "GET / HTTP/1.1\r\n");
    CHECK(line.data() == start);
    CHECK(in.view() == "host: a\r\n");
    bytes const host = in.split(in.size());
    CHECK(in.empty());
    CHECK(in.split(0).empty());
    for (int round = 0; round < 200; ++round) { // past the block's end several times
        fill(in, std::string(100, 'x'));
        in.consume(90);
        if (in.size() > 500) in.clear();
    }
    CHECK(line == "GET / HTTP/1.1\r\n"); // what was given away is never written again
    CHECK(host == "host: a\r\n");
}

TEST_CASE("when the slices are gone the block is used again", "[buffer]") {
    buffer in{512};
    auto const* const start = in.prepare(1).data();
    fill(in, std::string(400, 'a'));
    {
        bytes const held = in.split(400);
        CHECK(in.prepare(1).data() == start + 400); // not from the start while it is held
    }
    CHECK(in.prepare(1).data() == start);
}

TEST_CASE("a moved buffer takes everything along", "[buffer]") {
    buffer from;
    fill(from, "abc");
    buffer to{std::move(from)};
    CHECK(from.empty());
    CHECK(from.capacity() == 0);
    CHECK(to.view() == "abc");
    fill(from, "def");
    to = std::move(from);
    CHECK(to.view() == "def");
    auto& same = to;
    to = std::move(same);
    CHECK(to.view() == "def");
}

#if WEIR_EXCEPTIONS
TEST_CASE("room that cannot be had throws and changes nothing", "[buffer]") {
    buffer in;
    fill(in, "abc");
    CHECK_THROWS_AS(in.prepare(SIZE_MAX), std::bad_alloc);
    CHECK_THROWS_AS(in.reserve(SIZE_MAX - 1), std::bad_alloc);
    CHECK(in.view() == "abc");
    fill(in, "def");
    CHECK(in.view() == "abcdef");
}
#endif

TEST_CASE("any mix of writing, consuming and splitting gives the stream that went in", "[buffer]") {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::minstd_rand random{seed};
        buffer in;
        std::string model;                                  // what must be readable
        std::deque<std::pair<bytes, std::string>> held;     // slices and what they must say
        unsigned char next = 0;
        for (int step = 0; step < 400; ++step) {
            auto const some = [&](std::size_t most) { return std::size_t{random() % (most + 1)}; };
            switch (random() % 6) {
                case 0:
                case 1: {
                    std::string text(some(300), ' ');
                    for (char& c : text) c = static_cast<char>(next++);
                    if (random() % 2) in.append(text);
                    else fill(in, text);
                    model += text;
                    break;
                }
                case 2: {
                    auto const n = some(model.size());
                    in.consume(n);
                    model.erase(0, n);
                    break;
                }
                case 3: {
                    auto const n = some(model.size());
                    held.emplace_back(in.split(n), model.substr(0, n));
                    model.erase(0, n);
                    break;
                }
                case 4:
                    if (!held.empty()) held.pop_front();
                    break;
                case 5:
                    if (random() % 8 == 0) held.emplace_back(in.freeze(), std::exchange(model, {}));
                    break;
            }
            REQUIRE(in.view() == model);
        }
        for (auto const& [slice, text] : held) REQUIRE(slice == text);
    }
}

TEST_CASE("a block is used again as soon as another thread has dropped its last slice", "[buffer]") {
    buffer in{1024};
    auto const* const start = in.prepare(1).data();
    std::size_t sum = 0;
    for (int round = 0; round < 300; ++round) {
        fill(in, std::string(100, 'a'));
        std::jthread const reader([slice = in.split(100), &sum]() mutable {
            for (std::byte const b : slice) sum += b == std::byte{'a'};
            slice = {};
        });
        while (in.prepare(1).data() != start) std::this_thread::yield(); // and only the count says so
        fill(in, std::string(100, 'b'));
        in.consume(100);
    }
    CHECK(sum == 300 * 100);
}
