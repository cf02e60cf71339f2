// bench/http/load/idle.hpp: opens many connections, has one request answered on each, and then lets them be.
// A connection that has been used and is kept is what a server has thousands of; what it holds for one that was never
// used says less.
#pragma once

#include "answers.hpp"
#include "options.hpp"

#include <io/load/sockets.hpp>
#include <io/load/usage.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

namespace load {

inline void idle(http_options const& chosen) {
    using clock = std::chrono::steady_clock;
    constexpr unsigned most_unanswered = 128; // far fewer than a listener's queue has room for
    answers check{chosen.body};
    int const epoll = make_epoll();
    std::vector<int> files;
    std::vector<bool> is_answered(chosen.connections);

    long long const memory_before = own_memory(chosen.server);
    usage const before = usage::of(chosen.server);
    auto const start = clock::now();
    auto const patience = start + std::chrono::seconds{30};
    unsigned answered = 0;
    while (answered < chosen.connections) {
        while (files.size() < chosen.connections && files.size() - answered < most_unanswered) {
            files.push_back(connect_to(chosen.port));
            watch(epoll, files.back(), static_cast<std::uint32_t>(files.size() - 1));
            send_whole(files.back(), chosen.request.data(), chosen.request.size());
        }
        std::array<epoll_event, 128> events;
        int const count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
        for (int n = 0; n < count; ++n) {
            auto const index = events[static_cast<std::size_t>(n)].data.u32;
            std::array<char, 4096> answer;
            ssize_t const got = ::recv(files[index], answer.data(), answer.size(), MSG_DONTWAIT | MSG_PEEK);
            if (got <= 0) give_up("the server has ended a connection");
            errno = 0;
            if (is_answered[index]) give_up("the server has answered more than it was asked");
            std::string_view const text{answer.data(), static_cast<std::size_t>(got)};
            auto const size = check.size_of_first(text);
            if (size == 0) continue; // it lies there until it is whole
            if (::recv(files[index], answer.data(), size, MSG_DONTWAIT) != static_cast<ssize_t>(size)) give_up("recv");
            is_answered[index] = true;
            ++answered;
        }
        if (clock::now() > patience) give_up("the server has not answered all connections within half a minute");
    }
    double const took = std::chrono::duration<double>{clock::now() - start}.count();
    usage const used = usage::of(chosen.server) - before;
    std::this_thread::sleep_for(std::chrono::milliseconds{300}); // what it gives back, it may give back
    long long const memory = own_memory(chosen.server) - memory_before;

    auto const connections = static_cast<double>(chosen.connections);
    std::printf(R"({"connections":%u,"accepts_per_second":%.1f,"cpu_us":%.3f,"bytes_each":%.1f})"
                "\n",
                chosen.connections, connections / took, static_cast<double>(used.exact) / 1e3 / connections,
                static_cast<double>(memory) / connections);
    for (int const each : files) ::close(each);
    ::close(epoll);
}

} // namespace load
