// examples/tls/error.hpp: what OpenSSL complains of, as a std::error_code.
// OpenSSL keeps its complaints in a queue of the thread, and a coroutine that waits may go on with another thread: so the
// queue is cleared before a call and read right behind it, in functions that are no coroutines.
#pragma once

#include "openssl.hpp"

#include <string>
#include <system_error>

namespace tls {

// Of the codes of OpenSSL's libraries, as ERR_get_error gives them.
std::error_category const& category() noexcept;
// Of the reasons for which a peer's certificate is refused (X509_V_ERR_...).
std::error_category const& certificate_category() noexcept;

// For tests of a code: what the TLS library itself gives as its `reason` (SSL_R_...).
std::error_code reason_code(int reason) noexcept;

// Why the last call for `of` failed; the queue is empty afterwards. A peer that has ended its stream without saying so by
// TLS, which anybody between us may have done, is errc::end_of_stream.
std::error_code take_error(SSL const& of) noexcept;
// The same in words, for what has to do with files.
std::string take_error_text();

} // namespace tls
