#!/usr/bin/env bash
# tests/consumer/optional.sh SOURCE BUILD SCRATCH: weir::weir leads to xsimd and ConcurrentQueue where they are found, in
# each of the ways in which they come. Nothing is compiled: the folders are asked for.
set -euo pipefail
source=$1 build=$2 scratch=$3

rm -rf "$scratch"
cmake --install "$build" --prefix "$scratch/weir" >/dev/null
mkdir -p "$scratch"/{headers/include/xsimd,headers/include/moodycamel,packages/{one,other},project}
touch "$scratch/headers/include/xsimd/xsimd.hpp" "$scratch/headers/include/moodycamel/concurrentqueue.h"

# A package whose target links a library that is not there, and one that says it is older than it is.
mkdir -p "$scratch/packages/lib/cmake/"{xsimd,concurrentqueue}
cat >"$scratch/packages/lib/cmake/xsimd/xsimdConfig.cmake" <<END
add_library(xsimd INTERFACE IMPORTED)
set_target_properties(xsimd PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES $scratch/packages/one INTERFACE_LINK_LIBRARIES xtl)
END
cat >"$scratch/packages/lib/cmake/concurrentqueue/concurrentqueueConfig.cmake" <<END
add_library(concurrentqueue::concurrentqueue INTERFACE IMPORTED)
set_target_properties(concurrentqueue::concurrentqueue PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "$scratch/packages/one;$scratch/packages/other")
END
echo 'set(PACKAGE_VERSION 1.0.0)' >"$scratch/packages/lib/cmake/concurrentqueue/concurrentqueueConfigVersion.cmake"

cat >"$scratch/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(asks LANGUAGES CXX)
if(WEIR_SOURCE)
    add_subdirectory(${WEIR_SOURCE} weir)
else()
    find_package(weir 0.1 CONFIG REQUIRED)
endif()
file(GENERATE OUTPUT folders.txt CONTENT "$<TARGET_PROPERTY:weir::weir,INTERFACE_INCLUDE_DIRECTORIES>
$<TARGET_PROPERTY:weir::weir,INTERFACE_LINK_LIBRARIES>
" TARGET weir::weir)
END

folders() { # name, what it is configured with
    cmake -G Ninja -S "$scratch/project" -B "$scratch/$1" "${@:2}" >"$scratch/$1.txt" ||
        { cat "$scratch/$1.txt"; exit 1; }
    cat "$scratch/$1/folders.txt"
}
lead_to() { # name, the folders, what it is configured with
    local found
    found=$(folders "$1" "${@:3}")
    for folder in $2; do
        grep -qF "$scratch/$folder" <<<"$found" || { echo "$1: not led to $folder: $found" >&2; exit 1; }
    done
    if grep -q xtl <<<"$found"; then echo "$1: led to a library" >&2; exit 1; fi
}

# The system has packages of its own, which a bare header elsewhere does not hide.
no_packages="-DCMAKE_DISABLE_FIND_PACKAGE_xsimd=ON -DCMAKE_DISABLE_FIND_PACKAGE_concurrentqueue=ON"
for road in "-DCMAKE_PREFIX_PATH=$scratch/weir;" "-DWEIR_SOURCE=$source -DCMAKE_PREFIX_PATH="; do
    name=$([[ $road == *SOURCE* ]] && echo subdirectory || echo installed)
    # shellcheck disable=SC2086
    lead_to "$name-headers" headers/include $no_packages $road"$scratch/headers"
    # shellcheck disable=SC2086
    lead_to "$name-packages" "packages/one packages/other" $road"$scratch/packages"
done
