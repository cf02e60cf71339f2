# bench/compile/run.py: what it costs a user's build to include a header.
# A source of one line is compiled, by each compiler that is there. What counts is the processor time, user and system, of
# the compiler and all that it starts: on a busy machine it moves less than the time on the wall.

import argparse
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats, Measured, speed
from harness.interleave import interleave
from harness.machine import describe, first_line
from harness.process import Process, end_cleanly_on_signals
from harness.report import Column, Report, Row, table_of, write
from harness.seat import Seat, default_cores
from harness.stats import Summary

ROOT = pathlib.Path(__file__).resolve().parents[2]

ASIO = "<boost/asio.hpp>"
TASK, ALL = "<weir/coro/task.hpp>", "<weir/weir.hpp>"
NOTHING = "nothing"
SOURCES = {NOTHING: "\n", **{header: f"#include {header}\n" for header in (TASK, ALL, ASIO, "<future>")}}
SOURCES[ASIO] = "#include <utility>\n" + SOURCES[ASIO]  # Boost 1.74 uses std::exchange and does not include it
AIMS = [Beats(TASK, 3, [ASIO]), Beats(ALL, 3, [ASIO])]

COMPILERS = ["g++", "clang++-19", "clang++"]
FLAGS = ["-std=c++20", "-O2", "-pthread", "-c"]

COLUMNS = [Column("cpu", "CPU seconds", 2), Column("wall", "seconds", 2), Column("speed", f"{ASIO} is × as long", 2),
           Column("net", "CPU seconds beyond nothing", 2)]


class Refused(Exception):
    """The compiler's first words about a source that it does not take."""


def main():
    options = parse_options()
    end_cleanly_on_signals()
    compilers = present(options.compilers)
    if not compilers:
        sys.exit(f"bench compile: none of {', '.join(options.compilers)} is here")
    load_before = os.getloadavg()[0]
    taken, refusals = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(SOURCES.values()):
            pathlib.Path(folder, f"{number}.cpp").write_text(text)
        everyone = [(compiler, number, header) for compiler in compilers for number, header in enumerate(SOURCES)]
        for compiler, number, header in everyone:  # once, unmeasured: then the files lie in memory
            try:
                compile_once(compiler, folder, number)
            except Refused as words:
                refusals[compiler, header] = str(words)
        for turn, (compiler, number, header) in interleave(options.rounds, everyone):
            if (compiler, header) in refusals:
                continue
            print(f"round {turn + 1} of {options.rounds}: {compiler}, {header}", file=sys.stderr, flush=True)
            taken.setdefault((compiler, header), []).append(compile_once(compiler, folder, number))

    machine = {name: value for name, value in describe(options.build, "bench/compile").items()
               if name not in ("compiler", "flags")}
    machine["flags"] = " ".join(FLAGS)
    notes = [f"{options.rounds} interleaved rounds after one that does not count; the source is the line that includes "
             f"the header, and `{NOTHING}` an empty one; Asio's has <utility> before it, which Boost 1.74 forgets; load "
             f"average {load_before:.2f} at the start",
             "CPU seconds are user and system time of the compiler's driver and all that it starts"]
    print("## Seconds to compile\n")
    reports = [report_of(compiler, taken, refusals, machine, notes, options) for compiler in compilers]
    for report in reports:
        print(f"### {report.title}\n")
        print("\n".join(report.table()) + "\n")
    print("### Aims\n")
    print("\n".join(aims_table(compilers, taken)) + "\n")
    print("\n".join(reports[-1].conditions()) + "\n", flush=True)
    if options.json:
        write(options.json, [report.document() for report in reports])


def compile_once(compiler, folder, number):
    """Processor time and time in seconds."""
    source = pathlib.Path(folder, f"{number}.cpp")
    argv = [compiler, *FLAGS, f"-I{ROOT / 'include'}", source, "-o", source.with_suffix(".o")]
    before, began = used_by_children(), time.monotonic()
    with Process(argv, Seat(default_cores()[0], realtime=False)) as child:
        status = child.wait(600)
        wall = time.monotonic() - began
        if status != 0:
            lines = [line for line in child.output().splitlines() if "error" in line] or ["no word"]
            raise Refused(lines[0].removeprefix(f"{folder}/")[:120])
    return {"cpu": used_by_children() - before, "wall": wall}


def used_by_children():
    """Of those that have ended, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(compiler, taken):
    """The contenders of one compiler, by name."""
    return {header: Measured(header, [sample["cpu"] for sample in taken[compiler, header]])
            for header in SOURCES if (compiler, header) in taken}


def report_of(compiler, taken, refusals, machine, notes, options):
    contenders = measured(compiler, taken)
    rows = []
    for header in SOURCES:
        samples = taken.get((compiler, header))
        if not samples:
            rows.append(Row(header, {}, notes=[refusals[compiler, header]]))
            continue
        summaries = {key: Summary([sample[key] for sample in samples]) for key in ("cpu", "wall")}
        if ASIO in contenders and header != NOTHING:
            summaries["speed"] = speed(contenders[header], contenders[ASIO])
        if NOTHING in contenders and header != NOTHING:
            summaries["net"] = Summary([mine - bare for mine, bare in
                                        zip(contenders[header].samples, contenders[NOTHING].samples)])
        rows.append(Row(header, summaries, samples))
    version = first_line([compiler, "--version"])
    return Report("compile", version, {**machine, "compiler": version}, {"rounds": options.rounds}, COLUMNS, rows, notes)


def aims_table(compilers, taken):
    lines = []
    for compiler in compilers:
        contenders = measured(compiler, taken)
        for aim in AIMS:
            verdict = aim.judge(contenders, {})
            lines.append([compiler, aim.text, verdict.found, str(verdict)])
    return table_of(["compiler", "aim", "measured", "verdict"], lines)


def present(names):
    """Those that are here, each once, whatever it is called by."""
    found = {}
    for name in names:
        path = shutil.which(name)
        if path:
            found.setdefault(os.path.realpath(path), name)
    return list(found.values())


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench compile", description="Seconds to compile a header.")
    parser.add_argument("--rounds", type=positive, help="default 9, quick 3")
    parser.add_argument("--quick", action="store_true", help="few rounds: a smoke test")
    parser.add_argument("--compilers", nargs="+", default=COMPILERS, metavar="NAME")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 9)
    return options


def positive(word):
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
