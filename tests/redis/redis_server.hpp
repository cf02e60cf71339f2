// tests/redis/redis_server.hpp: a Redis of a test's own, in a temporary folder, to be stopped, killed and brought back.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weir::test {

// Threads: the one that has made it, for the server ends with the thread that has started it.
class redis_server {
public:
    static constexpr char const* password = "a word: of@tests/";

    // Skips the test where Redis is not installed.
    redis_server() {
        if (program().empty()) SKIP("redis-server is not installed (Debian: redis-server); nothing was tried against it");
        std::string name = "/tmp/weir-redis-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        port_ = std::to_string(free_port());
        start();
    }
    redis_server(redis_server const&) = delete;
    redis_server& operator=(redis_server const&) = delete;
    ~redis_server() {
        if (server_ >= 0) kill();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string by_socket() const { return "unix://" + folder_ + "/socket"; }
    std::string by_port() const { return "redis://127.0.0.1:" + port_; }
    // A name, to be looked up, and a user with a password.
    std::string by_name() const { return "redis://tester:a%20word%3A%20of%40tests%2F@localhost:" + port_ + "/3"; }
    std::string by_wrong_password() const { return "redis://tester:wrong@127.0.0.1:" + port_; }

    // As the power goes; what it knew is lost.
    void kill() {
        ::kill(server_, SIGKILL);
        ::waitpid(server_, nullptr, 0);
        server_ = -1;
    }
    // It hangs: it takes connections and bytes as far as the system does, and answers nothing.
    void halt() { ::kill(server_, SIGSTOP); }
    void go_on() { ::kill(server_, SIGCONT); }
    void start() {
        server_ = run({program(), "--port", port_, "--bind", "127.0.0.1", "--unixsocket", folder_ + "/socket",
                       "--dir", folder_, "--save", "", "--appendonly", "no", "--enable-debug-command", "yes",
                       "--user", "tester", "on", "~*", "&*", "+@all", std::string{">"} + password});
        for (int n = 0; n < 1000; ++n) {
            if (answers()) return;
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        FAIL("Redis does not start; see " << folder_ << "/words");
    }

private:
    static std::string program() {
        for (auto const* each : {"/usr/bin/redis-server", "/usr/local/bin/redis-server"})
            if (::access(each, X_OK) == 0) return each;
        return {};
    }
    static int free_port() {
        int const one = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof at;
        REQUIRE(::bind(one, reinterpret_cast<sockaddr*>(&at), length) == 0);
        REQUIRE(::getsockname(one, reinterpret_cast<sockaddr*>(&at), &length) == 0);
        ::close(one);
        return ntohs(at.sin_port);
    }
    // A child that ends with us.
    pid_t run(std::vector<std::string> words) const {
        std::vector<char*> arguments;
        for (auto& each : words) arguments.push_back(each.data());
        arguments.push_back(nullptr);
        std::string const log = folder_ + "/words";
        pid_t const child = ::fork();
        if (child != 0) return child;
        int const output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execv(arguments.front(), arguments.data());
        ::_exit(127);
    }
    bool answers() const {
        int const one = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::strncpy(at.sun_path, (folder_ + "/socket").c_str(), sizeof at.sun_path - 1);
        char reply[8] = {};
        bool const alive = ::connect(one, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                           ::send(one, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && ::recv(one, reply, 5, 0) == 5 &&
                           std::string{reply} == "+PONG";
        ::close(one);
        return alive;
    }

    std::string folder_;
    std::string port_;
    pid_t server_ = -1;
};

} // namespace weir::test
