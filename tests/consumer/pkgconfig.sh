#!/usr/bin/env bash
# tests/consumer/pkgconfig.sh SOURCE BUILD SCRATCH: a program without a build system, which asks pkg-config. The
# installation was moved after it was made.
set -euo pipefail
source=$1 build=$2 scratch=$3

rm -rf "$scratch"
cmake --install "$build" --prefix "$scratch/made" >/dev/null
mv "$scratch/made" "$scratch/moved"
export PKG_CONFIG_PATH=$scratch/moved/share/pkgconfig

# shellcheck disable=SC2046
g++ -std=c++20 "$source/tests/consumer/main.cpp" $(pkg-config --cflags --libs 'weir >= 0.1') -o "$scratch/consumer"
"$scratch/consumer"

version=$(sed -nE 's/.*version = "([0-9.]+)".*/\1/p' "$source/include/weir/version.hpp")
[[ $(pkg-config --modversion weir) == "$version" ]]
# A package in share may name no library: packagers refuse it.
[[ -z $(pkg-config --libs-only-l weir) ]]
