// bench/harness/settings.hpp: how long and how often a suite measures, as the command line has it.
#pragma once

#include "cores.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace bench {

struct settings {
    unsigned rounds = 11;
    std::chrono::milliseconds sample_time{20};
    std::uint64_t seed = 20;
    // Only workloads whose name contains this word.
    std::string only{};
    // How many of what the table counts one operation of a body is.
    std::uint64_t parts = 1;
    // For bodies of two threads: a sample is taken again when the cache line's round trip between these cores was over
    // `limit` times the best before or after it; up to `tries` times, and beyond the first of each `spare` times in all.
    std::optional<core_pair> gate{};
    double limit = 2.5;
    unsigned tries = 5;
    unsigned spare = 30;

    // The same, for bodies whose threads run on both cores.
    settings across(core_pair cores) const {
        settings changed{*this};
        changed.gate = cores;
        return changed;
    }
    // The same, for bodies whose operation is a whole of so many parts.
    settings per(std::uint64_t count) const {
        settings changed{*this};
        changed.parts = count;
        return changed;
    }
    // The same with samples `times` as long: for bodies that the scheduler cuts into slices.
    settings longer(unsigned times) const {
        settings changed{*this};
        changed.sample_time *= times;
        return changed;
    }
};

// Reads `--rounds N`, `--sample-ms N` and `--only WORD`. Ends the program where it finds something else.
inline settings settings_of(int argc, char** argv) {
    settings chosen;
    auto const refuse = [&](char const* what) {
        std::fprintf(stderr, "%s: %s\nusage: %s [--rounds N] [--sample-ms N] [--only WORD]\n", argv[0], what, argv[0]);
        std::exit(2);
    };
    auto const number = [&](std::string_view word) {
        unsigned value = 0;
        auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size() || value == 0) refuse("not a positive number");
        return value;
    };
    for (int n = 1; n < argc; n += 2) {
        std::string_view const name{argv[n]};
        if (n + 1 == argc) refuse("a word is missing");
        if (name == "--rounds") chosen.rounds = number(argv[n + 1]);
        else if (name == "--sample-ms") chosen.sample_time = std::chrono::milliseconds{number(argv[n + 1])};
        else if (name == "--only") chosen.only = argv[n + 1];
        else refuse("no such option");
    }
    return chosen;
}

} // namespace bench
