// weir/runtime/wait_tree.hpp: waits that are alike, counted together: a tree of lines, below each who awaits it.
// For:      authors of primitives: dump.hpp.
#pragma once

#include <weir/coro/context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

// "0.250 s"
inline std::string seconds_text(duration length) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>{length}.count());
    return text;
}

class wait_tree {
public:
    // A line, and whom it is about: coroutines of one line are counted.
    using step = std::pair<std::string, std::uintptr_t>;

    // The outermost first; the last is what is waited for.
    void add(std::vector<step> const& path, duration waited, unsigned worker) {
        wait_tree* at = this;
        for (auto const& [line, who] : path) {
            at = &at->below_[line];
            at->who_.insert(who);
        }
        at->longest_ = std::max(at->longest_, waited);
        at->workers_.insert(worker);
    }
    void write(std::string& out, std::size_t depth = 0) const {
        for (auto const& [line, one] : below_) {
            out.append(2 * depth, ' ');
            out += line;
            if (one.who_.size() > 1) out += " x" + std::to_string(one.who_.size());
            if (!one.workers_.empty()) one.write_wait(out);
            out += '\n';
            one.write(out, depth + 1);
        }
    }

private:
    void write_wait(std::string& out) const {
        out += ", for " + seconds_text(longest_) + ", on worker ";
        for (char const* between = ""; auto const worker : workers_) {
            out += between + std::to_string(worker);
            between = " and ";
        }
    }

    std::map<std::string, wait_tree> below_;
    std::set<std::uintptr_t> who_;
    duration longest_{0};
    std::set<unsigned> workers_; // where its waits have begun; empty where nobody waits but those below
};

} // namespace weir
