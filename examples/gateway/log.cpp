// examples/gateway/log.cpp: a queue, a thread that empties it, and files that take no more.
#include "log.hpp"

#include <weir/coro/context.hpp>
#include <weir/runtime/quiet_thread.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gateway {

using weir::relaxed;

log::log(log_options options) : options_{std::move(options)}, lines_{std::max<std::size_t>(options_.most_waiting, 1)} {
    auto opened = open();
    if (!opened) throw std::system_error{opened.error(), "log file " + options_.file};
    file_ = *std::move(opened);
    auto const run_it = [](void* self) -> void* {
        static_cast<log*>(self)->run();
        return nullptr;
    };
    auto const started = weir::start_quiet_thread(run_it, this);
    if (!started) throw std::system_error{started.error(), "the thread of the log"};
    writer_ = *started;
}

weir::result<weir::io::fd> log::open() const {
    weir::io::fd file{options_.file.empty()
                          ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(options_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640)};
    if (!file) return weir::system_error_code(errno);
    return file;
}

void log::say(log_level level, std::string_view event, std::initializer_list<log_field> fields) noexcept {
    if (!writes(level)) return;
    try {
        log_line line{std::chrono::system_clock::now(), level, event};
        for (auto const& each : fields) line.add(each.name, each.text);
        push(line);
    } catch (...) { refused_.add(); } // no memory
}

void log::request(request_entry const& one) noexcept {
    auto const level = one.status >= 500 ? log_level::error : log_level::info;
    if (!writes(level)) return;
    try {
        log_line line{std::chrono::system_clock::now(), level, "request"};
        auto const add = [&](std::string_view name, std::string_view text) {
            if (!text.empty()) line.add(name, text);
        };
        add("id", one.id);
        add("key", one.key_name);
        add("peer", one.peer);
        add("method", one.method);
        add("path", one.path);
        add("route", one.route);
        line.add("status", static_cast<std::uint64_t>(std::max(one.status, 0)));
        add("error", one.error);
        line.add("seconds", one.took);
        line.add("received", one.received);
        line.add("sent", one.sent);
        push(line);
    } catch (...) { refused_.add(); } // no memory
}

void log::push(log_line& line) noexcept {
    if (!lines_.try_push(line.take())) refused_.add(); // keeps L1
}

weir::result<void> log::reopen() {
    if (options_.file.empty()) return {};
    auto opened = open();
    if (!opened) return opened.error();
    {
        std::scoped_lock const alone{mutex_};
        next_ = *std::move(opened);
    }
    say(log_level::info, "log opened"); // so that the writer looks
    return {};
}

void log::close() noexcept {
    if (std::exchange(closed_, true)) return;
    gives_up_.store((weir::clock::now() + options_.patience).time_since_epoch().count(), relaxed); // only a time
    lines_.close();
    ::pthread_join(writer_, nullptr);
}

weir::registration log::register_metrics(weir::registry& with) const {
    constexpr auto lost = "gateway_log_lines_lost_total";
    constexpr auto help = "Lines of the log that were not written.";
    auto all =
        with.add({.name = "gateway_log_lines_total", .help = "Lines of the log that were written."}, written_).value();
    all += with.add({.name = lost, .help = help, .labels = {{"reason", "queue_full"}}}, refused_).value();
    all += with.add({.name = lost, .help = help, .labels = {{"reason", "not_written"}}}, failed_).value();
    return all;
}

void log::run() {
    weir::name_this_thread("weir-log");
    std::vector<std::string> lines(most_at_once);
    for (;;) {
        auto const count = lines_.blocking_pop_n(lines);
        {
            std::scoped_lock const alone{mutex_};
            if (next_) file_ = std::exchange(next_, {});
        }
        auto const losses = figures();
        auto text = losses_since(losses);
        std::size_t const ours = text.empty() ? 0 : 1;
        for (std::size_t n = 0; n < count; ++n) text += lines[n];
        auto const whole = put(std::move(text));
        auto const theirs = whole - std::min(whole, ours);
        written_.add(theirs); // keeps L1
        failed_.add(count - theirs);
        if (whole > 0) told_ = losses; // keeps L2: the first line was that one
        if (count == 0) return;        // closed, and all is taken
        if (count < most_at_once && !lines_.closed()) std::this_thread::sleep_for(pause);
    }
}

// The line that tells what was lost and not yet told of; empty if nothing was.
std::string log::losses_since(log_figures const& now) const {
    if (now.refused == told_.refused && now.failed == told_.failed) return {};
    log_line line{std::chrono::system_clock::now(), log_level::warning, "lines of the log were lost"};
    line.add("queue_full", now.refused - told_.refused);
    line.add("not_written", now.failed - told_.failed);
    return line.take();
}

// Returns: how many lines are written whole.
std::size_t log::put(std::string lines) {
    struct stat kind {};
    bool const at_once = ::fstat(file_.number(), &kind) == 0 && S_ISREG(kind.st_mode);
    bool const mends = torn_ && !lines.empty();
    if (mends) lines.insert(0, 1, '\n'); // keeps L3
    std::string_view text = lines;
    std::size_t whole = 0; // the end of the torn one included
    int error = 0;
    while (!text.empty() && error == 0) {
        if (!at_once && !wait_until_writable()) error = ETIMEDOUT;
        // A pipe that is writable takes so many bytes without stopping the thread.
        auto const piece = at_once ? text : text.substr(0, PIPE_BUF);
        auto const written = error == 0 ? ::write(file_.number(), piece.data(), piece.size()) : -1;
        if (written > 0) {
            auto const part = text.substr(0, static_cast<std::size_t>(written));
            whole += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
            torn_ = part.back() != '\n';
            text.remove_prefix(part.size());
        } else if (error == 0 && errno != EINTR && errno != EAGAIN) {
            error = errno;
        }
    }
    if (error != 0 && !failing_ && !options_.file.empty())
        std::fprintf(stderr, "log file %s: %s; lines are lost\n", options_.file.c_str(),
                     std::generic_category().message(error).c_str());
    failing_ = error != 0;
    return whole - std::min<std::size_t>(whole, mends);
}

bool log::wait_until_writable() const noexcept {
    for (;;) {
        bool const late = weir::clock::now().time_since_epoch().count() > gives_up_.load(relaxed); // only a time
        pollfd look{file_.number(), POLLOUT, 0};
        if (::poll(&look, 1, late ? 0 : 50) > 0) return true;
        if (late) return false;
    }
}

} // namespace gateway
