# bench/http/run.py: HTTP servers on one core: small answers, keys, embeddings, memory and size.
# The server has one core and the load generator another. Requests a second move with the machine and with the client; the
# server's processor time a request is the figure to trust, and its user part is what a library has in its hands.

import argparse
import os
import pathlib
import re
import resource
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "io"))  # its network and its verdicts are ours, too

from beside import at_least, beside, smaller
from contenders import Cast
from harness.machine import describe, first_line
from harness.process import end_cleanly_on_signals
from harness.report import Column, Row, table_of, write
from harness.seat import default_cores
from harness.stats import Summary
from rounds import Rounds
from verdicts import ahead, at_most

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [(50, 1), (500, 1), (50, 16)]  # connections, requests that each has under way
CLIENTS = [1, 4, 16, 64, 256]           # that ask for embeddings
STEADY = 20_000                         # requests a second
IDLE = 10_000
STAGES = ["health", "models", "embeddings", "idle", "size"]

CPU = [Column("cpu_us", "CPU µs/request", 2), Column("user_us", "user µs", 2), Column("busy_percent", "server core %")]
LOOP = [Column("requests_per_second", "requests/s"), *CPU, Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs"),
        Column("answer_bytes", "answer bytes")]
PACED = [Column("requests_per_second", "requests/s"), Column("p50_us", "p50 µs"), Column("p99_us", "p99 µs"),
         Column("p999_us", "p99.9 µs"), Column("late_p99_us", "client late p99 µs"), *CPU]
STILL = [Column("resident_mib", "resident MiB, unused", 1), Column("bytes_each", "bytes a connection"),
         Column("accepts_per_second", "accepts/s"), Column("cpu_us", "CPU µs/connection", 1)]
SIZE = [Column("kilobytes", "kB")]


def main():
    options = parse_options()
    end_cleanly_on_signals()
    with tempfile.TemporaryDirectory() as folder:
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        bench = Bench(options, Cast(options.build, nginx, folder))
        print("## HTTP, one core\n")
        verdicts = [line for stage in options.stage or STAGES for line in getattr(bench, stage)()]
    if not bench.rounds.reports:
        sys.exit("bench http: nothing was measured")
    if verdicts:
        print("### Aims\n")
        print("\n".join(table_of(["where", "aim", "measured", "verdict"], verdicts)) + "\n")
    print("\n".join(bench.rounds.conditions()) + "\n", flush=True)
    if options.json:
        write(options.json, [report.document() for report in bench.rounds.reports])


class Bench:
    """The stages; each prints its tables and returns the lines of its aims."""

    def __init__(self, options, cast):
        self._options = options
        self._cast = cast
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self._idle = IDLE if hard == resource.RLIM_INFINITY else min(IDLE, hard - 1000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._idle + 500, hard))
        self.rounds = Rounds(options, {**describe(options.build, "bench/http/load.cpp"), **versions()})

    def health(self):
        lines = []
        for connections, depth in SHAPES:
            shape = f"{connections} connections" + (f", {depth} pipelined" if depth > 1 else "")
            table = self._table(f"/health, {shape}", self._cast.health(), LOOP, connections=connections, depth=depth)
            if depth > 1:
                lines += at_least(table, "requests_per_second", 1_100_000, "requests/s")
            else:
                lines += [*beside(table, "nginx", "cpu_us", "CPU a request", most=0.8),
                          *at_most(table, "user_us", 1.0, "user µs a request")]
            lines += ahead(table, "cpu_us", "CPU a request", lower_is_better=True)
        return lines

    def models(self):
        everyone = self._cast.models()
        note = ("one key of a thousand; Go and hyper find it in a hash map and send a list that they keep; the gateway also "
                "counts, limits and numbers the request")
        steady = self._table(f"/v1/models with a key, {STEADY:,} requests/s", everyone, PACED, notes=[note],
                             connections=50, rate=STEADY)
        full = self._table("/v1/models with a key, 50 connections", everyone, LOOP, notes=[note], connections=50)
        return [*at_most(steady, "p99_us", 500, "p99, µs,"),
                *at_least(full, "requests_per_second", 50_000, "requests/s"),
                *ahead(full, "requests_per_second", "requests/s", lower_is_better=False)]

    def embeddings(self):
        lines = []
        for clients in CLIENTS:
            table = self._table(f"/v1/embeddings, {clients} client{'s' * (clients > 1)}", self._cast.embeddings(), LOOP,
                                rounds=min(self._options.rounds, 3), connections=clients,
                                notes=["texts of 100 bytes, no two alike; a call of the built-in model costs nothing but "
                                       "its texts, so all that batching may show here is its own cost"])
            if clients in (1, 256):
                lines += beside(table, "one at a time", "requests_per_second", "requests/s",
                                least=4 if clients > 1 else 0.97)
        return lines

    def idle(self):
        table = self._table(f"{self._idle:,} idle connections", self._cast.health(), STILL, what="idle",
                            rounds=min(self._options.rounds, 3), connections=self._idle,
                            notes=["each connection has had one request answered; bytes are pages of the process, "
                                   "without the kernel's; resident is all that is mapped and in memory, libraries "
                                   "included"])
        return [*at_most(table, "resident_mib", 8, "resident MiB, unused,"),
                *at_most(table, "bytes_each", 1024, "bytes a connection")]

    def size(self):
        title = "Programs, stripped, optimised at link time"
        sizes = {name: program.stat().st_size for name, program in self._cast.programs.items() if program.is_file()}
        rows = [Row(name, {"kilobytes": Summary([sizes[name] / 1e3])} if name in sizes else {},
                    notes=[] if name in sizes else ["not built"]) for name in self._cast.programs]
        self.rounds.keep(title, SIZE, rows, {}, ["weir's and Beast's are linked with the system's libraries: those of "
                                                 "C++, and with weir llhttp and zlib; Go's has everything within"])
        return smaller(title, sizes, "weir echo, as the example is", 1_500_000)

    def _table(self, title, everyone, columns, **how):
        only = self._options.only
        wanted = [c for c in everyone if not only or any(word.lower() in c.name.lower() for word in only)]
        return self.rounds.table(title, wanted, columns, **how)


def versions():
    crate = (pathlib.Path(__file__).parent / "hyper/Cargo.toml").read_text(encoding="utf-8")
    hyper = re.search(r'^hyper = .*?"=([\d.]+)"', crate, re.MULTILINE)
    boost = first_line(["sh", "-c", "echo BOOST_LIB_VERSION | c++ -E -P -include boost/version.hpp - | tail -n1"])
    return {
        "nginx": first_line(["nginx", "-v"]),
        "Go": first_line(["go", "version"]),
        "hyper": f"{hyper[1]}, {first_line(['rustc', '--version'])}" if hyper else "unknown",
        "Boost": boost.strip('"').replace("_", "."),
        "Drogon": "Debian 12 has no package of it, so it takes no part",
        "uWebSockets": "not run; elsewhere its CPU a request was 0.83 × nginx's, 1.04 µs of it user time",
    }


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench http", description="HTTP servers on one core.")
    parser.add_argument("--rounds", type=positive, help="default 5, quick 1; of embeddings and idle at most 3")
    parser.add_argument("--seconds", type=seconds, help="length of a sample; default 1, quick 0.5")
    parser.add_argument("--warmup", type=seconds, default=0.3, metavar="SECONDS", help="load before each sample")
    parser.add_argument("--quick", action="store_true", help="few and short samples: a smoke test")
    parser.add_argument("--stage", action="append", choices=STAGES, help="this one alone; may be given again")
    parser.add_argument("--only", action="append", metavar="WORD", help="contenders whose name has this word")
    parser.add_argument("--limit", type=float, default=2.5, help="the worst round trip, in multiples of the best")
    parser.add_argument("--cores", type=int, nargs=2, default=default_cores(), metavar=("SERVER", "CLIENT"))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 1)
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
