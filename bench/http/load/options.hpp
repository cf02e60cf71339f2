// bench/http/load/options.hpp: what the load generator is told on its command line.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace load {

struct http_options {
    std::uint16_t port = 0;
    std::string request;        // its bytes
    std::string body;           // of each answer; empty: each is as long as the first
    pid_t server = 0;           // whose processor time and memory are read; 0: nobody's
    unsigned connections = 50;
    unsigned depth = 1;         // requests that a connection has under way
    double rate = 0;            // requests a second, whatever the answers do; 0: the next request waits for an answer
    double seconds = 1;
    double warmup = 0;          // seconds before that which do not count
    bool idle = false;          // one answer a connection, and then none
};

// Ends the program where it finds something that it does not know.
inline http_options options_of(int argc, char** argv) {
    auto const refuse = [&](char const* what) {
        std::fprintf(stderr,
                     "%s: %s\nusage: %s load|idle --port PORT --request FILE [--body FILE] [--server PID]\n"
                     "       [--connections N] [--depth N] [--rate N] [--seconds S] [--warmup S]\n",
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
    auto const text_of = [&](char const* name) {
        std::ifstream file{name, std::ios::binary};
        std::string text{std::istreambuf_iterator<char>{file}, {}};
        if (!file || text.empty()) refuse("a file cannot be read, or is empty");
        return text;
    };
    std::string_view const what{argc < 2 ? "" : argv[1]};
    if (what != "load" && what != "idle") refuse("what to do?");
    http_options chosen;
    chosen.idle = what == "idle";
    for (int n = 2; n < argc; n += 2) {
        std::string_view const name{argv[n]};
        if (n + 1 == argc) refuse("a word is missing");
        char const* const word = argv[n + 1];
        if (name == "--port") chosen.port = static_cast<std::uint16_t>(number(word, 1, 65535));
        else if (name == "--request") chosen.request = text_of(word);
        else if (name == "--body") chosen.body = text_of(word);
        else if (name == "--server") chosen.server = static_cast<pid_t>(number(word, 1, 1 << 30));
        else if (name == "--connections") chosen.connections = static_cast<unsigned>(number(word, 1, 50'000));
        else if (name == "--depth") chosen.depth = static_cast<unsigned>(number(word, 1, 64));
        else if (name == "--rate") chosen.rate = number(word, 1, 10e6);
        else if (name == "--seconds") chosen.seconds = number(word, 0.01, 600);
        else if (name == "--warmup") chosen.warmup = number(word, 0, 600);
        else refuse("no such option");
    }
    if (chosen.port == 0 || chosen.request.empty()) refuse("which port, and what to ask?");
    return chosen;
}

} // namespace load
