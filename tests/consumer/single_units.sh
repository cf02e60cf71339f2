#!/usr/bin/env bash
# tests/consumer/single_units.sh SOURCE BUILD SCRATCH: unit tests run against the single header: those of one folder, or
# of all with WEIR_SINGLE_UNITS=all.
set -euo pipefail
source=$1 scratch=$3

python3 -B "$source/single_include/generate.py" --check

# The sample stands on all floors: who reads from a stream needs the runtime, its timers and its queues.
folders=net
if [[ ${WEIR_SINGLE_UNITS-} == all ]]; then
    folders=$(cd "$source/tests/unit" && find . -name '*.cpp' -printf '%h\n' | cut -d/ -f2 | sort -u | paste -sd';')
fi

# Clang reads a precompiled header of this size in a fraction of the time that g++ takes.
rm -rf "$scratch"
cmake -G Ninja -S "$source/tests/consumer/single_units" -B "$scratch" -DCMAKE_CXX_COMPILER=clang++-19 \
    -DWEIR_SOURCE="$source" -DWEIR_FOLDERS="$folders"
cmake --build "$scratch" --parallel 2
ctest --test-dir "$scratch" --output-on-failure --no-tests=error
