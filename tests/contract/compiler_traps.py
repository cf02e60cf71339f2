#!/usr/bin/env python3
"""tests/contract/compiler_traps.py COMPILER INCLUDE TESTS: compiler_traps.cpp holds at every level of optimisation.

It is built and run with the given compiler and with those of ALSO that are installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ALSO = ["g++-12", "clang++-16", "clang++-19"]
LEVELS = ["-O0", "-O1", "-O2"]
SOURCE = Path(__file__).resolve().parent / "compiler_traps.cpp"


def compilers(given):
    """Each once, whatever name it goes by."""
    found = {}
    for name in [given, *ALSO]:
        path = shutil.which(name)
        if path:
            found.setdefault(os.path.realpath(path), name)
    return list(found.values())


def main():
    given, include, tests = sys.argv[1:]
    failed = False
    for compiler in compilers(given):
        for level in LEVELS:
            with tempfile.TemporaryDirectory() as folder:
                program = Path(folder) / "traps"
                flags = ["-std=c++20", level, "-I", include, "-I", tests, "-pthread"]
                subprocess.run([compiler, *flags, str(SOURCE), "-o", str(program)], check=True)
                ran = subprocess.run([str(program)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     timeout=60)
            if ran.returncode != 0:
                print(f"{compiler} {level}: ended with {ran.returncode}\n{ran.stdout}")
                failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
