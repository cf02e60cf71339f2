#!/usr/bin/env bash
# tests/consumer/module.sh SOURCE BUILD SCRATCH: a program that imports weir. The compiler is called without CMake, which
# builds modules since 3.28.
set -euo pipefail
source=$1 scratch=$3
here=$source/tests/consumer/module

python3 -B "$source/module/generate.py" --check

# Clang builds the module from 16 on; of g++, 14 still breaks down over it.
for clang in ${WEIR_MODULE_COMPILER-clang++-19 clang++} ""; do
    version=$("$clang" -dumpversion 2>/dev/null) && ((${version%%.*} >= 16)) && break
done
[[ -n $clang ]] || { echo "module: there is no clang 16 or later here" >&2; exit 77; }

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
# What a unit is compiled with must agree with what the module was, -pthread for one.
flags=(-std=c++20 -O1 -pthread -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
say() { echo "module: $*"; }

say "$clang $version: the module"
"$clang" "${flags[@]}" -I "$source/include" -x c++-module --precompile "$source/module/weir.cppm" -o weir.pcm
"$clang" "${flags[@]}" -c weir.pcm -o weir.o

say "a program of a unit that imports it and one that includes weir"
importing=(-fmodule-file=weir=weir.pcm)
"$clang" "${flags[@]}" -I "$source/include" -c "$here/included.cpp" -o included.o
"$clang" "${flags[@]}" "${importing[@]}" -c "$here/main.cpp" -o main.o
"$clang" "${flags[@]}" main.o included.o weir.o -o consumer
./consumer

say "what it does not export"
if "$clang" "${flags[@]}" "${importing[@]}" -fsyntax-only "$here/not_exported.cpp" 2>refused; then
    echo "module: a name for authors of primitives was found" >&2
    exit 1
fi
grep -q "error: .*'spin_lock'" refused
