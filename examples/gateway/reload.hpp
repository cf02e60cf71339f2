// examples/gateway/reload.hpp: what is read again at SIGHUP, by name: keys, certificates, the file of the log, scripts.
//     gateway::reload again{log};
//     again.add("keys", [&] { keys.load(); });
//     ...
//     co_await again.watch(hangups); // io::signal_set hangups{SIGHUP}, made before the runtime
// One that fails leaves what it had, is told of by its name, and keeps none of the others from theirs.
#pragma once

#include "log.hpp"

#include <weir/base/immovable.hpp>
#include <weir/coro/task.hpp>
#include <weir/io/signals.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gateway {

class reload : weir::immovable {
public:
    // Needs: `to` outlives it.
    explicit reload(log& to) noexcept : log_{to} {}

    // `again` is called on a thread that may block. What is wrong it throws, as a std::exception.
    void add(std::string name, std::function<void()> again) { all_.emplace_back(std::move(name), std::move(again)); }
    // The same for what knows how to wait: it gives what is wrong, or an empty text.
    void add_task(std::string name, std::function<weir::task<std::string>()> again) {
        all_.emplace_back(std::move(name), std::move(again));
    }

    // All of them, one after the other, in the order in which they were added.  Returns: how many failed.
    // Threads: one at a time.
    weir::task<std::size_t> run();
    // Runs at each signal until it is cancelled; signals that come meanwhile are one. The service manager is told.
    weir::task<> watch(weir::io::signal_set& hangups);

private:
    class reloader {
    public:
        reloader(std::string its_name, std::function<void()> again)
            : name{std::move(its_name)}, blocks{std::move(again)} {}
        reloader(std::string its_name, std::function<weir::task<std::string>()> again)
            : name{std::move(its_name)}, waits{std::move(again)} {}

        std::string name;
        std::function<void()> blocks; // one of the two
        std::function<weir::task<std::string>()> waits;
    };

    static weir::task<std::string> attempt(reloader const& one);

    log& log_;
    std::vector<reloader> all_;
};

} // namespace gateway
