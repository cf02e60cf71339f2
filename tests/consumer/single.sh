#!/usr/bin/env bash
# tests/consumer/single.sh SOURCE BUILD SCRATCH: programs that have weir as one file, copied into a folder of their own.
set -euo pipefail
source=$1 scratch=$3
here=$source/tests/consumer

python3 -B "$source/single_include/generate.py" --check

rm -rf "$scratch"
mkdir -p "$scratch/bare/weir"
strict=(-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
gcc=(g++ "${strict[@]}" -Wno-restrict -Wno-stringop-overflow)
clang=(clang++-19 "${strict[@]}")
one_file=(-I "$source/single_include")

say() { echo "single: $*"; }

# Whoever hides what it does not export gets one weir all the same, however each unit has included it. The linker, which
# sees all units, refuses definitions that differ.
say "one program of units with many files, with one file, and with the core"
hidden=(-O1 -flto=auto -Wodr -fvisibility=hidden -fvisibility-inlines-hidden)
"${gcc[@]}" "${hidden[@]}" -I "$source/include" -c "$here/single/many_files.cpp" -o "$scratch/many_files.o"
"${gcc[@]}" "${hidden[@]}" "${one_file[@]}" -c "$here/single/whole.cpp" -o "$scratch/whole.o"
"${gcc[@]}" "${hidden[@]}" "${one_file[@]}" -c "$here/single/core.cpp" -o "$scratch/core.o"
"${gcc[@]}" "${hidden[@]}" "$scratch"/*.o -pthread -o "$scratch/units"
"$scratch/units"

say "the consumers' program, without exceptions and run-time type information"
"${gcc[@]}" -fno-exceptions -fno-rtti "${one_file[@]}" "$here/main.cpp" -pthread -o "$scratch/consumer"
"$scratch/consumer"
"${clang[@]}" -fno-exceptions -fno-rtti "${one_file[@]}" -fsyntax-only "$here/main.cpp"

say "clang, and the core after the whole"
"${clang[@]}" "${one_file[@]}" -include weir/weir.hpp -fsyntax-only "$here/single/core.cpp"

# Not even the optional packages: where they are looked for, they are not found.
say "the core without Linux and with nothing beside it"
sed -E 's/__has_include\(<(xsimd|concurrentqueue|moodycamel)[^)]*\)/0/g' \
    "$source/single_include/weir/weir_core.hpp" >"$scratch/bare/weir/weir_core.hpp"
"${clang[@]}" -U__linux__ -I "$scratch/bare" -fsyntax-only "$here/single/core.cpp"
"${gcc[@]}" -U__linux__ -I "$scratch/bare" -fsyntax-only -H "$here/single/core.cpp" 2>"$scratch/includes"

# What it includes itself stands at the second depth. The standard's headers have no folder and no suffix.
if grep '^\.\. ' "$scratch/includes" | grep -vE '/c\+\+/[0-9]+/[a-z_]+$'; then
    echo "single: the core includes more than the standard library" >&2
    exit 1
fi
grep -q '^\.\. .*/coroutine$' "$scratch/includes" # which shows that the depth is the right one
