# bench/io/run.py: small messages over TCP, idle connections and whole files: what a server costs beside a raw loop.
# The server has one core and the load generator another. Requests a second move with the machine and with the client; the
# server's processor time a request is the figure to trust, and its user part is what a library has in its hands.

import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from contenders import FILE_BYTES, echo_servers, file_servers, make_file
from harness.calibrate import Calibrator
from harness.gate import Gate
from harness.interleave import interleave
from harness.machine import describe, first_line
from harness.process import end_cleanly_on_signals
from harness.report import Column, Report, Row, table_of, write
from harness.seat import Seat, default_cores, may_use_realtime
from harness.stats import Summary
from network import have_our_own
from server import Server, Unfit
from verdicts import Table, ahead, at_most, beside_raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [(50, 1), (50, 16), (500, 1), (500, 16)]  # connections, requests that each has under way
IDLE = 10_000
STEADY = 20_000  # requests a second
# At times what loopback carries is lost, whoever serves, and TCP sends it again after 200 ms; why, is not known. Such a sample
# says little of a server, so it is taken again, a few times.
STALL_US = 190_000
STALL_TRIES = 3

CPU = [Column("cpu_us", "CPU µs/request", 3), Column("user_us", "user µs", 3),
       Column("busy_percent", "server core %")]
ECHO = [Column("requests_per_second", "requests/s"), *CPU, Column("system_calls", "system calls/request", 3),
        Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs")]
PACED = [Column("requests_per_second", "requests/s"), Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs"),
         Column("p999_us", "p99.9 µs"), Column("late_p99_us", "client late p99 µs"), *CPU]
STILL = [Column("bytes_each", "bytes each"), Column("accepts_per_second", "accepts/s"),
         Column("cpu_us", "CPU µs/connection", 2)]
FILES = [Column("files_per_second", "files/s"), Column("cpu_us", "CPU µs/file", 1), Column("user_us", "user µs", 1),
         Column("busy_percent", "server core %")]


def main():
    options = parse_options()
    end_cleanly_on_signals()
    bench = Bench(options)
    stages = {"echo": bench.echo, "latency": bench.latency, "idle": bench.idle, "files": bench.files}
    verdicts = []
    print("## TCP, beside raw loops\n")
    for name, stage in stages.items():
        if options.stage in (None, name):
            verdicts += stage()
    if not bench.reports:
        sys.exit("bench io: nothing was measured")
    print("### Aims\n")
    print("\n".join(table_of(["where", "aim", "measured", "verdict"], verdicts)) + "\n")
    print("\n".join(bench.reports[-1].conditions()) + "\n", flush=True)
    if options.json:
        write(options.json, [report.document() for report in bench.reports])


class Bench:
    """The stages; each prints its tables, keeps their reports, and returns the lines of its aims."""

    def __init__(self, options):
        self._options = options
        self._load = options.build / "bench/io/bench_io"
        if not self._load.is_file():
            sys.exit(f"bench io: {self._load} is not built")
        realtime = may_use_realtime()
        self._seats = [Seat(core, realtime) for core in options.cores]
        self._calibrate = Calibrator(options.build / "bench/pingpong", options.cores)
        self._gate = Gate(self._calibrate, limit=options.limit)
        self._load_before = os.getloadavg()[0]
        self._no_network = have_our_own()
        self._no_realtime = not realtime
        self._machine = {**describe(options.build, "bench/io/servers/weir.cpp"),
                         "nginx": first_line(["nginx", "-v"]), "Go": first_line(["go", "version"])}
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._idle = min(IDLE, hard - 1000) if hard != resource.RLIM_INFINITY else IDLE
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, self._idle + 500), hard))
        self._half_load = None
        self.reports = []

    def echo(self):
        lines = []
        for connections, depth in SHAPES:
            title = f"{connections} connections, depth {depth}"
            table = self._table(title, self._echo_servers(), ECHO, "echo", connections=connections, depth=depth)
            self._half_load = self._half_load or half_of(table)
            lines += [*beside_raw(table, "cpu_us", "CPU a request", most=1.05),
                      *at_most(table, "user_us", 0.5, "user µs a request"),
                      *beside_raw(table, "requests_per_second", "requests/s", least=0.95),
                      *ahead(table, "cpu_us", "CPU a request", lower_is_better=True)]
            if connections == 50:
                lines += at_most(table, "system_calls", {"io_uring": 0.15, "epoll": 2.0}, "system calls a request")
        return lines

    def latency(self):
        """Alone it does not know what full load is, and takes the steady rate only."""
        lines = []
        if self._half_load:
            table = self._table(f"Half load: {self._half_load:,} requests/s", self._echo_servers(), PACED, "echo",
                                connections=50, rate=self._half_load, depth=1)
            lines += beside_raw(table, "p99_us", "p99", most=1.1)
        table = self._table(f"{STEADY:,} requests/s", self._echo_servers(), PACED, "echo", connections=50, rate=STEADY)
        return [*lines, *at_most(table, "p99_us", 500, "p99, µs,")]

    def idle(self):
        table = self._table(f"{self._idle:,} idle connections", self._echo_servers(), STILL, "idle",
                            connections=self._idle)
        return at_most(table, "bytes_each", 700, "bytes a connection")

    def files(self):
        with tempfile.TemporaryDirectory() as folder:
            make_file(folder)
            nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
            everyone = [c for c in file_servers(self._options.build, nginx, folder) if self._is_wanted(c)]
            table = self._table(f"Files of {FILE_BYTES >> 20} MiB, 8 connections", everyone, FILES, "files",
                                connections=8)
        return [[table.title, f"{weir.name}: files/s at least 0.95 × nginx's", f"{ratio:.3f} ×",
                 "holds" if ratio >= 0.95 else "missed"]
                for weir in table.of("weir") for nginx in table.of("other")
                if (ratio := table.ratio(weir, nginx, "files_per_second"))]

    def _echo_servers(self):
        return [c for c in echo_servers(self._options.build) if self._is_wanted(c)]

    def _is_wanted(self, contender):
        only = self._options.only
        return not only or any(word.lower() in contender.name.lower() for word in only)

    def _table(self, title, everyone, columns, what, **load):
        """Runs all contenders in turns, prints the table, and returns what was measured."""
        if what != "idle":
            load |= {"seconds": self._options.seconds, "warmup": self._options.warmup}
        remarks = {c: [] if c.is_built else ["not there"] for c in everyone}
        taken = {c: [] for c in everyone}
        for turn, contender in interleave(self._options.rounds, [c for c in everyone if c.is_built]):
            if remarks[contender]:
                continue  # it has shown itself unfit
            print(f"{title}, round {turn + 1}: {contender.name}", file=sys.stderr, flush=True)
            try:
                with_calls = turn == 0 and columns is ECHO
                taken[contender].append(self._gate.take(lambda: self._sample(contender, what, load, with_calls)))
            except (Unfit, subprocess.TimeoutExpired) as trouble:
                remarks[contender].append(str(trouble))
        rows = [self._row(c, taken[c], remarks[c], columns, load) for c in everyone]
        report = Report("io", title, self._machine, {**load, "rounds": self._options.rounds,
                                                     "gate_limit": self._options.limit,
                                                     "best_round_trip_ns": self._gate.best},
                        columns, rows, self._conditions())
        print(f"### {title}\n\n" + "\n".join(report.table()) + "\n", flush=True)
        self.reports.append(report)
        return Table(title, {c: [t.value if self._gate.admits(t) else None for t in taken[c]] if
                                any(map(self._gate.admits, taken[c])) else [t.value for t in taken[c]] for c in everyone})

    def _sample(self, contender, what, load, with_calls):
        """One sample as a dict, from a server of its own; system calls from another, as counting them costs time."""
        server_seat, client_seat = self._seats
        for _ in range(STALL_TRIES):
            with Server(contender, server_seat) as server:
                sample = server.load(self._load, client_seat, what, **load)
            sample["stalled"] = sample.get("p999_us", 0) > STALL_US
            if not sample["stalled"]:
                break
        if with_calls:
            with Server(contender, server_seat) as server:
                shape = {**load, "seconds": min(1, load["seconds"]), "warmup": 0}
                sample["system_calls"] = server.count_system_calls(self._load, client_seat, what, **shape)
        return sample

    def _row(self, contender, all_taken, remarks, columns, load):
        admitted = [taken for taken in all_taken if self._gate.admits(taken)]
        counted = [taken.value for taken in admitted or all_taken]
        notes = list(remarks)
        if len(admitted) < len(all_taken):
            notes.append(f"{len(admitted)} of {len(all_taken)} rounds admitted" if admitted
                         else "no round was admitted; these are the refused ones")
        if sum(sample.get("lost", 0) for sample in counted):
            notes.append("did not answer all within 2 s of the end")
        if any(sample["stalled"] for sample in counted):
            notes.append("lost packets in each of its tries")
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
        server_seat, client_seat = self._seats
        notes = [
            f"{options.rounds} interleaved rounds of {options.seconds:g} s after {options.warmup:g} s of warm-up, a new "
            f"server each; server on {server_seat}, load generator on {client_seat}; "
            f"load average {self._load_before:.2f} at the start",
            "messages of 64 bytes, each answer compared with what was sent; a closed loop, but for those tables that "
            "name a rate: there requests leave at their times and count from them, answered or not",
            "processor time is the server's between the first and the last request that counts; the kernel's work for a "
            "connection is in it, on loopback that of both directions",
            "system calls are counted in a run of their own, with accepting the connections",
            "an idle connection has had one message answered; bytes are pages of the process, without the kernel's",
        ]
        if self._no_network:
            notes.append(self._no_network)
        else:
            notes.append("on a loopback of its own, congestion control reno")
        if self._load_before > 0.3:
            notes.append("the machine was not idle: the kernel's reserve for ordinary processes, a twentieth of each "
                         "second, shows in p99")
        if self._no_realtime:
            notes.append("without real-time scheduling, which this user may not have: other processes were in the way")
        if self._calibrate.why_not:
            notes.append(f"not gated: {self._calibrate.why_not}")
        elif self._gate.best is not None:
            notes.append(f"cache-line round trip at best {self._gate.best:.0f} ns; a round with over {options.limit:g} "
                         f"times that before or after it is refused and taken again: {self._gate.refused} were")
        return notes


def half_of(table):
    """Half of what the slowest raw loop can do, or else the slowest of all; rounded to thousands."""
    rates = [table.value(c, "requests_per_second") for c in table.of("raw") or table.samples]
    return max(1, round(min(rates) / 2000)) * 1000 if rates else None


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench io", description="TCP servers beside raw loops.")
    parser.add_argument("--rounds", type=positive, help="default 5, quick 1")
    parser.add_argument("--seconds", type=seconds, help="length of a sample; default 2, quick 0.5")
    parser.add_argument("--warmup", type=seconds, default=0.3, metavar="SECONDS", help="load before each sample")
    parser.add_argument("--quick", action="store_true", help="few and short samples: a smoke test")
    parser.add_argument("--stage", choices=["echo", "latency", "idle", "files"], help="this one alone")
    parser.add_argument("--only", action="append", metavar="WORD", help="contenders whose name has this word")
    parser.add_argument("--limit", type=float, default=2.5, help="the worst round trip, in multiples of the best")
    parser.add_argument("--cores", type=int, nargs=2, default=default_cores(), metavar=("SERVER", "CLIENT"))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 2)
    options.build = options.build.resolve()
    return options


def positive(word):
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seconds(word):
    number = float(word)
    if not 0 < number <= 60:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 60")
    return number


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
