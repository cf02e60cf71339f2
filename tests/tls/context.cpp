// tests/tls/context.cpp: files that are no good are named, with the reason; what is merely odd is a warning.
#include "certificate.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <openssl/err.h>

using namespace tls_test;
using Catch::Matchers::ContainsSubstring;

namespace {

// Why a server cannot have these files; empty when it can.
std::string refusal(tls::certificate_files const& files) {
    try {
        static_cast<void>(tls::context::of_server(files));
        CHECK(ERR_peek_error() == 0);
        return {};
    } catch (std::runtime_error const& error) {
        CHECK(ERR_peek_error() == 0);
        return error.what();
    }
}

} // namespace

TEST_CASE("a certificate and its key make a context without a word") {
    folder const files;
    certificate const one;
    auto const made = tls::context::of_server(files.put(one));
    CHECK(made->warnings().empty());
    CHECK_FALSE(made->has_slow_handshake());
    auto const left = made->expires() - std::chrono::system_clock::now();
    CHECK(left > std::chrono::hours{23});
    CHECK(left <= std::chrono::hours{24});
    // A chain behind it, and text between, as certificate authorities send it.
    auto const chain = files.put("chain.pem", "text\n" + one.text() + "more\n" + certificate{}.text());
    CHECK(refusal({chain, files / "key.pem"}).empty());
}

TEST_CASE("each file that is no good is named with the reason") {
    folder const files;
    certificate const one;
    auto const good = files.put(one);
    auto const absent = files / "absent.pem";
    CHECK(refusal({absent, good.key}) == absent + ": No such file or directory");
    CHECK(refusal({good.certificate, absent}) == absent + ": No such file or directory");
    auto const other = files.put("other.pem", certificate{}.key_text());
    CHECK_THAT(refusal({good.certificate, other}), ContainsSubstring(other + ": not the key of the certificate in " +
                                                                     good.certificate));
    auto const text = files.put("text.pem", "no certificate\n");
    CHECK_THAT(refusal({text, good.key}), ContainsSubstring(text + ": no certificate in PEM: no start line"));
    CHECK_THAT(refusal({good.certificate, text}), ContainsSubstring(text + ": no private key in PEM"));
    CHECK_THAT(refusal({good.key, good.key}), ContainsSubstring(good.key + ": no certificate in PEM"));
    auto const whole = one.text();
    auto const half = files.put("half.pem", whole + whole.substr(0, whole.size() / 2));
    CHECK_THAT(refusal({half, good.key}), ContainsSubstring(half + ": a certificate behind the first: "));
    certificate_options weak;
    weak.rsa_bits = 1024;
    certificate const short_key{weak};
    auto const small = files.put("small.pem", short_key.text());
    auto const small_key = files.put("small-key.pem", short_key.key_text());
    CHECK_THAT(refusal({small, small_key}), ContainsSubstring(small + ": ee key too small"));

    auto const encrypted = files / "encrypted.pem";
    tls::key_ptr const key{EVP_EC_gen("P-256")};
    std::FILE* const file = std::fopen(encrypted.c_str(), "w");
    unsigned char password[] = "secret";
    PEM_write_PrivateKey(file, key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
    std::fclose(file);
    CHECK(refusal({good.certificate, encrypted}) == encrypted + ": the key is encrypted");

    tls::client_options nobody;
    nobody.authorities = absent;
    CHECK_THROWS_WITH(tls::context::of_client(nobody), absent + ": No such file or directory");
    nobody.authorities = text;
    CHECK_THROWS_WITH(tls::context::of_client(nobody), ContainsSubstring(text + ": no certificates of authorities"));
}

TEST_CASE("a certificate that has expired, or is not valid yet, is used with a warning") {
    folder const files;
    certificate_options options;
    options.ends = -60;
    auto const past = tls::context::of_server(files.put(certificate{options}));
    REQUIRE(past->warnings().size() == 1);
    CHECK_THAT(past->warnings()[0],
               ContainsSubstring((files / "certificate.pem") + ": the certificate has expired at 2"));
    options.begins = 3600;
    options.ends = 7200;
    auto const future = tls::context::of_server(files.put(certificate{options}));
    REQUIRE(future->warnings().size() == 1);
    CHECK_THAT(future->warnings()[0], ContainsSubstring(": the certificate is not valid before 2"));
}

TEST_CASE("a large key is known for its slow handshakes") {
    folder const files;
    certificate_options options;
    options.rsa_bits = 2048;
    CHECK_FALSE(tls::context::of_server(files.put(certificate{options}))->has_slow_handshake());
    options.rsa_bits = 3072;
    CHECK(tls::context::of_server(files.put(certificate{options}))->has_slow_handshake());
}
