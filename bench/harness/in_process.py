# bench/harness/in_process.py: drives a program that measures all contenders of a subject in one process, by bench.hpp.
# A subject's run.py names the program, its workloads with their titles, who is the yardstick, and the aims. What comes
# out is a table a workload, a table of the aims, and the JSON document. No figure makes the run fail.

import argparse
import json
import os
import pathlib
import sys
import time

from harness.aims import Measured, speed
from harness.machine import describe
from harness.process import Process, end_cleanly_on_signals
from harness.report import Column, Report, Row, table_of, write
from harness.seat import Anywhere
from harness.stats import Summary

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE_LIMIT = 2.5  # as in settings.hpp


class Workload:
    """One table: the workload's name as the program prints it, a title, the yardstick's name, and the aims.

    `twins` maps contenders to who else does the same with one thread; the table then tells their speed-up.
    """

    def __init__(self, name, title, yardstick, *aims, twins=None):
        self.name = name
        self.title = title
        self.yardstick = yardstick
        self.aims = aims
        self.twins = twins or {}


class Subject:
    """`compact` puts all workloads into one table, a line each: for subjects of many small ones."""

    def __init__(self, name, title, program, workloads, notes=(), env=None, rounds=21, sample_ms=25, compact=False):
        self.name = name
        self.title = title
        self.program = program
        self.workloads = workloads
        self.notes = list(notes)
        self.env = env or {}
        self.rounds = rounds
        self.sample_ms = sample_ms
        self.compact = compact


def run(subject):
    """The whole of a run.py."""
    try:
        _run(subject, _parse_options(subject))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(subject, options):
    end_cleanly_on_signals()
    program = options.build / "bench" / subject.name / subject.program
    if not program.exists():
        sys.exit(f"bench {subject.name}: {program} is not built")
    load_before = os.getloadavg()[0]
    began = time.monotonic()
    arguments = ["--rounds", options.rounds, "--sample-ms", options.sample_ms]
    lines = _output_of([program, *arguments, *(["--only", options.only] if options.only else [])], subject)
    results = Results(lines)
    if not results.workloads:
        sys.exit(f"bench {subject.name}: nothing was measured")

    machine = describe(options.build, f"bench/{subject.name}/{subject.name}.cpp")
    settings = {"rounds": options.rounds, "sample_ms": options.sample_ms, "gate_limit": GATE_LIMIT,
                "best_round_trip_ns": results.best_trip}
    notes = [*subject.notes, *results.remarks, f"{options.rounds} interleaved rounds in one process, samples of "
             f"{options.sample_ms} ms and more; load average {load_before:.2f} at the start, "
             f"{time.monotonic() - began:.0f} s in all"]
    if results.best_trip is not None:
        notes.append(f"cache-line round trip at best {results.best_trip:.0f} ns; a sample of two threads with over "
                     f"{GATE_LIMIT:g} times that before or after it does not count, where others do")

    reports = [make_report(subject, workload, results, machine, settings, notes)
               for workload in shown(subject, results)]
    print(f"## {subject.title}\n")
    if subject.compact:
        print("\n".join(line_a_workload(subject, results)) + "\n")
    else:
        for report in reports:
            print(f"### {report.title}\n")
            print("\n".join(report.table()) + "\n")
    if any(workload.aims for workload in shown(subject, results)):
        print("### Aims\n")
        print("\n".join(aims_table(subject, results)) + "\n")
    print("\n".join(reports[-1].conditions()) + "\n", flush=True)
    if options.json:
        write(options.json, [report.document() for report in reports])


class Results:
    """What the program has printed: `workloads` maps a workload's name to its contenders by name, those that were
    measured; `absent` maps it to the others with the reason; `remarks` are the lines that were no JSON."""

    def __init__(self, lines):
        self.workloads = {}
        self.absent = {}
        self.remarks = []
        found = []
        for line in lines:
            if line.startswith("{"):
                found.append(json.loads(line))
            elif line.strip():
                self.remarks.append(line.strip())
        trips = [trip for entry in found for trip in entry.get("trips", [])]
        self.best_trip = min(trips, default=None)
        for entry in found:
            workload, name = entry["workload"], entry["contender"]
            self.absent.setdefault(workload, {})
            contenders = self.workloads.setdefault(workload, {})
            if "absent" in entry:
                self.absent[workload][name] = entry["absent"]
            else:
                contenders[name] = Measured(name, self._admitted(entry))

    def _admitted(self, entry):
        """The samples, without those that were taken while the cores were far apart, unless all were."""
        samples = entry["samples"]
        trips = entry.get("trips")
        if trips is None:
            return samples
        kept = [sample if trip <= GATE_LIMIT * self.best_trip else None for sample, trip in zip(samples, trips)]
        return kept if any(sample is not None for sample in kept) else samples


def shown(subject, results):
    """The workloads that were measured, in the subject's order; one that it does not know comes last, as it is."""
    known = [workload for workload in subject.workloads if workload.name in results.workloads]
    names = {workload.name for workload in known}
    return known + [Workload(name, name, next(iter(contenders), None))
                    for name, contenders in results.workloads.items() if name not in names]


def make_report(subject, workload, results, machine, settings, notes):
    contenders = results.workloads[workload.name]
    yardstick = contenders.get(workload.yardstick)
    columns = [Column("ns", "ns", 2), Column("rate", "M/s", 1)]
    if yardstick:
        columns.append(Column("speed", f"speed, {yardstick.name} = 1", 2))
    if workload.twins:
        columns.append(Column("speed_up", "speed-up", 2))
    rows = [_row(contender, yardstick, contenders.get(workload.twins.get(contender.name)))
            for contender in contenders.values()]
    rows += [Row(name, {}, notes=[why]) for name, why in results.absent[workload.name].items()]
    return Report(subject.name, workload.title, machine, settings, columns, rows, notes)


def line_a_workload(subject, results):
    """The lines of a table of all workloads: the yardstick beside the best of the others."""
    lines = []
    for workload in shown(subject, results):
        contenders = dict(results.workloads[workload.name])
        ours = contenders.pop(workload.yardstick, None)
        best = min(contenders.values(), key=lambda peer: peer.summary.median, default=None)
        if ours is None or best is None:
            continue
        times = speed(ours, best)
        lines.append([workload.title, f"{ours.summary.median:,.2f}", best.name, f"{best.summary.median:,.2f}",
                      f"{times.median:.2f} ± {times.spread:.2f}"])
    return table_of(["workload", "weir, ns", "the best peer", "ns", "weir is × as fast"], lines, figures=(1, 3, 4))


def aims_table(subject, results):
    lines = []
    for workload in shown(subject, results):
        for aim in workload.aims:
            verdict = aim.judge(results.workloads[workload.name], results.workloads)
            lines.append([workload.name, aim.text, verdict.found, str(verdict)])
    return table_of(["workload", "aim", "measured", "verdict"], lines)


def _row(contender, yardstick, twin):
    samples = [sample for sample in contender.samples if sample is not None]
    summaries = {"ns": Summary(samples), "rate": Summary([1e3 / max(sample, 1e-3) for sample in samples])}
    if yardstick:
        summaries["speed"] = speed(contender, yardstick)
    if twin:
        summaries["speed_up"] = speed(contender, twin)
    refused = contender.rounds - len(samples)
    notes = [f"{len(samples)} of {contender.rounds} samples admitted"] if refused else []
    return Row(contender.name, summaries, [{"ns": sample} for sample in contender.samples], notes)


def _output_of(argv, subject):
    """The lines that the program prints, shown as they come by the name of their workload."""
    with Process(argv, Anywhere(), subject.env) as child:
        told = set()
        while True:
            ended = child.status is not None  # asked first, so that nothing printed is missed
            lines = child.output().splitlines()
            for line in lines if ended else lines[:-1]:  # the last may be half a line
                name = json.loads(line)["workload"] if line.startswith("{") else None
                if name and name not in told:
                    told.add(name)
                    print(f"bench {subject.name}: {name}", file=sys.stderr, flush=True)
            if ended:
                break
            time.sleep(0.2)
        if child.status != 0:
            last = lines[-1] if lines else "no output"
            sys.exit(f"bench {subject.name}: {subject.program} ended with {child.status}: {last[:200]}")
    return lines


def _parse_options(subject):
    parser = argparse.ArgumentParser(prog=f"scripts/bench {subject.name}", description=f"{subject.title}.")
    parser.add_argument("--rounds", type=positive, help=f"default {subject.rounds}, quick 5")
    parser.add_argument("--sample-ms", type=positive,
                        help=f"length of a sample; default {subject.sample_ms}, quick at most 10")
    parser.add_argument("--quick", action="store_true", help="few and short samples: a smoke test")
    parser.add_argument("--only", metavar="WORD", help="workloads whose name has this word")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else subject.rounds)
    options.sample_ms = options.sample_ms or (min(10, subject.sample_ms) if options.quick else subject.sample_ms)
    options.build = options.build.resolve()
    return options


def positive(word):
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
