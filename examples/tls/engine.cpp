// examples/tls/engine.cpp: OpenSSL's calls, each with its errors.
#include "engine.hpp"

#include "error.hpp"

#include <weir/base/errc.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <new>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <utility>

namespace tls {

namespace {

bool is_address(std::string const& name) noexcept {
    in6_addr into;
    return ::inet_pton(AF_INET, name.c_str(), &into) == 1 || ::inet_pton(AF_INET6, name.c_str(), &into) == 1;
}

} // namespace

engine::engine(std::shared_ptr<context const> of, std::string_view name)
    : context_{std::move(of)}, ssl_{SSL_new(&context_->native())} {
    auto bytes = ssl_ ? make_memory_bio(wire_) : nullptr;
    if (!bytes || (!context_->is_server() && !expect(name))) {
        ERR_clear_error();
        throw std::bad_alloc{};
    }
    SSL_set_bio(ssl_.get(), bytes.get(), bytes.get()); // one hold for both directions
    static_cast<void>(bytes.release());
    if (context_->is_server()) SSL_set_accept_state(ssl_.get());
    else SSL_set_connect_state(ssl_.get());
}

// Without a name nothing would be verified: then no certificate is good.
bool engine::expect(std::string_view name) {
    std::string const text = name.empty() ? "invalid." : std::string{name};
    auto* const rules = SSL_get0_param(ssl_.get());
    if (is_address(text)) return X509_VERIFY_PARAM_set1_ip_asc(rules, text.c_str()) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, text.c_str(), text.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl_.get(), text.c_str()) == 1;
}

engine::step engine::judge(int returned, std::size_t size) noexcept {
    step now;
    if (returned == 1) {
        now = {state::done, size, {}};
    } else {
        int const why = SSL_get_error(ssl_.get(), returned);
        if (why == SSL_ERROR_WANT_READ) now.at = state::wants_input;
        else if (why == SSL_ERROR_ZERO_RETURN) now.at = state::ended;
        else if (!failure_) failure_ = take_error(*ssl_);
        now.error = failure_;
    }
    ERR_clear_error();
    if (wire_.in.empty()) wire_.in = {}; // keeps I1
    return now;
}

engine::step engine::shake_hands() noexcept {
    ERR_clear_error();
    auto now = judge(SSL_do_handshake(ssl_.get()), 0);
    if (now.at == state::ended) { // in the middle, so there is nothing orderly about it
        now.at = state::failed;
        now.error = failure_ = weir::make_error_code(weir::errc::end_of_stream);
    }
    if (now.at != state::done || context_->is_server()) return now;
    unsigned char const* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    if (size == 0 || std::string_view{reinterpret_cast<char const*>(chosen), size} == context::protocol) return now;
    now.at = state::failed; // it has chosen what it was not offered
    now.error = failure_ = reason_code(SSL_R_BAD_EXTENSION);
    return now;
}

engine::step engine::read(std::span<std::byte> into) noexcept {
    std::size_t got = 0;
    ERR_clear_error();
    int const returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    return judge(returned, got);
}

engine::step engine::peek() noexcept {
    std::byte one;
    std::size_t got = 0;
    ERR_clear_error();
    int const returned = SSL_peek_ex(ssl_.get(), &one, 1, &got);
    return judge(returned, got);
}

bool engine::write_record(void const* from, std::size_t size) noexcept {
    std::size_t taken = 0; // all of it: a memory BIO takes what it is given
    return SSL_write_ex(ssl_.get(), from, size, &taken) == 1;
}

// Small pieces share a record, each of which costs 22 bytes and a microsecond; what fills one is not copied.
engine::step engine::write(std::span<iovec const> pieces, std::size_t most) noexcept {
    std::array<std::byte, record_size> gathered;
    std::size_t waiting = 0; // bytes there
    std::size_t taken = 0;   // and encrypted
    ERR_clear_error();
    for (auto const& piece : pieces) {
        std::span rest{static_cast<std::byte const*>(piece.iov_base), piece.iov_len};
        while (!rest.empty() && taken < most) {
            bool const whole = waiting == 0 && rest.size() >= record_size;
            auto const size = std::min(rest.size(), record_size - waiting);
            if (!whole) {
                std::memcpy(gathered.data() + waiting, rest.data(), size);
                waiting += size;
            }
            rest = rest.subspan(size);
            if (!whole && waiting < record_size) continue;
            if (!write_record(whole ? rest.data() - record_size : gathered.data(), record_size)) return judge(0, 0);
            waiting = 0;
            taken += record_size;
        }
    }
    if (waiting > 0 && taken < most) {
        if (!write_record(gathered.data(), waiting)) return judge(0, 0);
        taken += waiting;
    }
    return {state::done, taken, {}};
}

void engine::say_end() noexcept {
    ERR_clear_error();
    static_cast<void>(SSL_shutdown(ssl_.get())); // whether the peer answers is not waited for
    ERR_clear_error();
}

} // namespace tls
