// tests/tls/certificate.hpp: certificates made for a test, and files for them that go with it.
#pragma once

#include <tls/context.hpp>
#include <tls/openssl.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace tls_test {

class certificate_options {
public:
    certificate_options() {}
    std::string name = "localhost";
    std::string alternatives = "DNS:localhost,IP:127.0.0.1";
    long begins = -3600;      // seconds from now
    long ends = 24 * 3600;
    unsigned rsa_bits = 0;    // 0: a key on P-256
};

// Vouches for itself.
class certificate {
public:
    explicit certificate(certificate_options const& options = {});

    std::string text() const;     // PEM
    std::string key_text() const; // likewise

private:
    // Made once for each size of RSA, as that takes seconds; else each certificate has its own.
    static EVP_PKEY* make_key(unsigned rsa_bits);

    tls::key_ptr key_;
    tls::certificate_ptr self_;
};

// A folder that goes with it.
class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "weir-tls-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error{"mkdtemp"};
        path_ = name;
    }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::string operator/(char const* name) const { return (path_ / name).string(); }
    // At once, as a careful administrator does: nobody reads half a file.
    std::string put(char const* name, std::string_view text) const {
        auto const path = *this / name;
        std::ofstream{path + ".new"} << text;
        std::filesystem::rename(path + ".new", path);
        return path;
    }
    tls::certificate_files put(certificate const& one) const {
        return {put("certificate.pem", one.text()), put("key.pem", one.key_text())};
    }

private:
    std::filesystem::path path_;
};

inline void need(bool done) {
    if (!done) throw std::runtime_error{"OpenSSL refuses to make a test's certificate"};
}

inline EVP_PKEY* certificate::make_key(unsigned rsa_bits) {
    if (rsa_bits == 0) return EVP_EC_gen("P-256");
    static std::map<unsigned, tls::key_ptr> made;
    auto& key = made[rsa_bits];
    if (!key) key.reset(EVP_RSA_gen(rsa_bits));
    need(key && EVP_PKEY_up_ref(key.get()) == 1);
    return key.get();
}

inline certificate::certificate(certificate_options const& options)
    : key_{make_key(options.rsa_bits)}, self_{X509_new()} {
    need(key_ && self_);
    auto* const one = self_.get();
    X509_set_version(one, X509_VERSION_3);
    static long last_serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(one), ++last_serial);
    X509_gmtime_adj(X509_getm_notBefore(one), options.begins);
    X509_gmtime_adj(X509_getm_notAfter(one), options.ends);
    auto* const name = X509_get_subject_name(one);
    auto const* const text = reinterpret_cast<unsigned char const*>(options.name.c_str());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(one, name);
    X509_set_pubkey(one, key_.get());
    if (!options.alternatives.empty()) {
        auto* const names =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, options.alternatives.c_str());
        need(names != nullptr);
        X509_add_ext(one, names, -1);
        X509_EXTENSION_free(names);
    }
    need(X509_sign(one, key_.get(), EVP_sha256()) > 0);
}

inline std::string text_of(tls::bio_ptr const& from) {
    char* at = nullptr;
    auto const size = BIO_get_mem_data(from.get(), &at);
    return {at, static_cast<std::size_t>(size)};
}

inline std::string certificate::text() const {
    tls::bio_ptr const into{BIO_new(BIO_s_mem())};
    need(PEM_write_bio_X509(into.get(), self_.get()) == 1);
    return text_of(into);
}

inline std::string certificate::key_text() const {
    tls::bio_ptr const into{BIO_new(BIO_s_mem())};
    need(PEM_write_bio_PrivateKey(into.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return text_of(into);
}

} // namespace tls_test
