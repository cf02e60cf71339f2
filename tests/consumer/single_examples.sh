#!/usr/bin/env bash
# tests/consumer/single_examples.sh COMPILER SOURCE: the small examples compile against the single header, whatever they
# include. A folder in which every header of weir is the single one stands in for include/.
set -euo pipefail
compiler=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$source/include" && find weir -name '*.hpp') | while read -r header; do
    mkdir -p "$folder/$(dirname "$header")"
    printf '#include "%s/single_include/weir/weir.hpp"\n' "$source" >"$folder/$header"
done
for each in 1_hello_task 3_coalescer 4_batcher 5_cancel_and_timeout 7_pinned_workers 8_interleave 10_worker_local 11_file_server; do
    "$compiler" -std=c++20 -fsyntax-only -I "$folder" "$source/examples/$each.cpp"
done
