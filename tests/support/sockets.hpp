// tests/support/sockets.hpp: sockets made by plain system calls, for tests of what is built on them.
#pragma once

#include <weir/io/fd.hpp>

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <cstddef>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace weir::test {

inline std::span<std::byte const> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}
inline std::string text_of(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

inline void set_flag(io::fd const& file, int flag, bool on) {
    int const flags = ::fcntl(file.number(), F_GETFL);
    ::fcntl(file.number(), F_SETFL, on ? flags | flag : flags & ~flag);
}

// Two ends that are connected.
struct socket_pair {
    io::fd near;
    io::fd far;
};
inline socket_pair make_pair_of(int type = SOCK_STREAM) {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    return {io::fd{ends[0]}, io::fd{ends[1]}};
}

// Datagrams from near to far; far knows nobody, so near waits for room in far's queue, which is short.
inline socket_pair make_one_way_pair() {
    socket_pair made{io::fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)},
                     io::fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)}};
    sockaddr_storage name{};
    name.ss_family = AF_UNIX; // and nothing more: the kernel chooses a name
    REQUIRE(::bind(made.far.number(), reinterpret_cast<sockaddr*>(&name), sizeof(sa_family_t)) == 0);
    socklen_t size = sizeof name;
    REQUIRE(::getsockname(made.far.number(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    REQUIRE(::connect(made.near.number(), reinterpret_cast<sockaddr*>(&name), size) == 0);
    return made;
}

// An address on the loopback, as connect wants it.
struct loopback {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_in);
};
struct listening_socket {
    io::fd file;
    loopback where;
};
inline listening_socket listen_here(int backlog = 1024) {
    listening_socket made;
    made.file = io::fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(made.file.number(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(made.file.number(), backlog) == 0);
    socklen_t size = sizeof any;
    REQUIRE(::getsockname(made.file.number(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
    std::memcpy(&made.where.storage, &any, sizeof any);
    return made;
}
inline io::fd tcp_socket() { return io::fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }

// A connected TCP pair; small buffers make every large transfer come in pieces.
inline socket_pair make_tcp_pair(int buffers = 0) {
    auto listener = listen_here(8);
    io::fd client = tcp_socket();
    auto const shrink = [buffers](int number) {
        if (!buffers) return;
        ::setsockopt(number, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers);
        ::setsockopt(number, SOL_SOCKET, SO_RCVBUF, &buffers, sizeof buffers);
    };
    shrink(client.number());
    shrink(listener.file.number());
    REQUIRE(::connect(client.number(), reinterpret_cast<sockaddr*>(&listener.where.storage), listener.where.length) == 0);
    set_flag(listener.file, O_NONBLOCK, false);
    io::fd server{::accept4(listener.file.number(), nullptr, nullptr, SOCK_CLOEXEC)};
    REQUIRE(server);
    shrink(server.number());
    return {std::move(client), std::move(server)};
}

// Fills what the kernel keeps for `file`, so that a send must wait.
inline std::size_t fill(io::fd const& file) {
    std::vector<char> const piece(4096, 'x');
    std::size_t filled = 0;
    for (std::size_t size = piece.size(); size > 0;) {
        auto const sent = ::send(file.number(), piece.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) filled += static_cast<std::size_t>(sent);
        else size /= 2;
    }
    return filled;
}

// Ends the connection so that the peer meets ECONNRESET.
inline void reset_connection(io::fd file) {
    linger const at_once{1, 0};
    ::setsockopt(file.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// How many descriptors, or threads, this process has: folder is "fd" or "task".
inline std::size_t entries_of(char const* folder) {
    DIR* const self = ::opendir((std::string{"/proc/self/"} + folder).c_str());
    std::size_t count = 0;
    while (dirent const* const each = ::readdir(self)) count += each->d_name[0] != '.';
    ::closedir(self);
    return count;
}

} // namespace weir::test
