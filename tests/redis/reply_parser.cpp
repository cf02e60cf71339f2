// tests/redis/reply_parser.cpp: every type of RESP3, however its bytes are cut, and bytes that are none.
#include "replies.hpp"

#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <random>
#include <string>
#include <string_view>

using namespace std::string_view_literals;
using redis_test::read;
using redis_test::read_cut;

TEST_CASE("every type of RESP3 is read as what it is") {
    CHECK(read("+OK\r\n") == "text OK");
    CHECK(read("-ERR no\r\n") == "error ERR no");
    CHECK(read(":-42\r\n") == "integer -42");
    CHECK(read(":+7\r\n") == "integer 7");
    CHECK(read("$5\r\na\r\nbc\r\n") == "string a\r\nbc");
    CHECK(read("$0\r\n\r\n") == "string ");
    CHECK(read("_\r\n") == "null");
    CHECK(read("$-1\r\n") == "null");
    CHECK(read("*-1\r\n") == "null");
    CHECK(read(",1.5\r\n") == "number 1.500000");
    CHECK(read(",-1e3\r\n") == "number -1000.000000");
    CHECK(read(",inf\r\n") == "number inf");
    CHECK(read(",-inf\r\n") == "number -inf");
    CHECK(read("#t\r\n#f\r\n") == "boolean 1|boolean 0");
    CHECK(read("!9\r\nERR a\r\nbc\r\n") == "error ERR a\r\nbc");
    CHECK(read("=7\r\ntxt:a b\r\n") == "verbatim a b");
    CHECK(read("(-123456789012345678901234567890\r\n") == "big_number -123456789012345678901234567890");
    CHECK(read("*2\r\n:1\r\n*1\r\n$1\r\na\r\n") == "array[integer 1,array[string a]]");
    CHECK(read("*0\r\n%0\r\n~0\r\n") == "array[]|map[]|set[]");
    CHECK(read("%1\r\n+a\r\n~2\r\n#t\r\n_\r\n") == "map[text a,set[boolean 1,null]]");
    CHECK(read(">2\r\n+message\r\n+x\r\n:1\r\n") == "push[text message,text x]|integer 1");
}

TEST_CASE("attributes are dropped wherever they stand, and what they are about is not") {
    CHECK(read("|1\r\n+ttl\r\n:3\r\n+OK\r\n") == "text OK");
    CHECK(read("*2\r\n|2\r\n+a\r\n*1\r\n:9\r\n+b\r\n_\r\n:1\r\n:2\r\n") == "array[integer 1,integer 2]");
    CHECK(read("|1\r\n|1\r\n+inner\r\n:1\r\n+a\r\n:2\r\n|0\r\n$1\r\nx\r\n") == "string x");
    CHECK(read("*1\r\n|1\r\n+a\r\n+b\r\n") == ""); // the element has not come
}

TEST_CASE("what is no RESP3 is refused") {
    for (auto const text : {"\r\n"sv, "x\r\n"sv, "+a\nb\r\n"sv, "+a\rb\r\n"sv, ":\r\n"sv, ":1x\r\n"sv, ":+-1\r\n"sv,
                            ":9223372036854775808\r\n"sv, "$-2\r\n"sv, "$+1\r\na\r\n"sv, "$1\r\nab\r\n"sv,
                            "$1x\r\na\r\n"sv,
                            "$?\r\n"sv, "*?\r\n"sv, "*-2\r\n"sv, "_x\r\n"sv, "#x\r\n"sv, "#\r\n"sv, ",\r\n"sv,
                            ",1.5.2\r\n"sv,
                            ",infinity\r\n"sv, ",0x1\r\n"sv, "(12a\r\n"sv, "(\r\n"sv, "=3\r\ntxt\r\n"sv,
                            "=4\r\ntxt-\r\n"sv,
                            "*1\r\n>1\r\n:1\r\n"sv, "%x\r\n"sv, "!-1\r\n"sv, ";4\r\n"sv}) {
        CAPTURE(text);
        CHECK(read(text) == "broken");
    }
    CHECK(read(":1\r\nx\r\n:2\r\n") == "integer 1|broken");
}

TEST_CASE("a reply that passes a limit is refused, and one at the limit is not") {
    redis::reply_limits limits;
    limits.depth = 2;
    limits.elements = 4;
    limits.line = 8;
    limits.bytes = 6;
    CHECK(read("*1\r\n*1\r\n:1\r\n", limits) == "array[array[integer 1]]");
    CHECK(read("*1\r\n*1\r\n*1\r\n:1\r\n", limits) == "broken");
    CHECK(read("|1\r\n|1\r\n|1\r\n", limits) == "broken"); // those who are dropped are deep, too
    CHECK(read("*3\r\n:1\r\n*1\r\n:1\r\n:1\r\n", limits) == "array[integer 1,array[integer 1],integer 1]");
    CHECK(read("*3\r\n:1\r\n*2\r\n", limits) == "broken");
    CHECK(read("%3\r\n", limits) == "broken");
    CHECK(read("%18446744073709551615\r\n", limits) == "broken");
    CHECK(read("$18446744073709551615\r\n", limits) == "broken");
    CHECK(read("+1234567\r\n", limits) == "text 1234567");
    CHECK(read("+12345678\r\n", limits) == "broken");
    CHECK(read("+1234567890", limits) == "broken"); // without waiting for its end
    CHECK(read("*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n", limits) == "array[string abc,string def]");
    CHECK(read("*2\r\n$3\r\nabc\r\n$4\r\n", limits) == "broken");
    // The limits are those of one reply.
    CHECK(read("$6\r\nabcdef\r\n$6\r\nabcdef\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n*4\r\n", limits) ==
          "string abcdef|string abcdef|array[integer 1,integer 1,integer 1,integer 1]");
}

TEST_CASE("a long string says how much is to come, and comes as one piece") {
    redis::reply_parser parser;
    weir::buffer in;
    in.append("*2\r\n:1\r\n$100000\r\nabc"sv);
    REQUIRE(parser.parse(in) == redis::reply_parser::progress::hungry);
    CHECK(parser.wanted(in) == 100002 - 3);
    CHECK_FALSE(parser.at_start());
    in.append(std::string(99997, 'x'));
    REQUIRE(parser.parse(in) == redis::reply_parser::progress::hungry);
    in.append("\r\n+next"sv);
    REQUIRE(parser.parse(in) == redis::reply_parser::progress::complete);
    CHECK(parser.take().elements()[1].string().size() == 100000);
    CHECK(parser.wanted(in) == 0);
    CHECK(in.view() == "+next");
}

TEST_CASE("a hundred thousand mutated replies have one outcome each, however they are cut") {
    std::string const seeds[] = {
        "+OK\r\n-ERR what\r\n:12\r\n$3\r\nabc\r\n$-1\r\n_\r\n",
        "*3\r\n$1\r\na\r\n:2\r\n*2\r\n#t\r\n,2.5\r\n>2\r\n+p\r\n:1\r\n",
        "|1\r\n+a\r\n:1\r\n%2\r\n+k\r\n~1\r\n(123\r\n+l\r\n=5\r\ntxt:x\r\n!3\r\nERR\r\n",
        "*12\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n$10\r\n0123456789\r\n,inf\r\n",
    };
    constexpr auto dangerous = "\r\n+-:$*_,#!=(%~>|?0123456789tfein."sv;
    std::mt19937 random{20240229};
    auto const below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    redis::reply_limits limits;
    limits.elements = 1000;
    limits.bytes = 10000;
    std::size_t good = 0, broken = 0, hungry = 0;
    for (int round = 0; round < 100'000; ++round) {
        auto bytes = seeds[below(std::size(seeds))];
        for (auto faults = 1 + below(3); faults > 0 && !bytes.empty(); --faults) {
            auto const at = below(bytes.size());
            switch (below(6)) {
                case 0: bytes[at] = static_cast<char>(random()); break;
                case 1: bytes[at] = dangerous[below(dangerous.size())]; break;
                case 2: bytes.insert(at, 1, dangerous[below(dangerous.size())]); break;
                case 3: bytes.erase(at, 1 + below(8)); break;
                case 4: bytes.insert(at, bytes.substr(below(bytes.size()), 4 * below(8))); break;
                default: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
            }
        }
        auto const whole = read(bytes, limits);
        auto const halves = read_cut(bytes, {bytes.empty() ? 0 : below(bytes.size())}, limits);
        std::vector<std::size_t> everywhere;
        for (std::size_t n = 1; n < bytes.size(); ++n) everywhere.push_back(n);
        auto const slow = read_cut(bytes, everywhere, limits);
        if (whole != halves || whole != slow) {
            CAPTURE(bytes, whole, halves, slow);
            FAIL("a cut changes the outcome");
        }
        (whole.ends_with("broken") ? broken : redis_test::ends_whole(bytes, limits) ? good : hungry) += 1;
    }
    // The faults are neither so mild that nothing is refused nor so coarse that everything is.
    CHECK(good > 3'000);
    CHECK(broken > 10'000);
    CHECK(hungry > 1'000);
}
