// bench/io/load/sockets.hpp: connections to the server, and who says what became of them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace load {

// A server that answers wrongly or not at all has no speed.
[[noreturn]] inline void give_up(char const* what) {
    std::fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? std::strerror(errno) : "");
    std::exit(1);
}

// A connection to the server on this machine. It ends by a reset, so that ten thousand of them do not leave as many ports
// in TIME_WAIT for the next server.
inline int connect_to(std::uint16_t port) {
    int const file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0) give_up("socket");
    int const on = 1;
    linger const at_once{1, 0};
    ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(file, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) give_up("connect");
    return file;
}

inline int make_epoll() {
    int const file = ::epoll_create1(EPOLL_CLOEXEC);
    if (file < 0) give_up("epoll_create1");
    return file;
}

inline void watch(int epoll, int file, std::uint32_t index) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = index;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) < 0) give_up("epoll_ctl");
}

// All of it at once: what can be under way on a connection fits into its socket's buffer.
inline void send_whole(int file, void const* from, std::size_t length) {
    if (::send(file, from, length, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(length)) return;
    give_up("the socket does not take what is to be sent");
}

} // namespace load
