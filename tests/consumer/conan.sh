#!/usr/bin/env bash
# tests/consumer/conan.sh SOURCE BUILD SCRATCH: the Conan packages are made, and a program is built with one, without a
# network: the packages that weir wants are said to be the system's own.
set -euo pipefail
source=$1 scratch=$3

conan=$source/build/tools/conan/bin/conan
[[ -x $conan ]] || conan=$(command -v conan) || {
    echo "SKIPPED: there is no conan, neither in build/tools/conan nor on the path; scripts/test installs it" >&2
    exit 77
}
say() { echo "conan: $*"; }

rm -rf "$scratch"
mkdir -p "$scratch"
export CONAN_HOME=$scratch/home
"$conan" profile detect >/dev/null 2>&1
cat >>"$CONAN_HOME/profiles/default" <<END
[platform_requires]
concurrentqueue/1.0.5
xsimd/14.0.0
[conf]
tools.cmake.cmaketoolchain:generator=Ninja
tools.cmake.cmaketoolchain:user_presets=
tools.cmake.cmake_layout:test_folder=$scratch/program
END
create() { "$conan" create --no-remote "$@" >"$scratch/log" 2>&1; }
made() { # a folder for what is in the package's only binary
    local package
    package=$("$conan" list 'weir/*:*' --format=compact 2>/dev/null | sed -nE 's/^ *(weir\/[^ ]*:[0-9a-f]+).*/\1/p')
    [[ -n $package && $package != *$'\n'* ]] || { echo "not one package: $package" >&2; exit 1; }
    cp -r "$("$conan" cache path "$package")" "$1"
}
refuses() { # what it says, what it is called with
    if create "${@:2}"; then echo "accepted: ${*:2}" >&2; exit 1; fi
    grep -q "$1" "$scratch/log" || { cat "$scratch/log"; exit 1; }
}

say "from these sources, and with its test package"
create "$source" -s compiler.cppstd=20 || { cat "$scratch/log"; exit 1; }
say "with xsimd it is the same package"
create "$source" -s compiler.cppstd=20 -o '&:with_xsimd=True' --test-folder= || { cat "$scratch/log"; exit 1; }
grep -q 'xsimd/14.0.0' "$scratch/log"
made "$scratch/ours"

version=$(sed -nE 's/.*version = "([0-9.]+)".*/\1/p' "$source/include/weir/version.hpp")
"$conan" list 'weir/*' --format=compact 2>/dev/null | grep -q "weir/$version"
diff -r "$source/include" "$scratch/ours/include"
cmp "$source/LICENSE" "$scratch/ours/licenses/LICENSE"

say "what it cannot serve it refuses"
refuses "Current cppstd (17) is lower" "$source" -s compiler.cppstd=17 --test-folder=
refuses "needs Linux" "$source" -s compiler.cppstd=20 -s os=Macos --test-folder=

say "from a release, in Conan Center's form"
"$conan" remove -c 'weir/*' >/dev/null 2>&1
mkdir "$scratch/weir-$version"
cp -r "$source/include" "$source/LICENSE" "$scratch/weir-$version"
tar -C "$scratch" -czf "$scratch/weir.tar.gz" "weir-$version"
python3 -B "$source/packaging/conan-center/release.py" "$scratch/weir.tar.gz" "file://$scratch/weir.tar.gz" "$scratch"
grep -q "\"$version\":" "$scratch/weir/config.yml"
create "$scratch/weir/all" --version "$version" -s compiler.cppstd=20 --test-folder= || { cat "$scratch/log"; exit 1; }
made "$scratch/theirs"
diff -r -x conaninfo.txt -x conanmanifest.txt "$scratch/ours" "$scratch/theirs"
