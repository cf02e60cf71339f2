// bench/io/servers/raw_epoll.cpp: the echo server as a loop around epoll_wait, with nothing between it and the kernel.
// One buffer serves all: what is received is sent before the next is received. What a socket does not take is kept for
// it, and it is not read until that is gone.

#include "listener.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <sys/epoll.h>

namespace {

class server {
public:
    explicit server(int listener) : listener_{listener}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
        watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    }
    [[noreturn]] void run() {
        std::array<epoll_event, 512> events;
        for (;;) {
            int const count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) bench::fail("epoll_wait");
            for (int n = 0; n < count; ++n) {
                int const file = events[static_cast<std::size_t>(n)].data.fd;
                if (file == listener_) accept();
                else if (events[static_cast<std::size_t>(n)].events & EPOLLOUT) send_rest(file);
                else echo(file);
            }
        }
    }

private:
    void watch(int file, std::uint32_t for_what, int how) const {
        epoll_event event{};
        event.events = for_what;
        event.data.fd = file;
        if (::epoll_ctl(epoll_, how, file, &event) < 0) bench::fail("epoll_ctl");
    }
    void accept() {
        for (;;) {
            int const file = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (file < 0) return;
            bench::set_no_delay(file);
            if (static_cast<std::size_t>(file) >= rest_.size()) rest_.resize(static_cast<std::size_t>(file) * 2);
            watch(file, EPOLLIN, EPOLL_CTL_ADD);
        }
    }
    void echo(int file) {
        ssize_t const got = ::recv(file, buffer_.data(), buffer_.size(), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return close(file);
        ssize_t const sent = ::send(file, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
        if (sent == got) return;
        if (sent < 0 && errno != EAGAIN) return close(file);
        auto const taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
        rest_of(file) = std::make_unique<std::string>(buffer_.data() + taken, static_cast<std::size_t>(got) - taken);
        watch(file, EPOLLOUT, EPOLL_CTL_MOD);
    }
    void send_rest(int file) {
        std::string& rest = *rest_of(file);
        ssize_t const sent = ::send(file, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? void() : close(file);
        rest.erase(0, static_cast<std::size_t>(sent));
        if (!rest.empty()) return;
        rest_of(file).reset();
        watch(file, EPOLLIN, EPOLL_CTL_MOD);
    }
    void close(int file) {
        rest_of(file).reset();
        ::close(file);
    }
    std::unique_ptr<std::string>& rest_of(int file) { return rest_[static_cast<std::size_t>(file)]; }

    int const listener_;
    int const epoll_;
    std::array<char, 4096> buffer_;
    std::vector<std::unique_ptr<std::string>> rest_{64}; // by descriptor
};

} // namespace

int main(int argc, char** argv) { server{bench::listen_at(bench::port_option(argc, argv))}.run(); }
