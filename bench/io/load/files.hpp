// bench/io/load/files.hpp: fetches one file over HTTP again and again, on connections that are kept.
// The file's bytes are known: byte n is n modulo 251. Each connection's first answer is compared with that from end to
// end, the others by their length, so that the client costs no more than it must.
#pragma once

#include "options.hpp"
#include "sockets.hpp"
#include "usage.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace load {

class files {
public:
    explicit files(options const& chosen) : chosen_{chosen}, epoll_{make_epoll()}, buffer_(256 * 1024) {
        connections_.resize(chosen.connections);
        for (std::uint32_t n = 0; n < chosen.connections; ++n) {
            connections_[n].file = connect_to(chosen.port);
            watch(epoll_, connections_[n].file, n);
        }
    }
    files(files const&) = delete;
    files& operator=(files const&) = delete;
    ~files() {
        for (connection const& each : connections_) ::close(each.file);
        ::close(epoll_);
    }

    // Loads the server for as long as it is told, and prints what it saw as a line of JSON.
    void run();

private:
    using clock = std::chrono::steady_clock;
    static constexpr std::size_t size = 1 << 20;

    struct connection {
        int file = -1;
        std::string head;      // of the answer under way, until it is whole
        std::size_t body = 0;  // bytes of it so far
        std::uint64_t answers = 0;
    };

    void ask(connection const& to) const {
        static constexpr std::string_view request = "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n";
        send_whole(to.file, request.data(), request.size());
    }
    void receive(connection& from);
    static void check_head(std::string_view head);
    void check_body(connection const& from, std::string_view part) const;

    options const chosen_;
    int const epoll_;
    std::vector<connection> connections_;
    std::vector<char> buffer_;
    std::uint64_t answers_ = 0;
    bool over_ = false;
};

inline void files::run() {
    std::vector<epoll_event> events(connections_.size());
    for (connection const& each : connections_) ask(each);
    auto const loop_for = [&](double seconds) {
        auto const start = clock::now();
        auto const end = start + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{seconds});
        for (; clock::now() < end;) {
            int const count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
            if (count == 0) give_up("the server sends nothing");
            for (int n = 0; n < count; ++n) receive(connections_[events[static_cast<std::size_t>(n)].data.u32]);
        }
        return std::chrono::duration<double>{clock::now() - start}.count();
    };
    if (chosen_.warmup > 0) loop_for(chosen_.warmup);
    answers_ = 0;
    usage const before = usage::of(chosen_.server);
    double const took = loop_for(chosen_.seconds);
    usage const used = usage::of(chosen_.server) - before;
    double const answers = std::max(static_cast<double>(answers_), 1.0);
    std::printf(R"({"files":%llu,"files_per_second":%.1f,"cpu_us":%.2f,"user_us":%.2f,"busy_percent":%.2f})"
                "\n",
                static_cast<unsigned long long>(answers_), static_cast<double>(answers_) / took,
                static_cast<double>(used.exact) / 1e3 / answers, used.user() / 1e3 / answers,
                static_cast<double>(used.exact) / 1e7 / took);
}

inline void files::receive(connection& from) {
    ssize_t const got = ::recv(from.file, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == 0) errno = 0;
    if (got <= 0) give_up("the server has ended a connection");
    std::string_view part{buffer_.data(), static_cast<std::size_t>(got)};
    if (!from.head.ends_with("\r\n\r\n")) {
        while (!part.empty() && !from.head.ends_with("\r\n\r\n")) {
            from.head += part.front();
            part.remove_prefix(1);
        }
        if (!from.head.ends_with("\r\n\r\n")) return;
        check_head(from.head);
    }
    if (from.answers == 0) check_body(from, part);
    from.body += part.size();
    if (from.body < size) return;
    if (from.body > size) give_up("more than the file has come");
    ++from.answers;
    ++answers_;
    from.head.clear();
    from.body = 0;
    ask(from);
}

inline void files::check_head(std::string_view head) {
    errno = 0;
    if (!head.starts_with("HTTP/1.1 200 ")) give_up("the server has not the file");
    std::string_view const field = "Content-Length: ";
    auto const at = head.find(field);
    std::size_t length = 0;
    if (at != head.npos) std::from_chars(head.data() + at + field.size(), head.data() + head.size(), length);
    if (length != size) give_up("the server's file has another length");
}

inline void files::check_body(connection const& from, std::string_view part) const {
    std::size_t number = from.body;
    errno = 0;
    for (char const each : part)
        if (static_cast<unsigned char>(each) != number++ % 251) give_up("the server has sent other bytes");
}

} // namespace load
