// tests/tls/memory.cpp: what a connection keeps while it waits.
#include "ends.hpp"

#include <catch2/catch_test_macros.hpp>

#include <malloc.h>
#include <memory>
#include <string>
#include <vector>

using namespace tls_test;

TEST_CASE("a connection that waits holds no buffers, whatever has gone through it") {
    folder const files;
    certificate const one;
    auto const server = tls::context::of_server(files.put(one));
    tls::client_options trusts;
    trusts.authorities = files / "certificate.pem";
    auto const client = tls::context::of_client(trusts);
    std::string const text(100'000, 't');
    constexpr std::size_t count = 200;
    std::vector<std::unique_ptr<ends>> all;
    all.push_back(std::make_unique<ends>(server, client)); // and what is made once, for all of them
    REQUIRE(all.back()->shake_hands());
    auto const before = ::mallinfo2().uordblks;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<ends>(server, client));
        auto& both = *all.back();
        REQUIRE(both.shake_hands());
        say(both.client, text);
        say(both.server, text);
        both.to_server();
        both.to_client();
        REQUIRE(hear(both.server).size() == text.size());
        REQUIRE(hear(both.client).size() == text.size());
        both.release();
    }
    auto const each = (::mallinfo2().uordblks - before) / count / 2;
    INFO("bytes an end: " << each);
    CHECK(each < 32'000); // OpenSSL's state, and buffers would be 34,000 more. A sanitizer's heap shows nothing
}
