// tests/unit/memory/bytes_chain.cpp: pieces joined, parted and written: always the bytes that went in, in their order.
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/base/platform.hpp>
#include <weir/memory/bytes_chain.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <utility>
#include <vector>

using weir::bytes;
using weir::bytes_chain;

namespace {

bytes_chain chain_of(std::initializer_list<std::string_view> texts) {
    bytes_chain made;
    for (auto const text : texts) made.push_back(bytes::copy_of(text));
    return made;
}

// The same text cut into pieces of 1 to `longest` bytes.
bytes_chain cut(std::string_view text, std::size_t longest, std::minstd_rand& random) {
    bytes_chain made;
    while (!text.empty()) {
        auto const length = std::min<std::size_t>(1 + random() % longest, text.size());
        made.push_back(bytes::copy_of(text.substr(0, length)));
        text.remove_prefix(length);
    }
    return made;
}

std::string text_of_length(std::size_t length, std::minstd_rand& random) {
    std::string text(length, ' ');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

// Room for the parts of a call to write.
template <std::size_t Parts>
ssize_t write_some(int file, bytes_chain const& chain) {
    std::array<iovec, Parts> parts;
    return ::writev(file, parts.data(), static_cast<int>(chain.fill(parts)));
}

// Writes `chain` into `to`, which does not wait, and reads at `from`, a little at a time, whenever it is full.
template <std::size_t Parts>
std::pair<std::string, int> write_and_read(weir::io::fd const& to, weir::io::fd const& from, bytes_chain chain) {
    std::string arrived;
    int short_writes = 0;
    std::array<char, 1500> piece;
    while (!chain.empty()) {
        auto const offered = std::min(chain.pieces(), Parts);
        auto const written = write_some<Parts>(to.number(), chain);
        if (written < 0) {
            REQUIRE(errno == EAGAIN);
            auto const got = ::read(from.number(), piece.data(), piece.size());
            REQUIRE(got > 0);
            arrived.append(piece.data(), static_cast<std::size_t>(got));
            continue;
        }
        auto const before = chain.pieces();
        chain.remove_prefix(static_cast<std::size_t>(written));
        short_writes += before - chain.pieces() < offered;
    }
    weir::test::set_flag(from, O_NONBLOCK, true);
    for (ssize_t got; (got = ::read(from.number(), piece.data(), piece.size())) > 0;)
        arrived.append(piece.data(), static_cast<std::size_t>(got));
    return {std::move(arrived), short_writes};
}

} // namespace

TEST_CASE("pieces come one after the other, from both ends", "[bytes_chain]") {
    bytes_chain chain;
    CHECK(chain.empty());
    CHECK(chain == "");
    chain.push_back(bytes::literal("body"));
    chain.push_front(bytes::literal("head "));
    chain.push_back(bytes::literal(" tail"));
    CHECK(chain == "head body tail");
    CHECK(chain.size() == 14);
    CHECK(chain.pieces() == 3);
    CHECK(chain.piece(0) == "head ");
    CHECK(chain.piece(2) == " tail");
    CHECK(bytes_chain{bytes::literal("alone")} == "alone");
}

TEST_CASE("a piece is not copied", "[bytes_chain]") {
    auto const body = bytes::copy_of("a body");
    bytes_chain chain = chain_of({"head"});
    chain.push_back(body);
    CHECK(chain.piece(1).data() == body.data());
    bytes_chain grown = chain;
    for (int n = 0; n < 20; ++n) grown.push_front(bytes::literal("x")); // moves to a larger ring
    CHECK(grown.piece(21).data() == body.data());
    CHECK(chain.split_to(7).piece(1).data() == body.data());
    CHECK(chain.piece(0).data() == body.data() + 3);
}

TEST_CASE("few pieces lie in the chain itself, and many move only when their number has doubled", "[bytes_chain]") {
    bytes_chain chain;
    auto const inside = [&] {
        auto const* const at = reinterpret_cast<std::byte const*>(&chain.piece(0));
        auto const* const start = reinterpret_cast<std::byte const*>(&chain);
        return start <= at && at < start + sizeof chain;
    };
    for (std::size_t n = 0; n < bytes_chain::inline_pieces; ++n) {
        chain.push_back(bytes::literal("x"));
        CHECK(inside());
    }
    int moves = 0;
    for (bytes const* before = &chain.piece(0); chain.pieces() < 1024;) {
        chain.push_back(bytes::literal("x"));
        moves += std::exchange(before, &chain.piece(0)) != &chain.piece(0);
    }
    CHECK(moves == 8); // 8, 16, ... 1024
    CHECK(!inside());

    bytes_chain turning; // what comes as others go finds their places
    turning.push_back(bytes::literal("0"));
    for (int n = 0; n < 100; ++n) {
        turning.push_back(bytes::literal("0"));
        turning.push_back(bytes::literal("1"));
        turning.remove_prefix(2);
    }
    auto const* const at = reinterpret_cast<std::byte const*>(&turning.piece(0));
    CHECK(at - reinterpret_cast<std::byte const*>(&turning) < static_cast<std::ptrdiff_t>(sizeof turning));
    CHECK(at >= reinterpret_cast<std::byte const*>(&turning));
}

TEST_CASE("an empty piece leaves no trace", "[bytes_chain]") {
    bytes_chain chain{bytes{}};
    chain.push_back({});
    chain.push_front(bytes::literal(""));
    chain.append({});
    CHECK(chain.pieces() == 0);
    chain.push_back(bytes::literal("a"));
    chain.push_back({});
    CHECK(chain.pieces() == 1);
}

TEST_CASE("chains join in their order, whichever is the longer", "[bytes_chain]") {
    for (std::size_t const left : {0u, 1u, 3u, 4u, 5u, 30u})
        for (std::size_t const right : {0u, 1u, 3u, 4u, 5u, 30u}) {
            CAPTURE(left, right);
            bytes_chain chain;
            bytes_chain more;
            std::string expected;
            for (std::size_t n = 0; n < left; ++n) chain.push_back(bytes::copy_of(std::to_string(n) + ' '));
            for (std::size_t n = 0; n < right; ++n) more.push_back(bytes::copy_of(std::to_string(n) + ','));
            for (std::size_t n = 0; n < left; ++n) expected += std::to_string(n) + ' ';
            for (std::size_t n = 0; n < right; ++n) expected += std::to_string(n) + ',';
            auto const kept = more;
            chain.append(more);
            CHECK(more == kept); // a copy was joined
            CHECK(chain == expected);
            CHECK(chain.size() == expected.size());
            CHECK(chain.pieces() == left + right);
            chain.append(std::move(more));
            CHECK(more.empty());
            CHECK(chain.pieces() == left + 2 * right);
            chain.append(chain); // itself, by a copy
            CHECK(chain.pieces() == 2 * left + 4 * right);
        }
}

TEST_CASE("the shorter chain goes to where the longer one is", "[bytes_chain]") {
    bytes_chain longer;
    for (int n = 0; n < 20; ++n) longer.push_back(bytes::literal("x")); // of 32 places
    bytes const* const place = &longer.piece(7);
    bytes_chain chain = chain_of({"a", "b"});
    chain.append(std::move(longer));
    CHECK(&chain.piece(2 + 7) == place);
    chain.append(chain_of({"c"}));
    CHECK(&chain.piece(2 + 7) == place);
    CHECK(chain == "ab" + std::string(20, 'x') + "c");
}

TEST_CASE("split_to parts a chain in two, between pieces and inside one", "[bytes_chain]") {
    std::string const text = "onetwothreefourfivesix";
    for (std::size_t at = 0; at <= text.size(); ++at) {
        CAPTURE(at);
        bytes_chain rest = chain_of({"one", "two", "three", "four", "five", "six"});
        bytes_chain const front = rest.split_to(at);
        CHECK(front == text.substr(0, at));
        CHECK(front.size() == at);
        CHECK(rest == text.substr(at));
        CHECK(rest.size() == text.size() - at);

        bytes_chain dropped = chain_of({"one", "two", "three", "four", "five", "six"});
        dropped.remove_prefix(at);
        CHECK(dropped == rest);
        CHECK(dropped.pieces() == rest.pieces());
    }
}

TEST_CASE("what was dropped is let go at once", "[bytes_chain]") {
    weir::buffer in{256}; // its block is used from the start again when no slice of it is left
    auto const* const start = in.prepare(1).data();
    in.append("abcdef");
    bytes_chain chain{in.split(6)};
    chain.push_front(bytes::literal("012"));
    CHECK(in.prepare(1).data() != start);
    chain.remove_prefix(8);
    CHECK(in.prepare(1).data() != start); // the last byte is still there
    SECTION("by a prefix") { chain.remove_prefix(1); }
    SECTION("by a part that ends") { chain.split_to(1); }
    SECTION("by clear") { chain.clear(); }
    SECTION("by assignment") { chain = {}; }
    CHECK(chain.empty());
    CHECK(in.prepare(1).data() == start);
}

TEST_CASE("a moved-from chain is empty and a swapped one is the other", "[bytes_chain]") {
    for (std::size_t const pieces : {2u, 9u}) { // in the chain itself, and not
        std::minstd_rand random{1};
        std::string const text(pieces, 'x');
        bytes_chain from = cut(text, 1, random);
        bytes_chain to{std::move(from)};
        CHECK(from.empty());
        CHECK(from.pieces() == 0);
        CHECK(to == text);
        from.push_back(bytes::literal("again"));
        CHECK(from == "again");
        from.swap(to);
        CHECK(from == text);
        CHECK(to == "again");
        auto& same = from;
        from = same;
        CHECK(from == text);
    }
}

TEST_CASE("one run is the piece itself, and a copy only of several", "[bytes_chain]") {
    auto const piece = bytes::copy_of("whole");
    CHECK(bytes_chain{piece}.to_bytes().data() == piece.data());
    CHECK(bytes_chain{}.to_bytes().empty());
    auto const several = chain_of({"a", "bc", "def"});
    CHECK(several.to_bytes() == "abcdef");
    CHECK(several == "abcdef"); // and is as it was
}

TEST_CASE("chains compare by content and not by their cuts", "[bytes_chain]") {
    std::minstd_rand random{3};
    for (int round = 0; round < 200; ++round) {
        std::string const text = text_of_length(random() % 60, random);
        auto const one = cut(text, 9, random);
        CHECK(one == cut(text, 5, random));
        CHECK(one == bytes::copy_of(text));
        CHECK(bytes::copy_of(text) == one);
        CHECK(one != text + 'x');
        CHECK(one != cut(text + 'x', 5, random));
        if (text.empty()) continue;
        std::string other = text;
        ++other[random() % other.size()];
        CHECK(one != other);
        CHECK(one != cut(other, 5, random));
        CHECK(one != text.substr(1));
    }
}

TEST_CASE("a chain shows where its pieces lie, as many as are asked for", "[bytes_chain]") {
    auto const chain = chain_of({"one", "two", "three"});
    std::array<std::span<std::byte const>, 5> runs;
    CHECK(chain.fill(runs) == 3);
    for (std::size_t n = 0; n < 3; ++n) {
        CHECK(runs[n].data() == chain.piece(n).data());
        CHECK(runs[n].size() == chain.piece(n).size());
    }
    CHECK(runs[3].data() == nullptr); // untouched
    CHECK(chain.fill(std::span{runs}.first(2)) == 2);
    CHECK(chain.fill(std::span{runs}.first(0)) == 0);
    CHECK(bytes_chain{}.fill(runs) == 0);
}

TEST_CASE("no more than the system takes in one call is filled in", "[bytes_chain]") {
    bytes_chain chain;
    constexpr std::size_t pieces = bytes_chain::most_in_a_call + 76;
    for (std::size_t n = 0; n < pieces; ++n) chain.push_back(bytes::literal("x"));
    std::vector<iovec> parts(pieces);
    CHECK(chain.fill(parts) == bytes_chain::most_in_a_call);
    CHECK(parts[bytes_chain::most_in_a_call].iov_base == nullptr);
    auto const ends = weir::test::make_pair_of();
    auto const count = static_cast<int>(chain.fill(parts));
    CHECK(::writev(ends.near.number(), parts.data(), count) == count); // the system does take so many
    CHECK(::writev(ends.near.number(), parts.data(), count + 1) < 0);  // and not one more
}

TEST_CASE("a chain goes through a socket that takes a little at a time", "[bytes_chain]") {
    std::minstd_rand random{7};
    for (int round = 0; round < 5; ++round) {
        auto const ends = weir::test::make_pair_of();
        int const small = 4096;
        ::setsockopt(ends.near.number(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        weir::test::set_flag(ends.near, O_NONBLOCK, true);
        std::string const text = text_of_length(150'000, random);
        auto const [arrived, short_writes] =
            write_and_read<16>(ends.near, ends.far, cut(text, round % 2 ? 900 : 30'000, random));
        CHECK(short_writes > 5);
        CHECK(arrived == text);
    }
}

TEST_CASE("a chain of more pieces than one call takes goes through a pipe", "[bytes_chain]") {
    std::minstd_rand random{8};
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    weir::io::fd const from{ends[0]};
    weir::io::fd const to{ends[1]};
    ::fcntl(to.number(), F_SETPIPE_SZ, 4096);
    std::string const text = text_of_length(20'000, random);
    auto const [arrived, short_writes] = write_and_read<4000>(to, from, cut(text, 7, random));
    CHECK(short_writes > 2);
    CHECK(arrived == text);
}

TEST_CASE("any mix of joining and parting gives the text that went in", "[bytes_chain]") {
    for (unsigned seed = 1; seed <= weir::test::scaled(100); ++seed) {
        std::minstd_rand random{seed};
        bytes_chain chain;
        std::string model;
        for (int step = 0; step < 300; ++step) {
            std::string const text = text_of_length(random() % 12, random);
            auto const some = std::size_t{random() % (model.size() + 1)};
            switch (random() % 7) {
                case 0:
                    chain.push_back(bytes::copy_of(text));
                    model += text;
                    break;
                case 1:
                    chain.push_front(bytes::copy_of(text));
                    model = text + model;
                    break;
                case 2:
                    chain.append(cut(text, 3, random));
                    model += text;
                    break;
                case 3: {
                    bytes_chain front = cut(text, 3, random);
                    front.append(std::exchange(chain, {}));
                    chain = std::move(front);
                    model = text + model;
                    break;
                }
                case 4:
                    chain.remove_prefix(some / 2);
                    model.erase(0, some / 2);
                    break;
                case 5: { // parted and joined the other way round
                    bytes_chain front = chain.split_to(some);
                    chain.append(std::move(front));
                    std::rotate(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(some), model.end());
                    break;
                }
                case 6: chain = bytes_chain{chain.to_bytes()}; break;
            }
            REQUIRE(chain == model);
            REQUIRE(chain.size() == model.size());
        }
    }
}
