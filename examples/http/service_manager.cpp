// examples/http/service_manager.cpp: an inherited socket, and a datagram to who started us.
#include "service_manager.hpp"

#include <weir/io/fd.hpp>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace http {

namespace {

constexpr int first_inherited = 3;

class adopted final : public server::listener_type {
public:
    explicit adopted(weir::io::fd file) noexcept : listener{std::move(file)} {}
};

// The number that a variable of the environment holds; -1 without one.
long number_of(char const* variable) noexcept {
    char const* const text = std::getenv(variable);
    long number = -1;
    if (text) std::from_chars(text, text + std::strlen(text), number);
    return number;
}

bool listens(int number) noexcept {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) < 0 || value == 0) return false;
    size = sizeof value;
    return ::getsockopt(number, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM;
}

} // namespace

weir::result<server::listener_type> adopt_listener(int number) {
    if (!listens(number)) return std::make_error_code(std::errc::invalid_argument);
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK); // as what waits for connections needs it
    return server::listener_type{adopted{weir::io::fd{number}}};
}

weir::result<server::listener_type> inherited_listener() {
    // The process that they name may be a parent of ours, who has kept them for itself.
    bool const is_ours = number_of("LISTEN_PID") == ::getpid() && number_of("LISTEN_FDS") > 0;
    ::unsetenv("LISTEN_PID"); // nor are they our children's
    ::unsetenv("LISTEN_FDS");
    if (!is_ours) return weir::errc::unsupported;
    return adopt_listener(first_inherited);
}

void tell_manager(std::string_view line) noexcept {
    char const* const name = std::getenv("NOTIFY_SOCKET");
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (!name || (name[0] != '/' && name[0] != '@') || std::strlen(name) >= sizeof to.sun_path) return;
    auto const length = std::strlen(name);
    std::memcpy(to.sun_path, name, length);
    if (name[0] == '@') to.sun_path[0] = '\0'; // a name that no file system has
    weir::io::fd const socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    if (socket) ::sendto(socket.number(), line.data(), line.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), size);
}

} // namespace http
