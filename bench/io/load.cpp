// bench/io/load.cpp: the client's side of all servers here: one thread, loopback only, bounded in time.
#include "load/echo.hpp"
#include "load/files.hpp"
#include "load/idle.hpp"
#include "load/options.hpp"

#include <cstdio>

int main(int argc, char** argv) {
    auto const chosen = load::options_of(argc, argv);
    if (chosen.what == "echo") load::echo{chosen}.run();
    else if (chosen.what == "idle") load::idle(chosen);
    else if (chosen.what == "files") load::files{chosen}.run();
    else {
        std::fprintf(stderr, "%s: it is echo, idle or files\n", argv[0]);
        return 2;
    }
}
