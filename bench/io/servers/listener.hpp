// bench/io/servers/listener.hpp: what the raw servers have in common: a command line, and a socket that listens.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void fail(char const* what) {
    std::perror(what);
    std::exit(1);
}

// The word behind `--NAME`; `otherwise` where it is not there.
inline char const* option(int argc, char** argv, std::string_view name, char const* otherwise) {
    for (int n = 1; n + 1 < argc; ++n)
        if (argv[n] == name) return argv[n + 1];
    return otherwise;
}

inline std::uint16_t port_option(int argc, char** argv) {
    char const* const word = option(argc, argv, "--port", "");
    std::uint16_t port = 0;
    std::from_chars(word, word + std::strlen(word), port);
    if (port != 0) return port;
    std::fprintf(stderr, "usage: %s --port PORT\n", argv[0]);
    std::exit(2);
}

// On the loopback address.
inline int listen_at(std::uint16_t port) {
    int const file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) fail("socket");
    int const on = 1;
    ::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(file, reinterpret_cast<sockaddr*>(&at), sizeof at) < 0) fail("bind");
    if (::listen(file, 1024) < 0) fail("listen");
    return file;
}

inline void set_no_delay(int file) {
    int const on = 1;
    ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

} // namespace bench
