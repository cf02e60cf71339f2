// tests/gateway/postgres_server.hpp: a PostgreSQL of a test's own, in a temporary folder, to be killed and brought back.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weir::test {

class postgres_server {
public:
    // The one of this process, running; it is stopped at the end. Skips the test where PostgreSQL is not installed.
    static postgres_server& running() {
        if (programs().empty())
            SKIP("PostgreSQL's server is not installed (Debian: postgresql); nothing was tried against it");
        static postgres_server one;
        if (one.server_ < 0) one.start();
        return one;
    }
    postgres_server(postgres_server const&) = delete;
    postgres_server& operator=(postgres_server const&) = delete;
    ~postgres_server() {
        if (server_ >= 0) {
            ::kill(server_, SIGINT);
            ::waitpid(server_, nullptr, 0);
        }
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    // By the Unix socket, or by TCP and a name that must be looked up.
    std::string by_socket() const { return "postgresql:///postgres?user=weir&host=" + folder_ + "&port=" + port_; }
    std::string by_name() const { return "postgresql://weir@localhost:" + port_ + "/postgres"; }

    // As the power goes: kill -9 for the server and all that serve its connections.
    void kill() {
        std::ifstream list{"/proc/" + std::to_string(server_) + "/task/" + std::to_string(server_) + "/children"};
        std::vector<pid_t> all{server_};
        for (pid_t one = 0; list >> one;) all.push_back(one);
        for (auto const one : all) ::kill(one, SIGKILL);
        ::waitpid(server_, nullptr, 0);
        server_ = -1;
    }
    // Threads: the main one, for the server ends with the thread that has started it.
    void start() {
        for (int tries = 0; tries < 20; ++tries) { // it refuses while a process of its predecessor lingers
            server_ = run({programs() + "/postgres", "-D", data(), "-k", folder_, "-p", port_, "-c",
                           "listen_addresses=localhost", "-c", "fsync=off", "-c", "max_connections=20"});
            if (is_ready()) return;
            ::kill(server_, SIGKILL);
            ::waitpid(server_, nullptr, 0);
            server_ = -1;
        }
        FAIL("PostgreSQL does not start; see " << folder_ << "/words");
    }
    // One statement, on a connection of its own, waiting for it. Returns: the first value, or the error's text.
    std::string ask(std::string const& sql) const {
        PGconn* const connection = PQconnectdb(by_socket().c_str());
        PGresult* const got = PQexec(connection, sql.c_str());
        std::string text = PQresultErrorMessage(got);
        if (PQresultStatus(got) == PGRES_TUPLES_OK && PQntuples(got) > 0) text = PQgetvalue(got, 0, 0);
        PQclear(got);
        PQfinish(connection);
        return text;
    }

private:
    postgres_server() {
        std::string name = "/tmp/weir-postgres-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        if (::getuid() == 0) REQUIRE(::chown(folder_.c_str(), user().pw_uid, user().pw_gid) == 0);
        port_ = std::to_string(free_port());
        int status = 0;
        pid_t const made = run({programs() + "/initdb", "-D", data(), "-U", "weir", "-A", "trust", "-E", "UTF8",
                                "--locale=C", "--no-sync"});
        ::waitpid(made, &status, 0);
        REQUIRE(status == 0);
        start();
    }

    std::string data() const { return folder_ + "/data"; }

    // The folder of the newest version's programs, which Debian keeps out of the path; empty where there is none.
    static std::string programs() {
        std::string found;
        std::error_code none;
        for (auto const& each : std::filesystem::directory_iterator{"/usr/lib/postgresql", none})
            if (auto const path = each.path() / "bin"; std::filesystem::exists(path / "initdb"))
                found = std::max(found, path.string());
        return found;
    }
    static passwd const& user() {
        passwd const* const found = ::getpwnam("postgres");
        REQUIRE(found != nullptr);
        return *found;
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
    // A child that ends with us. PostgreSQL refuses to be root.
    pid_t run(std::vector<std::string> words) const {
        std::vector<char*> arguments;
        for (auto& each : words) arguments.push_back(each.data());
        arguments.push_back(nullptr);
        bool const root = ::getuid() == 0;
        passwd const account = root ? user() : passwd{};
        std::string const log = folder_ + "/words";
        pid_t const child = ::fork();
        if (child != 0) return child;
        int const output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        bool const taken = !root || (::setgroups(0, nullptr) == 0 && ::setgid(account.pw_gid) == 0 &&
                                     ::setuid(account.pw_uid) == 0);
        ::prctl(PR_SET_PDEATHSIG, SIGINT);
        if (taken && ::chdir(folder_.c_str()) == 0) ::execv(arguments.front(), arguments.data());
        ::_exit(127);
    }
    bool is_ready() const {
        for (int n = 0; n < 500; ++n) {
            if (PQping(by_socket().c_str()) == PQPING_OK) return true;
            if (::waitpid(server_, nullptr, WNOHANG) != 0) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        return false;
    }

    std::string folder_;
    std::string port_;
    pid_t server_ = -1;
};

} // namespace weir::test
