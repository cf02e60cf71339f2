// tests/consumer/single/many_files.cpp: a program whose units include weir as many files, as one file, and in part. They
// speak of the same objects: a worker of this unit's runtime wakes what the other unit has put to sleep.
#include <weir/weir.hpp>

#include "units.hpp"

int main() {
    weir::runtime runtime;
    if (runtime.block_on(slept_in_whole) != 1) return 1;
    if (runtime.block_on(coalesced_in_core) != 6) return 2;
    return &weir::version == version_in_whole() && &weir::version == version_in_core() ? 0 : 3;
}
