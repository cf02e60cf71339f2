#!/usr/bin/env bash
# tests/consumer/fetched.sh SOURCE BUILD SCRATCH: a project that fetches weir with FetchContent unless it is installed.
set -euo pipefail
source=$1 build=$2 scratch=$3

rm -rf "$scratch"
configure() { cmake -G Ninja -S "$source/tests/consumer/fetched" -B "$@"; }

# An installed weir is taken, and what would be fetched does not matter.
cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
configure "$scratch/found" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DWEIR_SOURCE=/nowhere | tee "$scratch/found.txt"
grep -q 'weir is imported: TRUE' "$scratch/found.txt"

# One of an older minor version is not taken.
sed -i 's/PACKAGE_VERSION "0\.1\./PACKAGE_VERSION "0.0./' "$scratch/prefix/share/cmake/weir/weir-config-version.cmake"
configure "$scratch/built" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DWEIR_SOURCE="$source" | tee "$scratch/built.txt"
grep -q 'weir is imported: FALSE' "$scratch/built.txt"
cmake --build "$scratch/built"
"$scratch/built/consumer"
