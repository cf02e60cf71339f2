// tests/http/service_manager.cpp: a socket that was opened by somebody else, and word to who started the server.
#include "serving.hpp"

#include <http/service_manager.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

TEST_CASE("a socket that listens is taken over, and made fit for the drivers") {
    weir::io::fd raw{::socket(AF_INET, SOCK_STREAM, 0)};
    REQUIRE(::listen(raw.number(), 8) == 0);
    auto taken = http::adopt_listener(raw.release());
    REQUIRE(taken);
    auto const number = taken->ref().number();
    CHECK((::fcntl(number, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(taken->local().value().port() != 0);
}

TEST_CASE("what does not listen is refused and left alone") {
    weir::io::fd const idle{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    weir::io::fd const datagrams{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    weir::io::fd const file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    for (auto const* const each : {&idle, &datagrams, &file}) {
        CHECK(http::adopt_listener(each->number()).error() == std::errc::invalid_argument);
        CHECK(::fcntl(each->number(), F_GETFD) >= 0);
    }
}

TEST_CASE("sockets that were meant for another process are not ours") {
    ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    CHECK(http::inherited_listener().error() == weir::errc::unsupported);
    CHECK(std::getenv("LISTEN_FDS") == nullptr);
    CHECK(http::inherited_listener().error() == weir::errc::unsupported);
}

TEST_CASE("the manager hears a line at the address that it gave") {
    weir::io::fd const manager{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    std::string const name = "weir-manager-" + std::to_string(::getpid());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    name.copy(at.sun_path + 1, name.size()); // a name that no file system has
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(manager.number(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    http::tell_manager("READY=0"); // nobody to tell
    ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    http::tell_manager("READY=1");
    ::unsetenv("NOTIFY_SOCKET");
    char text[16];
    auto const got = ::recv(manager.number(), text, sizeof text, MSG_DONTWAIT);
    REQUIRE(got > 0);
    CHECK(std::string_view(text, static_cast<std::size_t>(got)) == "READY=1");
    CHECK(::recv(manager.number(), text, sizeof text, MSG_DONTWAIT) < 0);
}
