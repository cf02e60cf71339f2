// bench/io/load/options.hpp: what the load generator is told on its command line.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/types.h>

namespace load {

struct options {
    std::string_view what;        // echo, idle or files
    std::uint16_t port = 0;
    pid_t server = 0;             // whose processor time and memory are read; 0: nobody's
    unsigned connections = 50;
    unsigned depth = 1;           // requests that a connection has under way
    double rate = 0;              // requests a second, whatever the answers do; 0: the next request waits for an answer
    double seconds = 1;
    double warmup = 0;            // seconds before that which do not count
};

// Ends the program where it finds something that it does not know.
inline options options_of(int argc, char** argv) {
    auto const refuse = [&](char const* what) {
        std::fprintf(stderr,
                     "%s: %s\nusage: %s echo|idle|files --port PORT [--server PID] [--connections N] [--depth N]\n"
                     "       [--rate N] [--seconds S] [--warmup S]\n",
                     argv[0], what, argv[0]);
        std::exit(2);
    };
    auto const number = [&](std::string_view word, double least, double most) {
        double value = 0;
        auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size() || !(value >= least && value <= most))
            refuse("a number is missing or out of range");
        return value;
    };
    if (argc < 2) refuse("what to do?");
    options chosen;
    chosen.what = argv[1];
    for (int n = 2; n < argc; n += 2) {
        std::string_view const name{argv[n]};
        if (n + 1 == argc) refuse("a word is missing");
        char const* const word = argv[n + 1];
        if (name == "--port") chosen.port = static_cast<std::uint16_t>(number(word, 1, 65535));
        else if (name == "--server") chosen.server = static_cast<pid_t>(number(word, 1, 1 << 30));
        else if (name == "--connections") chosen.connections = static_cast<unsigned>(number(word, 1, 50'000));
        else if (name == "--depth") chosen.depth = static_cast<unsigned>(number(word, 1, 64));
        else if (name == "--rate") chosen.rate = number(word, 1, 10e6);
        else if (name == "--seconds") chosen.seconds = number(word, 0.01, 600);
        else if (name == "--warmup") chosen.warmup = number(word, 0, 600);
        else refuse("no such option");
    }
    if (chosen.port == 0) refuse("which port?");
    return chosen;
}

} // namespace load
