// examples/tls/error.cpp: categories, and the thread's queue of errors.
#include "error.hpp"

#include <weir/base/errc.hpp>

#include <openssl/err.h>

namespace tls {

namespace {

class library_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "tls"; }
    std::string message(int value) const override {
        char const* const reason = ERR_reason_error_string(static_cast<unsigned long>(value));
        return reason ? reason : "unknown TLS error " + std::to_string(value);
    }
};

class verification_category final : public std::error_category {
public:
    char const* name() const noexcept override { return "certificate"; }
    std::string message(int value) const override {
        return std::string{"the peer's certificate: "} + X509_verify_cert_error_string(value);
    }
};

} // namespace

std::error_category const& category() noexcept {
    static library_category const instance;
    return instance;
}

std::error_category const& certificate_category() noexcept {
    static verification_category const instance;
    return instance;
}

std::error_code reason_code(int reason) noexcept {
    return {static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, reason)), category()};
}

std::error_code take_error(SSL const& of) noexcept {
    auto const first = ERR_get_error(); // the cause; what follows are its consequences
    ERR_clear_error();
    // Without a word in the queue: the library was used after its end.
    if (first == 0 || ERR_SYSTEM_ERROR(first)) return std::make_error_code(std::errc::protocol_error);
    std::error_code const code{static_cast<int>(first), category()};
    if (code == reason_code(SSL_R_UNEXPECTED_EOF_WHILE_READING)) return weir::errc::end_of_stream;
    if (code == reason_code(SSL_R_CERTIFICATE_VERIFY_FAILED))
        return {static_cast<int>(SSL_get_verify_result(&of)), certificate_category()};
    return code;
}

std::string take_error_text() {
    auto const first = ERR_get_error();
    ERR_clear_error();
    if (first == 0) return "no reason is given";
    if (ERR_SYSTEM_ERROR(first)) return std::system_category().message(ERR_GET_REASON(first));
    char const* const reason = ERR_reason_error_string(first);
    return reason ? reason : "error " + std::to_string(first);
}

} // namespace tls
