// examples/tls/openssl.hpp: OpenSSL's objects with owners.
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tls {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<&BIO_free_all>>;
using bio_method_ptr = std::unique_ptr<BIO_METHOD, freed_by<&BIO_meth_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<&X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<&SSL_free>>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, freed_by<&SSL_CTX_free>>;

} // namespace tls
