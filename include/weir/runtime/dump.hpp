// weir/runtime/dump.hpp: who waits in a runtime, for what, for how long: for when it does nothing and should.
//     options.keep_waits = true;
//     ...
//     std::fputs(dump(runtime).c_str(), stderr);
// A line for each kind of chain: those who are awaited the same way, in the same functions, by the same, are counted
// together, with the longest wait of them. Below a coroutine stand those that it awaits; the last line is what the
// innermost waits for.
// Not:      lines of source: only functions. Nor who waits for I/O or a blocking call, or began to before the runtime
//           started; nor in a program without a table of symbols.
#pragma once

#include <weir/coro/wait_book.hpp>
#include <weir/runtime/await_chain.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/runtime/symbols.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir {

namespace detail {

// Coroutines that run the same functions in the same order from the outermost on, as a tree.
class wait_tree {
public:
    // The outermost first; the last is what is waited for.
    void add(std::vector<std::string> const& path, duration waited, unsigned worker) {
        wait_tree* at = this;
        for (auto const& name : path) {
            at = &at->below_[name];
            at->count_ += 1;
            at->longest_ = std::max(at->longest_, waited);
        }
        at->workers_[worker] += 1;
    }
    void write(std::string& out, std::size_t depth = 0) const {
        for (auto const& [name, one] : below_) {
            out.append(2 * depth, ' ');
            out += name;
            if (one.count_ > 1) out += " x" + std::to_string(one.count_);
            if (one.below_.empty()) one.write_wait(out);
            out += '\n';
            one.write(out, depth + 1);
        }
    }

private:
    void write_wait(std::string& out) const {
        char text[32];
        std::snprintf(text, sizeof text, ", for %.3f s, on", std::chrono::duration<double>{longest_}.count());
        out += text;
        for (auto const& [worker, times] : workers_) out += " worker " + std::to_string(worker);
    }

    std::map<std::string, wait_tree> below_;
    std::size_t count_ = 0;
    duration longest_{0};
    std::map<unsigned, std::size_t> workers_;
};

} // namespace detail

// Threads: any; not while the runtime ends.  Cost: reads tables of symbols; holds up those who begin or end a wait.
inline std::string dump(runtime& of) {
    struct sight {
        std::array<std::uintptr_t, 33> functions;
        std::size_t count;
        std::uintptr_t awaits;
        time_point since;
        unsigned worker;
    };
    symbols names;
    auto const coroutines = names.coroutines();
    await_chain const chain{coroutines};
    std::vector<sight> all;
    all.reserve(of.figures().tasks_live * 2 + 1024); // room beforehand, as nobody may allocate under the book's locks
    std::size_t more = 0;
    wait_book::for_each([&](wait_entry const& one) {
        auto const worker = of.number_of(one.worker);
        if (!worker) return;
        if (all.size() == all.capacity()) {
            ++more;
            return;
        }
        sight& seen = all.emplace_back();
        auto const frame = reinterpret_cast<std::uintptr_t>(one.who.address());
        seen.functions[0] = chain.function_of(frame);
        seen.count = 1 + chain.follow(frame, std::span{seen.functions}.subspan(1));
        seen.awaits = one.awaits;
        seen.since = one.since;
        seen.worker = *worker;
    });
    auto const now = clock::now();
    detail::wait_tree tree;
    std::vector<std::string> path;
    for (auto const& each : all) {
        path.clear();
        for (std::size_t n = each.count; n-- > 0;)
            path.push_back(each.functions[n] == 0 ? "a coroutine" : names.name_of(each.functions[n]));
        path.push_back("awaits " + names.name_of(each.awaits));
        tree.add(path, now - each.since, each.worker);
    }
    std::string out = std::to_string(all.size() + more) + " wait\n";
    tree.write(out);
    return out;
}

} // namespace weir
