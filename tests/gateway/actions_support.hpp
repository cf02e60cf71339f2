// tests/gateway/actions_support.hpp: actions and requests for them, in a line each.
#pragma once

#include <gateway/actions/actions.hpp>

#include <http/parser.hpp>
#include <weir/coro/sync_wait.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace gateway::test {

// A request as it comes out of the parser. `head`: header lines, each with its line end.
class request {
public:
    explicit request(std::string const& line = "GET /", std::string const& head = {}, std::string const& body = {}) {
        auto const length = body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
        auto const got = parser_->parse(line + " HTTP/1.1\r\nHost: here\r\n" + head + length + "\r\n" + body);
        if (got.state != http::parser::state::complete) throw std::invalid_argument{"no request: " + line}; // on any thread
    }
    request_view view() const noexcept { return request_view{parser_->request()}; }

private:
    std::unique_ptr<http::parser> const parser_ = std::make_unique<http::parser>();
};

// Actions on one thread, named 1.js, 2.js and so on, and what they log.
class acting {
public:
    explicit acting(std::vector<std::string> const& sources, actions_options options = one_thread())
        : actions_{with_scripts(std::move(options), sources)} {}

    // With a deadline that no script meets by chance, on a machine that is busy with others.
    static actions_options one_thread() {
        actions_options options;
        options.threads = 1;
        options.deadline = std::chrono::seconds{20};
        return options;
    }

    verdict ask(request const& of = request{}) { return ask(of.view()); }
    verdict ask(request_view const& of) { return *weir::sync_wait(actions_.run(of)); }
    std::vector<script_line> take_log() {
        std::lock_guard const locked{lock_};
        return std::exchange(log_, {});
    }
    actions& get() noexcept { return actions_; }

private:
    actions_options with_scripts(actions_options options, std::vector<std::string> const& sources) {
        for (auto const& each : sources)
            options.scripts.push_back({std::to_string(options.scripts.size() + 1) + ".js", each});
        options.log = [this](script_line const& line) {
            std::lock_guard const locked{lock_};
            log_.push_back(line);
        };
        return options;
    }

    std::mutex lock_;
    std::vector<script_line> log_;
    actions actions_;
};

// A script that gives what an expression on `request` gives.
inline std::string giving(std::string const& expression) {
    return "export default function (request) { return " + expression + "; }";
}
// One that puts such an expression's value, as text, into the header x-got.
inline std::string telling(std::string const& expression) {
    return giving("{ response: { 'x-got': String(" + expression + ") } }");
}

inline std::string got(verdict const& said) {
    for (auto const& each : said.response_headers)
        if (each.name == "x-got") return each.value;
    return "no x-got, but " + std::to_string(said.status) + " " + said.code;
}

} // namespace gateway::test
