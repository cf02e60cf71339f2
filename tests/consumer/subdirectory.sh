#!/usr/bin/env bash
# tests/consumer/subdirectory.sh SOURCE BUILD SCRATCH: a project that has weir's sources as a folder of its own.
set -euo pipefail
source=$1 scratch=$3

rm -rf "$scratch"
cmake -G Ninja -S "$source/tests/consumer/subdirectory" -B "$scratch" -DWEIR_SOURCE="$source"
cmake --build "$scratch"
"$scratch/consumer"

# A consumer gets the library and none of weir's own tests, benches and examples.
if grep -E '^WEIR_(TESTS|BENCH|EXAMPLES):.*=ON' "$scratch/CMakeCache.txt"; then
    echo "an option of weir's own is on in a consumer's build" >&2
    exit 1
fi
