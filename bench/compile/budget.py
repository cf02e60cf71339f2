#!/usr/bin/env python3
"""bench/compile/budget.py: what each umbrella header costs to include, beside what it may cost.

The unit is the cost of <vector> and <string>, so that the machine's speed cancels out. All figures come from one
compilation of weir.hpp by clang, which writes down how long it was in each file: a header costs what the files cost
that it reaches. Coarse, since a file's time is that of the wall: a header that is over its budget is marked, and fails
nothing. What fails is a table with a header too few or too many, and a costly header of the standard that is reached.
Status 77 where there is no clang.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = ["clang++-19", "clang++"]
FLAGS = ["-std=c++20", "-pthread", f"-I{ROOT / 'include'}"]
UNIT = ("vector", "string")

# About a quarter more than a header has cost with clang 19 and libstdc++ 12.
BUDGET = {"base": 2, "channel": 5.5, "coro": 4.5, "cpu": 6, "flow": 7.5, "io": 6, "memory": 4, "metrics": 5, "net": 7.5,
          "queue": 4, "runtime": 12, "simd": 4, "sync": 4, "timer": 4, "weir": 18}

# They cost every user compile time, and nobody sees from a header's own lines what it reaches.
NEVER_REACHED = {"iostream", "regex", "future"}


def main():
    compiler = next(filter(shutil.which, COMPILERS), None)
    if not compiler:
        print(f"budget: none of {', '.join(COMPILERS)} is here")
        sys.exit(77)
    umbrellas = sorted(path.stem for path in (ROOT / "include/weir").glob("*.hpp") if path.stem != "version")
    with tempfile.TemporaryDirectory() as folder:
        seconds = seconds_in_files(compiler, folder)
        files = {name: reached(compiler, [f"weir/{name}.hpp"]) for name in umbrellas}
        unit = cost(reached(compiler, UNIT), seconds)
    load, processors = os.getloadavg()[0], os.cpu_count()
    print(f"{compiler}: 1 is <vector> and <string>, here {unit:.2f} s; load average {load:.1f} on {processors} " +
          ("processors: too busy for figures to be trusted" if load > 2 * processors else "processors"))
    print(f"{'header':<20} {'costs':>6} {'budget':>7} {'files':>6}")
    for name in umbrellas:
        found = cost(files[name], seconds) / unit
        verdict = "  over" if found > BUDGET.get(name, 0) else ""
        print(f"weir/{name + '.hpp':<15} {found:6.1f} {BUDGET.get(name, 0):7.1f} {len(files[name]):6}{verdict}")
    breaches = list(breaches_of(files))
    print(*breaches, sep="\n", end="\n" if breaches else "")
    sys.exit(1 if breaches else 0)


def seconds_in_files(compiler, folder):
    """How long the compiler was in each file that weir.hpp reaches, without what that includes."""
    source = Path(folder, "weir.cpp")
    source.write_text("#include <weir/weir.hpp>\n", encoding="utf-8")
    trace = Path(folder, "trace.json")
    words = [f"-ftime-trace={trace}", "-ftime-trace-granularity=0"]  # which the driver keeps from a mere check
    subprocess.run([compiler, *FLAGS, "-fsyntax-only", *(part for word in words for part in ("-Xclang", word)), source],
                   check=True)
    return exclusive(json.loads(trace.read_text(encoding="utf-8"))["traceEvents"])


def exclusive(events):
    """The time of each file of a trace, in seconds, less that of the files entered from it."""
    sources = [event for event in events if event["name"] == "Source"]
    # One event with a duration until clang 17; since then a beginning, behind which stands its end.
    entered = [(event["ts"], event["dur"], event["args"]["detail"]) for event in sources if "dur" in event]
    entered += [(begin["ts"], end["ts"] - begin["ts"], begin["args"]["detail"])
                for begin, end in zip(sources, sources[1:]) if (begin["ph"], end["ph"]) == ("b", "e")]
    entered.sort(key=lambda entry: (entry[0], -entry[1]))
    seconds, open_files = {}, []  # (when it ends, which)
    for begin, duration, name in entered:
        while open_files and open_files[-1][0] <= begin:
            open_files.pop()
        path = os.path.realpath(name)
        seconds[path] = seconds.get(path, 0) + duration / 1e6
        if open_files:
            seconds[open_files[-1][1]] -= duration / 1e6
        open_files.append((begin + duration, path))
    return seconds


def reached(compiler, headers):
    """The files that a unit with these includes reads."""
    unit = "".join(f"#include <{header}>\n" for header in headers)
    rule = subprocess.run([compiler, *FLAGS, "-M", "-x", "c++", "-"], input=unit, capture_output=True, text=True,
                          check=True)
    return {os.path.realpath(file) for file in re.split(r"[\s\\]+", rule.stdout.partition(":")[2]) if "/" in file}


def cost(files, seconds):
    return sum(seconds.get(file, 0) for file in files)


def breaches_of(files):
    for name in sorted(set(files) ^ set(BUDGET)):
        yield f"weir/{name}.hpp " + ("has no budget" if name in files else "has a budget, and is no umbrella")
    for name, read in files.items():
        for header in sorted({os.path.basename(file) for file in read if "/c++/" in file} & NEVER_REACHED):
            yield f"weir/{name}.hpp reaches <{header}>"


if __name__ == "__main__":
    main()
