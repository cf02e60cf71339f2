// bench/io/load/idle.hpp: opens many connections, has each answered once, and then lets them be.
// A connection that has been used and is kept is what a server has thousands of; what it holds for one that was never
// used says less.
#pragma once

#include "options.hpp"
#include "sockets.hpp"
#include "usage.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace load {

inline void idle(options const& chosen) {
    using clock = std::chrono::steady_clock;
    constexpr unsigned most_unanswered = 128; // far fewer than a listener's queue has room for
    std::array<std::byte, 64> const asked{std::byte{42}};
    int const epoll = make_epoll();
    std::vector<int> files;
    std::vector<bool> is_answered(chosen.connections);

    long long const memory_before = own_memory(chosen.server);
    usage const before = usage::of(chosen.server);
    auto const start = clock::now();
    auto const patience = start + std::chrono::seconds{60};
    unsigned answered = 0;
    while (answered < chosen.connections) {
        while (files.size() < chosen.connections && files.size() - answered < most_unanswered) {
            files.push_back(connect_to(chosen.port));
            watch(epoll, files.back(), static_cast<std::uint32_t>(files.size() - 1));
            send_whole(files.back(), asked.data(), asked.size());
        }
        std::array<epoll_event, 128> events;
        int const count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
        for (int n = 0; n < count; ++n) {
            auto const index = events[static_cast<std::size_t>(n)].data.u32;
            std::array<std::byte, 128> answer;
            ssize_t const got = ::recv(files[index], answer.data(), answer.size(), MSG_DONTWAIT);
            errno = 0;
            if (got != 64 || is_answered[index] || answer[0] != asked[0]) give_up("the server has not echoed 64 bytes");
            is_answered[index] = true;
            ++answered;
        }
        if (clock::now() > patience) give_up("the server has not answered all connections within a minute");
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
