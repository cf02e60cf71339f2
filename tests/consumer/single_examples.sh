#!/usr/bin/env bash
# tests/consumer/single_examples.sh SOURCE: the small examples compile against the single header, whatever they
# include. A folder in which every header of weir is the single one stands in for include/, and clang parses it once.
set -euo pipefail
source=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$source/include" && find weir -name '*.hpp') | while read -r header; do
    mkdir -p "$folder/$(dirname "$header")"
    printf '#include "%s/single_include/weir/weir.hpp"\n' "$source" >"$folder/$header"
done
clang=(clang++-19 -std=c++20 -I "$folder")
single=$source/single_include/weir/weir.hpp
"${clang[@]}" -x c++-header "$single" -o "$folder/single.pch"
for each in 1_hello_task 2_pipeline 3_coalescer 4_batcher 5_cancel_and_timeout 7_pinned_workers 8_interleave 10_worker_local 11_file_server; do
    "${clang[@]}" -fsyntax-only -include-pch "$folder/single.pch" "$source/examples/$each.cpp"
done
