// bench/http/load/loop.hpp: asks over kept connections and checks each answer; one thread.
// In a closed loop a connection has `depth` requests under way, and an answer lets the next one go. In an open loop
// requests leave at their times, whatever the answers do, and each is counted from the time at which it should have left:
// a server that stops for a moment is charged with all those that it made wait (G. Tene's "coordinated omission").
#pragma once

#include "answers.hpp"
#include "options.hpp"
#include "requests.hpp"

#include <io/load/latencies.hpp>
#include <io/load/sockets.hpp>
#include <io/load/usage.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace load {

class loop {
public:
    explicit loop(http_options const& chosen)
        : chosen_{chosen}, epoll_{make_epoll()}, requests_{chosen.request, most_at_once}, answers_{chosen.body},
          sent_at_(std::size_t{chosen.connections} * chosen.depth), buffer_(256 * 1024) {
        connections_.resize(chosen.connections);
        for (std::uint32_t n = 0; n < chosen.connections; ++n) {
            connections_[n].file = connect_to(chosen.port);
            watch(epoll_, connections_[n].file, n);
        }
    }
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    ~loop() {
        for (connection const& each : connections_) ::close(each.file);
        ::close(epoll_);
    }

    // Loads the server for as long as it is told, and prints what it saw as a line of JSON.
    void run();

private:
    using clock = std::chrono::steady_clock;
    static constexpr std::size_t most_at_once = 64; // requests sent in one call

    struct connection {
        int file = -1;
        std::uint64_t sent = 0;
        std::uint64_t answered = 0;
        std::string begun; // an answer that has not come whole
    };

    static std::int64_t now() { return clock::now().time_since_epoch().count(); }
    bool is_open() const { return chosen_.rate > 0; }
    // When the number-th request of a connection should leave.
    std::int64_t due(std::uint32_t index, std::uint64_t number) const {
        auto const turn = static_cast<double>(number * connections_.size() + index);
        return start_ + static_cast<std::int64_t>(turn * 1e9 / chosen_.rate);
    }
    void ask(std::uint32_t index, std::uint64_t count, std::int64_t at);
    void ask_those_due();
    void await_answers();
    void receive(std::uint32_t index);
    void answered(std::uint32_t index, std::int64_t at);
    void print(usage const& used, std::int64_t took);

    http_options const chosen_;
    int const epoll_;
    requests requests_;
    answers answers_;
    std::vector<connection> connections_;
    std::vector<std::int64_t> sent_at_; // closed loop: by connection, and number modulo the depth
    std::vector<char> buffer_;
    std::int64_t start_ = 0;
    std::int64_t counts_from_ = 0;
    std::int64_t end_ = 0;
    std::uint64_t turn_ = 0; // open loop: requests that have left
    std::uint64_t under_way_ = 0;
    std::uint64_t counted_ = 0; // answers within the window
    std::uint64_t bytes_ = 0;   // of all answers
    latencies took_{8'000'000};
    latencies late_{8'000'000}; // open loop: how late we were ourselves
};

inline void loop::run() {
    auto const nanoseconds = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
    start_ = now();
    counts_from_ = start_ + nanoseconds(chosen_.warmup);
    end_ = counts_from_ + nanoseconds(chosen_.seconds);
    if (!is_open())
        for (std::uint32_t n = 0; n < connections_.size(); ++n) ask(n, chosen_.depth, start_);
    auto const loop_until = [&](std::int64_t end) {
        std::int64_t at = now();
        for (; at < end; at = now()) {
            if (is_open()) ask_those_due();
            await_answers();
        }
        return at;
    };
    auto const begun_at = loop_until(counts_from_);
    usage const before = usage::of(chosen_.server);
    counted_ = 0;
    auto const ended_at = loop_until(end_);
    usage const used = usage::of(chosen_.server) - before;
    std::uint64_t const in_window = counted_;
    // What is under way shall come in, and is a part of the quantiles, as it was asked for in time.
    for (auto const patience = now() + 2'000'000'000; under_way_ > 0 && now() < patience;) await_answers();
    counted_ = in_window;
    print(used, ended_at - begun_at);
}

inline void loop::ask(std::uint32_t index, std::uint64_t count, std::int64_t at) {
    connection& to = connections_[index];
    for (std::uint64_t n = 0; n < count; ++n, ++to.sent)
        if (!is_open()) sent_at_[index * chosen_.depth + to.sent % chosen_.depth] = at;
    under_way_ += count;
    auto const text = requests_.take(count);
    send_whole(to.file, text.data(), text.size());
}

inline void loop::ask_those_due() {
    std::int64_t const at = now();
    for (std::size_t sent = 0; sent < most_at_once; ++sent) { // then the answers have a turn
        auto const index = static_cast<std::uint32_t>(turn_ % connections_.size());
        std::int64_t const wanted = due(index, connections_[index].sent);
        if (wanted > at || wanted >= end_) return;
        if (wanted >= counts_from_) late_.add(at - wanted);
        ask(index, 1, at);
        ++turn_;
    }
}

inline void loop::await_answers() {
    std::array<epoll_event, 128> events;
    std::int64_t wait = std::min<std::int64_t>(end_ - now(), 100'000'000);
    if (is_open()) {
        auto const index = static_cast<std::uint32_t>(turn_ % connections_.size());
        wait = std::min(wait, due(index, connections_[index].sent) - now());
    }
    if (now() >= end_) wait = 100'000'000; // the rest of the answers
    timespec const limit{0, std::max<std::int64_t>(wait, 0)};
    int const count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    if (count < 0 && errno != EINTR) give_up("epoll_pwait2");
    for (int n = 0; n < count; ++n) receive(events[static_cast<std::size_t>(n)].data.u32);
}

inline void loop::receive(std::uint32_t index) {
    connection& from = connections_[index];
    std::copy(from.begun.begin(), from.begun.end(), buffer_.begin());
    auto const room = buffer_.size() - from.begun.size();
    ssize_t const got = ::recv(from.file, buffer_.data() + from.begun.size(), room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == 0) errno = 0;
    if (got <= 0) give_up("the server has ended a connection");
    std::string_view text{buffer_.data(), from.begun.size() + static_cast<std::size_t>(got)};
    std::int64_t const at = now();
    std::uint64_t whole = 0;
    for (std::size_t size = 0; !text.empty() && (size = answers_.size_of_first(text)) > 0; ++whole) {
        answered(index, at);
        text.remove_prefix(size);
        bytes_ += size;
    }
    from.begun = text;
    if (!is_open() && whole > 0 && at < end_) ask(index, whole, at);
}

inline void loop::answered(std::uint32_t index, std::int64_t at) {
    connection& from = connections_[index];
    std::uint64_t const number = from.answered++;
    errno = 0;
    if (number >= from.sent) give_up("the server has answered more than it was asked");
    --under_way_;
    ++counted_;
    std::int64_t const asked = is_open() ? due(index, number) : sent_at_[index * chosen_.depth + number % chosen_.depth];
    if (asked >= counts_from_) took_.add(at - asked);
}

inline void loop::print(usage const& used, std::int64_t took) {
    auto const requests = static_cast<double>(std::max<std::uint64_t>(counted_, 1));
    std::uint64_t all = 0;
    for (connection const& each : connections_) all += each.answered;
    std::printf(R"({"requests":%llu,"lost":%llu,"seconds":%.6f,"requests_per_second":%.1f,)"
                R"("cpu_us":%.4f,"user_us":%.4f,"busy_percent":%.2f,"answer_bytes":%.1f,)"
                R"("p50_us":%.2f,"p99_us":%.2f,"p999_us":%.2f,"late_p99_us":%.2f})"
                "\n",
                static_cast<unsigned long long>(counted_), static_cast<unsigned long long>(under_way_),
                static_cast<double>(took) / 1e9, static_cast<double>(counted_) * 1e9 / static_cast<double>(took),
                static_cast<double>(used.exact) / 1e3 / requests, used.user() / 1e3 / requests,
                100 * static_cast<double>(used.exact) / static_cast<double>(took),
                static_cast<double>(bytes_) / static_cast<double>(std::max<std::uint64_t>(all, 1)), took_.quantile(0.5),
                took_.quantile(0.99), took_.quantile(0.999), late_.quantile(0.99));
}

} // namespace load
