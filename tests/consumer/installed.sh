#!/usr/bin/env bash
# tests/consumer/installed.sh SOURCE BUILD SCRATCH: a project that finds an installed weir.
set -euo pipefail
source=$1 build=$2 scratch=$3

rm -rf "$scratch"
cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
cmake -G Ninja -S "$source/tests/consumer/installed" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix"
cmake --build "$scratch/build"
"$scratch/build/consumer"

# Every public header is installed, as it stands in the sources.
(cd "$source/include" && find weir -name '*.hpp') | while read -r header; do
    cmp "$source/include/$header" "$scratch/prefix/include/$header"
done

# The module lies where find_package says that it does.
cmp "$source/module/weir.cppm" "$(sed -n 's/^weir_DIR:PATH=//p' "$scratch/build/CMakeCache.txt")/weir.cppm"
