#!/usr/bin/env bash
# tests/consumer/vcpkg.sh SOURCE BUILD SCRATCH: a project that has weir from our overlay port, and does what its `usage`
# says. A script stands in for vcpkg itself.
set -euo pipefail
source=$1 scratch=$3
port=$source/packaging/vcpkg/weir

rm -rf "$scratch"
cmake -DPORT_FOLDER="$port" -DSCRATCH="$scratch" -P "$source/tests/consumer/vcpkg/stand_in.cmake"

version=$(sed -nE 's/.*version = "([0-9.]+)".*/\1/p' "$source/include/weir/version.hpp")
[[ $(cat "$scratch/version") == "$version" ]] || { echo "the port is not of version $version" >&2; exit 1; }

sed -n 's/^    //p' "$scratch/installed/share/weir/usage" >"$scratch/usage.cmake"
cmake -G Ninja -S "$source/tests/consumer/vcpkg" -B "$scratch/consumer" -DUSAGE="$scratch/usage.cmake" \
    -DCMAKE_PREFIX_PATH="$scratch/installed"
grep -q "^weir_DIR:.*=$scratch/installed/share/weir$" "$scratch/consumer/CMakeCache.txt"
cmake --build "$scratch/consumer"
"$scratch/consumer/main"
