// bench/http/load.cpp: the client's side of all HTTP servers here: one thread, loopback only, bounded in time.
#include "load/idle.hpp"
#include "load/loop.hpp"
#include "load/options.hpp"

int main(int argc, char** argv) {
    auto const chosen = load::options_of(argc, argv);
    if (chosen.idle) load::idle(chosen);
    else load::loop{chosen}.run();
}
