// tests/http/mutation.cpp: requests with random faults neither confuse the parser nor make cuts matter.
#include "drive.hpp"
#include "support/scale.hpp"

#include <random>

using namespace drive;
using namespace std::string_view_literals;

TEST_CASE("mutated requests have one outcome each, however they are cut (a hundred thousand of them)") {
    std::vector<std::string> const seeds{
        get("") + get("A: b\r\nConnection: keep-alive, x\r\n"),
        post("Content-Length: 3\r\n", "abc") + get(""),
        post("Content-Length: 12\r\nExpect: 100-continue\r\n", "0123456789ab"),
        chunked("3;a=\"b\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: u\r\n\r\n") + get("Connection: close\r\n"),
        post("Transfer-Encoding: chunked\r\nConnection: upgrade\r\nUpgrade: x\r\n", "1\r\na\r\n0\r\n\r\n"),
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\nGET http://x/y?z HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    };
    constexpr auto dangerous = "\r\n \t\0:;,=\"/?#%09afAFxXgG\x7f\x80\xff"sv;
    std::mt19937 random{20240229};
    auto const below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    std::size_t good = 0, bad = 0, hungry = 0;
    constexpr std::size_t rounds = weir::test::scaled(100'000);
    for (std::size_t round = 0; round < rounds; ++round) {
        auto bytes = seeds[below(seeds.size())];
        for (auto faults = 1 + below(3); faults > 0 && !bytes.empty(); --faults) {
            auto const at = below(bytes.size());
            auto const size = 1 + below(8);
            switch (below(6)) {
                case 0: bytes[at] = static_cast<char>(random()); break;
                case 1: bytes[at] = dangerous[below(dangerous.size())]; break;
                case 2: bytes.insert(at, 1, dangerous[below(dangerous.size())]); break;
                case 3: bytes.erase(at, size); break;
                case 4: bytes.insert(at, bytes.substr(below(bytes.size()), 4 * size)); break;
                default: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
            }
        }
        auto const result = whole(bytes);
        auto const at = bytes.empty() ? 0 : below(bytes.size());
        auto const cut = split(bytes, at);
        auto const slow = bytewise(bytes);
        if (cut != result || slow != result) {
            CAPTURE(bytes, at, result.status, result.message, cut.status, cut.message, slow.status, slow.message);
            FAIL("a cut changes the outcome");
        }
        (result.status != 0 ? bad : result.hungry ? hungry : good) += 1;
    }
    // The faults are neither so mild that nothing is refused nor so coarse that everything is.
    CHECK(good > rounds / 33);
    CHECK(bad > rounds / 10);
    CHECK(hungry > rounds / 100);
}
