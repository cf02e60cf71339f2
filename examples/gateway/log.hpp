// examples/gateway/log.hpp: a line a request and one for what else happens, written by a thread of its own.
//     log.say(log_level::warning, "the upstream is away", {{"upstream", url}, {"error", why.message()}});
//     waiting --written, with others at once--> written
//        \----too many wait; the file takes no more; not written when close() has lost its patience--> lost
// L1: every line of a level that is wanted is waiting, written or lost, and counted so.
// L2: no loss is silent: before the next line that is written stands one with the counts.
// L3: a line that was cut off by an error ends before the next one begins.
// Progress: say and request are lock-free but for memory; a reader who has stopped reading holds up the thread alone.
// Cost:     a line is two allocations; workers wake the thread at most every few milliseconds.
#pragma once

#include "log_line.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/io/fd.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/mpmc.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <pthread.h>
#include <string>
#include <string_view>

namespace gateway {

class log_options {
public:
    log_options() {}

    log_level least = log_level::info; // what is less is not written
    std::string file;                  // appended to; empty: the standard error stream
    std::size_t most_waiting = 8192;   // lines; more are lost
    std::chrono::milliseconds patience{2000}; // of close() with who does not read
};

struct log_field {
    std::string_view name; // quotable ASCII, for instance a literal
    std::string_view text;
};

// A request that was answered. What is empty is left out.
class request_entry {
public:
    request_entry() noexcept {}

    std::string_view id;
    std::string_view key_name; // never the key
    std::string_view peer;
    std::string_view method;
    std::string_view path;  // without the query, which may hold what is nobody's business
    std::string_view route; // the pattern that it matched
    std::string_view error; // the code that the client was given
    int status = 200;
    std::uint64_t received = 0; // bytes of the body
    std::uint64_t sent = 0;
    weir::duration took{0};
};

struct log_figures {
    std::uint64_t written = 0; // lines
    std::uint64_t refused = 0; // lost because too many waited, or there was no memory
    std::uint64_t failed = 0;  // lost because they could not be written
};

// Threads: any, for every function but close. To be made before a runtime whose tasks use it.
class log : weir::immovable {
public:
    // Errors: std::system_error that names the file, or for a thread that the system does not give.
    explicit log(log_options options = {});
    ~log() { close(); }

    bool writes(log_level level) const noexcept { return level >= options_.least; }
    void say(log_level level, std::string_view event, std::initializer_list<log_field> fields = {}) noexcept;
    // An error from 500 on, and else information.
    void request(request_entry const& one) noexcept;

    // Opens the file by its name again, after it was moved away; a line is whole in the one or in the other.
    // Errors: why it cannot be opened; then the old one is written on.  Cost: stops the thread, as open(2) does.
    weir::result<void> reopen();
    // Writes what waits, and loses what cannot be written in time. Lines that come later are lost. Once or more often.
    void close() noexcept;

    log_figures figures() const noexcept {
        return {written_.value(), refused_.value(), failed_.value()};
    }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    static constexpr std::size_t most_at_once = 256; // lines in a write
    static constexpr auto pause = std::chrono::milliseconds{5}; // so that many come together

    void push(log_line& line) noexcept;
    weir::result<weir::io::fd> open() const;
    void run();
    std::string losses_since(log_figures const& now) const;
    std::size_t put(std::string lines);
    bool wait_until_writable() const noexcept;

    log_options const options_;
    weir::blocking_queue<weir::mpmc<std::string>> lines_;
    weir::counter written_, refused_, failed_;
    weir::atomic<std::int64_t> gives_up_{INT64_MAX}; // when, by weir::clock
    std::mutex mutex_;
    weir::io::fd next_; // under mutex_: the file from now on
    // The writer's own.
    weir::io::fd file_;
    log_figures told_; // the losses that the file tells of
    bool torn_ = false;    // the last line has no end
    bool failing_ = false; // the last write failed
    pthread_t writer_{};
    bool closed_ = false; // close's own
};

} // namespace gateway
