// examples/http/file_path.cpp: decoding, and the two ways of opening a file beneath a folder.
#include "file_path.hpp"

#include "ascii.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace http {

namespace {

constexpr int reading = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY; // a FIFO does not wait for its other end

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return std::nullopt;
            unsigned char code = 0;
            std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16);
            c = static_cast<char>(code);
            i += 2;
        }
        if (c == '\0' || (c == '/' && text[i] != '/')) return std::nullopt;
        out += c;
    }
    return out;
}

} // namespace

std::optional<std::string> decode_path(std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    auto decoded = decode(path.substr(1));
    if (!decoded) return std::nullopt;
    std::string_view rest{*decoded};
    while (!rest.empty()) {
        auto const end = rest.find('/');
        auto const name = rest.substr(0, end);
        if (name.empty() || name.starts_with('.')) return std::nullopt;
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return decoded;
}

weir::result<weir::io::fd> detail::walk_beneath(weir::io::fd_ref folder, std::string_view path) {
    weir::io::fd at;
    auto here = folder.number();
    for (;;) {
        auto const end = path.find('/');
        bool const is_last = end == std::string_view::npos || end + 1 == path.size();
        std::string const name{path.substr(0, end)};
        int const flags = is_last ? reading | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        weir::io::fd next{::openat(here, name.c_str(), flags)};
        if (!next) return weir::system_error_code(errno);
        if (is_last) return next;
        at = std::move(next);
        here = at.number();
        path.remove_prefix(end + 1);
    }
}

weir::result<weir::io::fd> open_beneath(weir::io::fd_ref folder, std::string const& path, look_up how) {
    open_how asked{};
    asked.flags = static_cast<std::uint64_t>(reading);
    asked.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (how == look_up::cached) asked.resolve |= RESOLVE_CACHED;
    long number = -1;
    do number = ::syscall(SYS_openat2, folder.number(), path.empty() ? "." : path.c_str(), &asked, sizeof asked);
    while (number < 0 && errno == EINTR);
    if (number >= 0) return weir::io::fd{static_cast<int>(number)};
    int const error = errno;
    bool const unknown = error == ENOSYS || error == EINVAL || error == EPERM; // EPERM: by a sandbox older than the call
    if (!unknown) return weir::system_error_code(error);
    if (how == look_up::cached) return weir::system_error_code(EAGAIN);
    return detail::walk_beneath(folder, path.empty() ? "." : std::string_view{path});
}

} // namespace http
