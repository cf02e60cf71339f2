// tests/tls/engine.cpp: a connection of two engines: what arrives, who is refused, and how it ends.
#include "ends.hpp"

#include "support/scale.hpp"

#include <weir/base/errc.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>
#include <openssl/err.h>
#include <random>
#include <vector>

using namespace tls_test;
using state = tls::engine::state;

namespace {

// A server, and clients that trust it.
class world {
public:
    explicit world(certificate_options const& options = {})
        : one_{options}, server{tls::context::of_server(files_.put(one_))}, client{trusting(one_)} {}

    std::shared_ptr<tls::context const> trusting(certificate const& whom) const {
        tls::client_options options;
        options.authorities = files_.put("authority.pem", whom.text());
        return tls::context::of_client(options);
    }

private:
    folder const files_;
    certificate const one_;

public:
    std::shared_ptr<tls::context const> const server;
    std::shared_ptr<tls::context const> const client;
};

void speak_only(tls::engine& one, int version) {
    SSL_set_min_proto_version(&one.native(), version);
    SSL_set_max_proto_version(&one.native(), version);
}

// The lengths of the application's records in what one side has sent.
std::vector<std::size_t> records_of(weir::buffer const& sent) {
    std::vector<std::size_t> lengths;
    for (auto rest = sent.readable(); rest.size() >= 5;) {
        auto const length = std::to_integer<std::size_t>(rest[3]) * 256 + std::to_integer<std::size_t>(rest[4]);
        if (rest[0] == std::byte{23}) lengths.push_back(length);
        rest = rest.subspan(5 + length);
    }
    return lengths;
}

} // namespace

TEST_CASE("a handshake and what follows may come a byte at a time, with either version") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    world const all;
    ends both{all.server, all.client, "localhost", 1};
    speak_only(both.client, version);
    REQUIRE(both.shake_hands());
    CHECK(SSL_version(&both.server.native()) == version);
    CHECK(SSL_get_verify_result(&both.client.native()) == X509_V_OK);
    CHECK_FALSE(both.server.resumed());
    std::string const text(40'000, 't');
    CHECK(say(both.client, text).size == text.size());
    CHECK(say(both.server, "answer").size == 6);
    both.to_server();
    both.to_client();
    CHECK((hear(both.server) == text));
    CHECK(hear(both.client) == "answer");
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a ticket resumes a session on another connection of the same context, and of no other") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    world const all;
    ends first{all.server, all.client};
    speak_only(first.client, version);
    REQUIRE(first.shake_hands());
    first.to_client();
    CHECK(hear(first.client).empty()); // but for the tickets
    std::unique_ptr<SSL_SESSION, tls::freed_by<&SSL_SESSION_free>> const kept{SSL_get1_session(&first.client.native())};
    ends second{all.server, all.client};
    speak_only(second.client, version);
    SSL_set_session(&second.client.native(), kept.get());
    REQUIRE(second.shake_hands());
    CHECK(second.server.resumed());
    world const other;
    ends third{other.server, other.client};
    speak_only(third.client, version);
    SSL_set_session(&third.client.native(), kept.get());
    REQUIRE(third.shake_hands());
    CHECK_FALSE(third.server.resumed());
}

TEST_CASE("versions before 1.2, ciphers without forward secrecy and renegotiation are refused") {
    world const all;
    ends old{all.server, all.client};
    REQUIRE(SSL_set_cipher_list(&old.client.native(), "ALL:@SECLEVEL=0") == 1);
    speak_only(old.client, TLS1_1_VERSION);
    CHECK_FALSE(old.shake_hands());
    CHECK(old.server_step.error == tls::reason_code(SSL_R_UNSUPPORTED_PROTOCOL));
    CHECK(old.client_step.error == tls::reason_code(SSL_R_TLSV1_ALERT_PROTOCOL_VERSION));

    char const* const weak = GENERATE("ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256");
    ends plain{all.server, all.client};
    speak_only(plain.client, TLS1_2_VERSION);
    REQUIRE(SSL_set_cipher_list(&plain.client.native(), weak) == 1);
    CHECK_FALSE(plain.shake_hands());
    CHECK(plain.server_step.error == tls::reason_code(SSL_R_NO_SHARED_CIPHER));

    ends again{all.server, all.client};
    speak_only(again.client, TLS1_2_VERSION);
    REQUIRE(again.shake_hands());
    SSL_clear_options(&again.client.native(), SSL_OP_NO_RENEGOTIATION);
    REQUIRE(SSL_renegotiate(&again.client.native()) == 1);
    CHECK(again.client.shake_hands().at == state::wants_input);
    again.to_server();
    CHECK(hear(again.server).empty());
    again.to_client();
    tls::engine::step last;
    hear(again.client, last);
    CHECK(last.error == tls::reason_code(SSL_R_NO_RENEGOTIATION));
}

TEST_CASE("http/1.1 is chosen, no offer at all is accepted, and other protocols are refused") {
    world const all;
    auto const offer = [](ends& both, std::string_view list) {
        SSL_set_alpn_protos(&both.client.native(), reinterpret_cast<unsigned char const*>(list.data()),
                            static_cast<unsigned>(list.size()));
        return both.shake_hands();
    };
    auto const chosen = [](tls::engine const& one) {
        unsigned char const* at = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(&one.native(), &at, &size);
        return std::string{reinterpret_cast<char const*>(at), size};
    };
    ends both{all.server, all.client};
    REQUIRE(offer(both, "\x2h2\x8http/1.1"));
    CHECK(chosen(both.client) == "http/1.1");
    ends silent{all.server, all.client};
    REQUIRE(offer(silent, ""));
    CHECK(chosen(silent.client).empty());
    ends other{all.server, all.client};
    CHECK_FALSE(offer(other, "\x2h2\x8http/1.0"));
    CHECK(other.server_step.error == tls::reason_code(SSL_R_NO_APPLICATION_PROTOCOL));
    CHECK(other.client_step.error == tls::reason_code(SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL));
}

TEST_CASE("a client talks only to whom it asked for, with a certificate that somebody it trusts vouches for") {
    world const all;
    auto const refusal = [&](std::string_view name) {
        ends both{all.server, all.client, name};
        return both.shake_hands() ? std::error_code{} : both.client_step.error;
    };
    auto const because = [](int why) { return std::error_code{why, tls::certificate_category()}; };
    CHECK(refusal("localhost") == std::error_code{});
    CHECK(refusal("127.0.0.1") == std::error_code{});
    CHECK(refusal("example.org") == because(X509_V_ERR_HOSTNAME_MISMATCH));
    CHECK(refusal("127.0.0.2") == because(X509_V_ERR_IP_ADDRESS_MISMATCH));
    CHECK(refusal("") == because(X509_V_ERR_HOSTNAME_MISMATCH));
    CHECK(because(X509_V_ERR_HOSTNAME_MISMATCH).message() == "the peer's certificate: hostname mismatch");

    ends stranger{all.server, all.trusting(certificate{})};
    CHECK_FALSE(stranger.shake_hands());
    CHECK(stranger.client_step.error == because(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT));
    CHECK(stranger.server_step.at == state::failed); // it was told

    certificate_options past;
    past.ends = -60;
    world const expired{past};
    ends late{expired.server, expired.client};
    CHECK_FALSE(late.shake_hands());
    CHECK(late.client_step.error == because(X509_V_ERR_CERT_HAS_EXPIRED));

    ends named{all.server, all.client};
    REQUIRE(named.shake_hands());
    CHECK(std::string{SSL_get_servername(&named.server.native(), TLSEXT_NAMETYPE_host_name)} == "localhost");
    ends addressed{all.server, all.client, "127.0.0.1"};
    REQUIRE(addressed.shake_hands());
    CHECK(SSL_get_servername(&addressed.server.native(), TLSEXT_NAMETYPE_host_name) == nullptr); // RFC 6066, section 3
}

TEST_CASE("an end that the peer has announced is an end, after which we may go on; any other is an error") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    world const all;
    ends both{all.server, all.client};
    speak_only(both.client, version);
    REQUIRE(both.shake_hands());
    both.client.say_end();
    both.to_server();
    both.server.end_input();
    CHECK(both.server.peek().at == state::ended);
    tls::engine::step last;
    CHECK(hear(both.server, last).empty());
    CHECK(last.at == state::ended);
    CHECK(say(both.server, "late answer").at == state::done);
    both.server.say_end();
    both.to_client();
    CHECK(hear(both.client, last) == "late answer");
    CHECK(last.at == state::ended);

    ends cut{all.server, all.client};
    REQUIRE(cut.shake_hands());
    say(cut.client, "and then");
    cut.to_server();
    cut.server.end_input();
    CHECK(hear(cut.server, last) == "and then");
    CHECK(last.at == state::failed);
    CHECK(last.error == weir::errc::end_of_stream);
    CHECK(hear(cut.server, last).empty());
    CHECK(last.at == state::failed); // and stays so

    ends early{all.server, all.client};
    CHECK(early.client.shake_hands().at == state::wants_input);
    early.client.end_input();
    CHECK(early.client.shake_hands().error == weir::errc::end_of_stream);
}

TEST_CASE("small pieces share a record, large ones fill records, and a portion ends with one") {
    world const all;
    ends both{all.server, all.client};
    REQUIRE(both.shake_hands());
    both.to_client();
    hear(both.client);
    constexpr std::size_t beside = 17; // the tag, and the type of what is inside
    std::string const text(100'000, 'x');
    auto const piece = [&](std::size_t at, std::size_t size) { return iovec{const_cast<char*>(text.data()) + at, size}; };

    std::vector<iovec> const small(100, piece(0, 10));
    CHECK(both.client.write(small, 1 << 16).size == 1000);
    auto sent = both.client.take_output();
    CHECK(records_of(sent) == std::vector<std::size_t>{1000 + beside});
    carry(sent, both.server, sent.size());

    std::array<iovec, 4> const mixed{piece(0, 100), piece(0, 0), piece(100, 40'000), piece(40'100, 59'900)};
    auto const taken = both.client.write(mixed, 1 << 20);
    CHECK(taken.at == state::done);
    CHECK(taken.size == text.size());
    sent = both.client.take_output();
    auto const full = tls::engine::record_size + beside;
    auto const last = text.size() - 6 * tls::engine::record_size + beside;
    CHECK(records_of(sent) == std::vector<std::size_t>{full, full, full, full, full, full, last});
    carry(sent, both.server, sent.size());
    CHECK((hear(both.server) == std::string(1000, 'x') + text));

    CHECK(both.client.write(mixed, 20'000).size == 2 * tls::engine::record_size);
}

TEST_CASE("a peer that asks for new keys again and again is answered with no more bytes than it sends") {
    world const all;
    ends both{all.server, all.client};
    speak_only(both.client, TLS1_3_VERSION);
    REQUIRE(both.shake_hands());
    hear(both.server);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(SSL_key_update(&both.client.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
        REQUIRE(say(both.client, "x").at == state::done);
    }
    both.server.take_output();
    auto const asked = both.client.output_size();
    both.to_server();
    CHECK(hear(both.server) == std::string(1000, 'x'));
    CHECK(both.server.output_size() < asked);
    CHECK(say(both.server, "y").at == state::done);
    both.to_client();
    CHECK(hear(both.client) == "y");
}

TEST_CASE("bits that fall over in a handshake end it, or change nothing") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    world const all;
    std::mt19937 chance{20261121};
    std::size_t refused = 0;
    std::size_t const trials = weir::test::scaled(400);
    for (std::size_t i = 0; i < trials; ++i) {
        ends both{all.server, all.client};
        speak_only(both.client, version);
        bool const of_client = chance() % 2;
        auto spoil = [&](tls::engine& from, tls::engine& to) {
            auto sent = from.take_output();
            if (sent.empty()) return false;
            std::vector<std::byte> bytes(sent.readable().begin(), sent.readable().end());
            if ((&from == &both.client) == of_client) bytes[chance() % bytes.size()] ^= std::byte(1u << chance() % 8);
            std::memcpy(to.prepare(bytes.size()).data(), bytes.data(), bytes.size());
            to.commit(bytes.size());
            return true;
        };
        for (bool moved = true; moved;) {
            both.client_step = both.client.shake_hands();
            moved = spoil(both.client, both.server);
            both.server_step = both.server.shake_hands();
            moved = spoil(both.server, both.client) || moved;
        }
        bool const done = both.client_step.at == state::done && both.server_step.at == state::done;
        if (!done) ++refused;
        if (!done) continue;
        say(both.client, "question");
        both.to_server();
        auto const heard = hear(both.server);
        if (!heard.empty()) CHECK(heard == "question");
        CHECK(ERR_peek_error() == 0);
    }
    CHECK(refused > trials / 2);
    ends after{all.server, all.client};
    CHECK(after.shake_hands());
}

TEST_CASE("noise is refused, whole and behind an honest beginning") {
    world const all;
    std::mt19937 chance{4711};
    for (std::size_t i = 0; i < weir::test::scaled(2000); ++i) {
        ends both{all.server, all.client};
        bool const honest = chance() % 2;
        if (honest) {
            both.client.shake_hands();
            both.to_server();
            both.server.shake_hands();
        }
        auto const size = 1 + chance() % 2000;
        auto const room = both.server.prepare(size);
        for (std::size_t at = 0; at < size; ++at) room[at] = static_cast<std::byte>(chance());
        if (chance() % 2) room[0] = std::byte{22}; // of a handshake
        both.server.commit(size);
        both.server.end_input();
        auto const last = both.server.shake_hands();
        CHECK(last.at == state::failed);
        CHECK(last.error);
        CHECK(ERR_peek_error() == 0);
    }
}
