# bench/http/rounds.py: takes the samples of a table, contenders in turns, each from a server of its own.

import os
import subprocess
import sys

from harness.calibrate import Calibrator
from harness.gate import Gate
from harness.interleave import interleave
from harness.report import Report, Row
from harness.seat import Seat, may_use_realtime
from harness.stats import Summary
from network import have_our_own
from server import Server, Unfit
from verdicts import Table

# At times what loopback carries is lost, whoever serves, and TCP sends it again after 200 ms. Such a sample says little
# of a server, so it is taken again, a few times.
STALL_US = 190_000
STALL_TRIES = 3


class Rounds:
    """`reports` are those of all tables so far."""

    def __init__(self, options, machine):
        self._options = options
        self._machine = machine
        self._load = options.build / "bench/http/bench_http"
        if not self._load.is_file():
            sys.exit(f"bench http: {self._load} is not built")
        self._load_before = os.getloadavg()[0]
        self._realtime = may_use_realtime()
        self._seats = [Seat(core, self._realtime) for core in options.cores]
        self._calibrate = Calibrator(options.build / "bench/pingpong", options.cores)
        self._gate = Gate(self._calibrate, limit=options.limit)
        self._no_network = have_our_own()
        self.reports = []

    def table(self, title, everyone, columns, notes=(), rounds=None, what="load", **load):
        """Runs all contenders, prints the table, and returns what was measured."""
        if not everyone:
            return Table(title, {})
        rounds = rounds or self._options.rounds
        if what == "load":
            load |= {"seconds": self._options.seconds, "warmup": self._options.warmup}
        remarks = {c: [] if c.is_built else ["not there"] for c in everyone}
        taken = {c: [] for c in everyone}
        for turn, contender in interleave(rounds, [c for c in everyone if c.is_built]):
            if remarks[contender]:
                continue  # it has shown itself unfit
            print(f"{title}, round {turn + 1}: {contender.name}", file=sys.stderr, flush=True)
            try:
                taken[contender].append(self._gate.take(lambda: self._sample(contender, what, load)))
            except (Unfit, subprocess.TimeoutExpired) as trouble:
                remarks[contender].append(str(trouble))
        rows = [self._row(c, taken[c], remarks[c], columns, load) for c in everyone]
        self.keep(title, columns, rows, {**load, "rounds": rounds}, notes)
        return Table(title, {c: [t.value if self._gate.admits(t) else None for t in taken[c]] if
                                any(map(self._gate.admits, taken[c])) else [t.value for t in taken[c]] for c in everyone})

    def keep(self, title, columns, rows, settings, notes=()):
        """Prints the table of these rows and keeps its report."""
        settings = {**settings, "gate_limit": self._options.limit, "best_round_trip_ns": self._gate.best}
        report = Report("http", title, self._machine, settings, columns, rows, [*notes, *self._conditions()])
        print(f"### {title}\n\n" + "\n".join([*report.table(), "", *(f"- {note}" for note in notes)]).rstrip() + "\n",
              flush=True)
        self.reports.append(report)

    def conditions(self):
        """The lines that say on what all of them were taken."""
        return Report("http", "", self._machine, {}, [], [], self._conditions()).conditions()

    def _sample(self, contender, what, load):
        server_seat, client_seat = self._seats
        for _ in range(STALL_TRIES):
            with Server(contender, server_seat) as server:
                resident = server.resident_bytes() if what == "idle" else None
                sample = server.load(self._load, client_seat, what, **load)
                sample |= {"resident_mib": resident and resident / (1 << 20), "ending": server.stop()}
            sample["stalled"] = sample.get("p999_us", 0) > STALL_US
            if not sample["stalled"]:
                break
        return sample

    def _row(self, contender, all_taken, remarks, columns, load):
        admitted = [taken for taken in all_taken if self._gate.admits(taken)]
        counted = [taken.value for taken in admitted or all_taken]
        notes = [*remarks, *sorted({sample["ending"] for sample in counted if sample["ending"]})]
        if len(admitted) < len(all_taken):
            notes.append(f"{len(admitted)} of {len(all_taken)} rounds admitted" if admitted
                         else "no round was admitted; these are the refused ones")
        if any(sample.get("lost") for sample in counted):
            notes.append("did not answer all within 2 s of the end")
        if any(sample["stalled"] for sample in counted):
            notes.append("answers of over 190 ms in each of its tries")
        if "rate" in load and counted and min(s["requests_per_second"] for s in counted) < 0.98 * load["rate"]:
            notes.append("could not keep up with that rate")
        summaries = {}
        for column in columns:
            values = [sample[column.key] for sample in counted if sample.get(column.key) is not None]
            if values:
                summaries[column.key] = Summary(values)
        samples = [{**taken.value, "round_trip_before_ns": taken.before, "round_trip_after_ns": taken.after,
                    "admitted": self._gate.admits(taken)} for taken in all_taken]
        return Row(contender.name, summaries, samples, notes)

    def _conditions(self):
        options = self._options
        notes = [
            f"{options.rounds} interleaved rounds of {options.seconds:g} s after {options.warmup:g} s of warm-up, a new "
            f"server each; server on {self._seats[0]}, load generator on {self._seats[1]}; "
            f"load average {self._load_before:.2f} at the start",
            "each answer's status, length and body are checked; a closed loop, but for those tables that name a rate: "
            "there requests leave at their times and count from them, answered or not",
            "processor time is the server's between the first and the last request that counts; the kernel's work for a "
            "connection is in it, on loopback that of both directions; its user part is told by ticks, 250 a second",
            self._no_network or "on a loopback of its own, congestion control reno",
        ]
        if self._load_before > 0.3:
            notes.append("the machine was not idle: the kernel's reserve for ordinary processes, a twentieth of each "
                         "second, shows in p99")
        if not self._realtime:
            notes.append("without real-time scheduling, which this user may not have: other processes were in the way")
        if self._calibrate.why_not:
            notes.append(f"not gated: {self._calibrate.why_not}")
        elif self._gate.best is not None:
            notes.append(f"cache-line round trip at best {self._gate.best:.0f} ns; a round with over {options.limit:g} "
                         f"times that before or after it is refused and taken again: {self._gate.refused} were")
        return notes
