#!/usr/bin/env python3
"""tests/contract/must_not_compile.py COMPILER INCLUDE: misuse is refused, with words that say what is wrong.

Each source in must_not_compile/ compiles as it stands, which shows that nothing else is wrong with it; and each of its
`#ifdef name // says: words` must not compile once `name` is defined, with one of the words, which `|` parts, in what the
compiler prints. With `before 13 says:` that holds for GCC before 13 only, and others must compile it.
"""

import re
import subprocess
import sys
from pathlib import Path

CASE = re.compile(r"^#ifdef (\w+) // (before 13 )?says: (.+)$", re.MULTILINE)
FOLDER = Path(__file__).resolve().parent / "must_not_compile"


def compiles(compiler, include, source, *defined):
    """(whether it does, what was printed)"""
    command = [compiler, "-std=c++20", "-fsyntax-only", "-I", include, *(f"-D{name}" for name in defined), str(source)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return ran.returncode == 0, ran.stdout


def is_gcc_before_13(compiler):
    ask = [compiler, "-dM", "-E", "-x", "c++", "/dev/null"]
    told = dict(line.split(" ", 2)[1:] for line in subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True)
                .stdout.splitlines() if line.count(" ") >= 2)
    return "__clang__" not in told and int(told["__GNUC__"]) < 13


def breaches(compiler, include, source, before_13):
    text = source.read_text(encoding="utf-8")
    cases = CASE.findall(text)
    if len(cases) != text.count("#ifdef "):
        yield "has an #ifdef that does not say what is printed"
    fine, printed = compiles(compiler, include, source)
    if not fine:
        yield f"does not compile as it stands:\n{printed}"
    for name, only_before_13, words in cases:
        fine, printed = compiles(compiler, include, source, name)
        if only_before_13 and not before_13:
            if not fine:
                yield f"{name} is refused by a compiler that could compile it:\n{printed}"
        elif fine:
            yield f"{name} compiles"
        elif not any(word.strip() in printed for word in words.split("|")):
            yield f"{name} does not say {words!r}:\n{printed}"


def main():
    compiler, include = sys.argv[1:]
    before_13 = is_gcc_before_13(compiler)
    sources = sorted(FOLDER.glob("*.cpp"))
    failed = not sources
    for source in sources:
        for breach in breaches(compiler, include, source, before_13):
            print(f"{source.name}: {breach}")
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
