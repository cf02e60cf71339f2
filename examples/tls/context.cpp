// examples/tls/context.cpp: settings, and reading certificates and keys.
#include "context.hpp"

#include "error.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdexcept>
#include <system_error>

namespace tls {

namespace {

constexpr char const* ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2";
constexpr char const* groups = "X25519:P-256:P-384";
constexpr int most_bits_at_once = 2048; // signing takes 0.3 ms with RSA of that size, and 2 ms and more with the next
// The list of one name as ALPN has it: its length, and it.
constexpr unsigned char offered[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
static_assert(sizeof offered == 1 + context::protocol.size());

[[noreturn]] void fail(std::string const& what) { throw std::runtime_error{what}; }

void require(bool done, char const* what) {
    if (!done) fail(std::string{what} + ": " + take_error_text());
}

int choose_protocol(SSL*, unsigned char const** chosen, unsigned char* length, unsigned char const* from, unsigned size,
                    void*) {
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, length, offered, sizeof offered, from, size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

// Asked for a key's password, which nobody is there to type; `asked` is a bool.
int refuse_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

bio_ptr open(std::string const& path) {
    ERR_clear_error();
    errno = 0;
    bio_ptr file{BIO_new_file(path.c_str(), "rb")};
    if (!file) {
        int const number = errno;
        ERR_clear_error();
        fail(path + ": " + std::system_category().message(number));
    }
    return file;
}

} // namespace

context::context(bool is_server) : is_server_{is_server} {
    ERR_clear_error();
    native_.reset(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
    require(native_ != nullptr, "OpenSSL gives no context");
    auto* const all = native_.get();
    require(SSL_CTX_set_min_proto_version(all, TLS1_2_VERSION) && SSL_CTX_set_max_proto_version(all, TLS1_3_VERSION),
            "OpenSSL lacks TLS 1.2 or 1.3");
    require(SSL_CTX_set_cipher_list(all, ciphers_of_1_2), "OpenSSL lacks the ciphers");
    require(SSL_CTX_set1_groups_list(all, groups), "OpenSSL lacks the groups");
    SSL_CTX_set_options(all, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(all, SSL_OP_IGNORE_UNEXPECTED_EOF); // whatever the system's configuration says
    SSL_CTX_set_mode(all, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(all, SSL_SESS_CACHE_OFF); // tickets are kept by the peer
}

std::shared_ptr<context const> context::of_server(certificate_files const& files) {
    std::shared_ptr<context> made{new context{true}};
    SSL_CTX_set_alpn_select_cb(made->native_.get(), &choose_protocol, nullptr);
    made->use(files);
    return made;
}

std::shared_ptr<context const> context::of_client(client_options const& options) {
    std::shared_ptr<context> made{new context{false}};
    auto* const all = made->native_.get();
    made->slow_ = true; // the system's authorities are looked up in files as they are needed
    require(SSL_CTX_set_alpn_protos(all, offered, sizeof offered) == 0, "OpenSSL refuses ALPN"); // 0 is success here
    SSL_CTX_set_verify(all, SSL_VERIFY_PEER, nullptr);
    if (options.authorities.empty()) {
        require(SSL_CTX_set_default_verify_paths(all), "the system's authorities cannot be used");
    } else {
        static_cast<void>(open(options.authorities)); // says it better when the file is not there
        if (!SSL_CTX_load_verify_file(all, options.authorities.c_str()))
            fail(options.authorities + ": no certificates of authorities: " + take_error_text());
    }
    return made;
}

void context::use(certificate_files const& files) {
    auto const chain = open(files.certificate);
    auto const key_file = open(files.key);
    bool encrypted = false;
    certificate_ptr const first{PEM_read_bio_X509_AUX(chain.get(), nullptr, &refuse_password, &encrypted)};
    if (!first) fail(files.certificate + ": no certificate in PEM: " + take_error_text());
    if (!SSL_CTX_use_certificate(native_.get(), first.get())) fail(files.certificate + ": " + take_error_text());
    for (;;) {
        certificate_ptr next{PEM_read_bio_X509(chain.get(), nullptr, &refuse_password, &encrypted)};
        if (!next) break;
        if (!SSL_CTX_add0_chain_cert(native_.get(), next.get())) fail(files.certificate + ": " + take_error_text());
        static_cast<void>(next.release());
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) // which is how the end of the file is told
        fail(files.certificate + ": a certificate behind the first: " + take_error_text());
    ERR_clear_error();

    key_ptr const key{PEM_read_bio_PrivateKey(key_file.get(), nullptr, &refuse_password, &encrypted)};
    if (!key) {
        auto const why = take_error_text();
        fail(files.key + (encrypted ? ": the key is encrypted" : ": no private key in PEM: " + why));
    }
    if (X509_check_private_key(first.get(), key.get()) != 1)
        fail(files.key + ": not the key of the certificate in " + files.certificate + ": " + take_error_text());
    if (!SSL_CTX_use_PrivateKey(native_.get(), key.get())) fail(files.key + ": " + take_error_text());
    slow_ = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key.get()) > most_bits_at_once;
    check_dates(*first, files.certificate);
}

void context::check_dates(X509 const& certificate, std::string const& path) {
    auto const time_of = [](ASN1_TIME const* when) {
        std::tm parts{};
        ASN1_TIME_to_tm(when, &parts);
        return std::chrono::system_clock::from_time_t(::timegm(&parts));
    };
    auto const text_of = [](std::chrono::system_clock::time_point when) {
        std::time_t const seconds = std::chrono::system_clock::to_time_t(when);
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        char text[32];
        return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts));
    };
    auto const begins = time_of(X509_get0_notBefore(&certificate));
    expires_ = time_of(X509_get0_notAfter(&certificate));
    auto const now = std::chrono::system_clock::now();
    if (begins > now) warnings_.push_back(path + ": the certificate is not valid before " + text_of(begins));
    if (expires_ < now) warnings_.push_back(path + ": the certificate has expired at " + text_of(expires_));
}

} // namespace tls
