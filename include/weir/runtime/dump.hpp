// weir/runtime/dump.hpp: who waits in a runtime, for what, where, for how long: for when it does nothing and should.
//     options.keep_waits = true;
//     ...
//     std::fputs(dump(runtime).c_str(), stderr);
// A tree: below a coroutine stand those that it awaits, and the children of its scope; the last line is what the
// innermost waits for. Those who wait alike, in the same places, are counted on one line, with the longest wait of them.
// Behind it stand the cycles: who waits for a mutex that another holds, who waits, and so on, back to the first. A stop
// or a timeout may still end one.
// Not:      in the tree is who began to wait before the runtime started, and who runs; of a worker that has run one job
//           for longer than options.stall_limit it is said that it does. Nor are there names in a program without a table
//           of symbols.
#pragma once

#include <weir/runtime/await_chain.hpp>
#include <weir/runtime/place_text.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/runtime/symbols.hpp>
#include <weir/runtime/wait_survey.hpp>
#include <weir/runtime/wait_tree.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

// As a reader wants to see it: without the type that it returns, and the library's own without what they were made for.
inline std::string short_function(std::string name) {
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t n = 0; n < name.size(); ++n) {
        char const each = name[n];
        if (each == '<' || each == '(' || each == '{') ++depth;
        if ((each == '>' && (n == 0 || name[n - 1] != '-')) || each == ')' || each == '}') --depth;
        if (each == ' ' && depth == 0) begin = n + 1;
    }
    name.erase(0, begin);
    if (name.starts_with("weir::"))
        if (auto const made_for = name.find('<'); made_for != name.npos) name.erase(made_for);
    return name;
}

class dump_writer {
public:
    dump_writer(runtime& of, symbols& names, wait_survey const& all)
        : runtime_{of}, names_{names}, all_{all}, named_{of.named_tasks()}, now_{clock::now()} {}

    std::string write() {
        std::string out = std::to_string(all_.waits().size() + all_.unseen()) + " wait\n";
        for (unsigned n = 0; n < runtime_.workers(); ++n)
            if (auto const length = runtime_.held_up(n); length > duration{0})
                out += "worker " + std::to_string(n) + " has run one job for " + seconds_text(length) + "\n";
        wait_tree tree;
        for (auto const& each : all_.waits()) tree.add(path_of(each), now_ - each.since, each.worker);
        tree.write(out);
        for (auto const& each : all_.cycles()) out += cycle(each);
        return out;
    }

private:
    std::vector<wait_tree::step> path_of(wait_sight const& one) {
        std::vector<wait_tree::step> path;
        auto const chain = one.chain();
        for (std::size_t n = chain.size(); n-- > 0;) path.emplace_back(line_of(one, n), chain[n].frame);
        auto const who = chain.empty() ? reinterpret_cast<std::uintptr_t>(&one) : chain.front().frame;
        path.emplace_back("awaits " + awaited(one) + holder_of(one), who);
        return path;
    }
    // The coroutine, and where it stands.
    std::string line_of(wait_sight const& one, std::size_t n) {
        auto const chain = one.chain();
        std::string line = function(chain[n].function);
        bool const own = line.starts_with("weir::"); // where these stand is of no use to who has not written them
        if (auto const named = named_.find(reinterpret_cast<void const*>(chain[n].frame)); named != named_.end())
            line += " \"" + named->second + "\"";
        auto const place = n == 0 ? place_text(one.where) : this->place(chain[n - 1].where);
        if (!own && !place.empty()) line += " at " + place;
        return line;
    }
    std::string awaited(wait_sight const& one) {
        std::string what{one.text.words()};
        if (what.empty()) what = function(one.awaits);
        if (one.text.object) what += " " + address(one.text.object);
        if (one.text.thread != 0) what += " that runs on " + thread(one.text.thread);
        return what;
    }
    std::string holder_of(wait_sight const& one) {
        if (!one.text.object) return {};
        auto const* const holder = all_.holder_of(one.text.object);
        if (!holder) return ", held by whom is not known";
        auto const* const waits = all_.wait_below(*holder);
        // Who does not wait may be gone and its frame another's, so it has no name.
        std::string text = ", held by ";
        if (!waits) text += "one that does not wait";
        else if (waits->chain().back().frame == holder->frame) text += function(holder->function);
        else text += function(waits->chain().back().function) + " > " + function(holder->function);
        if (auto const place = place_text(holder->where); !place.empty()) text += " since " + place;
        return text;
    }
    std::string cycle(std::vector<wait_sight const*> const& members) {
        std::string out = "a cycle of " + std::to_string(members.size()) + ":\n";
        for (auto const* const each : members) {
            out += "  ";
            for (std::size_t n = each->chain().size(); n-- > 0;) out += line_of(*each, n) + (n > 0 ? " > " : "");
            out += " awaits " + awaited(*each) + holder_of(*each) + "\n";
        }
        return out;
    }

    std::string const& function(std::uintptr_t address) {
        auto const [at, fresh] = functions_.try_emplace(address);
        if (fresh) at->second = address == 0 ? "a coroutine" : short_function(names_.name_of(address));
        return at->second;
    }
    std::string const& place(std::uintptr_t word) {
        auto const [at, fresh] = places_.try_emplace(word);
        if (fresh) at->second = place_text(word);
        return at->second;
    }
    static std::string address(void const* of) {
        char text[32];
        std::snprintf(text, sizeof text, "%p", of);
        return text;
    }
    static std::string thread(int number) {
        std::string name;
        std::getline(std::ifstream{"/proc/self/task/" + std::to_string(number) + "/comm"}, name);
        return "thread " + std::to_string(number) + (name.empty() ? "" : " (" + name + ")");
    }

    runtime& runtime_;
    symbols& names_;
    wait_survey const& all_;
    std::map<void const*, std::string> const named_;
    time_point const now_;
    std::map<std::uintptr_t, std::string> functions_;
    std::map<std::uintptr_t, std::string> places_;
};

} // namespace detail

// Threads: any, also in on_stall; not while the runtime ends.
// Cost:    reads tables of symbols; holds up those who begin or end a wait, and nobody else.
inline std::string dump(runtime& of) {
    symbols names;
    auto const coroutines = names.coroutines();
    wait_survey const all{of, await_chain{coroutines}};
    return detail::dump_writer{of, names, all}.write();
}

} // namespace weir
