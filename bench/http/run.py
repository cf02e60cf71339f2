# bench/http/run.py: small answers over kept connections: requests a second, latency, the server's cost of a request.
# The server has one core and wrk another. Requests a second move with the machine and with the client; the server's
# processor time a request is the figure to trust, and its user part is what a library has in its hands.

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from contenders import BODY, contenders
from harness.calibrate import Calibrator
from harness.cpu_time import CpuTime, peak_resident_bytes
from harness.gate import Gate
from harness.interleave import interleave
from harness.machine import describe, first_line
from harness.process import end_cleanly_on_signals
from harness.report import Column, Report, Row
from harness.seat import Seat, default_cores, may_use_realtime
from harness.stats import Summary
from load import run_load
from server import Server, Unfit

ROOT = pathlib.Path(__file__).resolve().parents[2]

COLUMNS = [
    Column("requests_per_second", "requests/s"),
    Column("p50_us", "p50 µs"),
    Column("p99_us", "p99 µs"),
    Column("cpu_us", "CPU µs/request", 2),
    Column("user_us", "user µs", 2),
    Column("system_us", "system µs", 2),
    Column("busy_percent", "server core %"),
    Column("peak_mib", "peak MiB", 1),
    Column("answer_bytes", "answer bytes"),
]


def main():
    options = parse_options()
    end_cleanly_on_signals()
    if not shutil.which("wrk"):
        sys.exit("bench http: wrk is missing; `scripts/setup bench` installs it")
    server_core, client_core = options.cores
    realtime = may_use_realtime()
    seats = Seat(server_core, realtime), Seat(client_core, realtime)
    calibrate = Calibrator(options.build / "bench/pingpong", options.cores)
    gate = Gate(calibrate, limit=options.limit)
    load_before = os.getloadavg()[0]

    everyone = options.contenders
    remarks = {c: [] if c.is_built else ["not built"] for c in everyone}
    taken = {c: [] for c in everyone}
    for turn, contender in interleave(options.rounds, [c for c in everyone if c.is_built]):
        if remarks[contender]:
            continue  # it has shown itself unfit
        print(f"round {turn + 1} of {options.rounds}: {contender.name}", file=sys.stderr, flush=True)
        try:
            taken[contender].append(gate.take(lambda: take_sample(contender, seats, options)))
        except (Unfit, ValueError, subprocess.TimeoutExpired) as trouble:
            remarks[contender].append(str(trouble))

    report = Report("http", f"HTTP, {options.connections} connections, {len(BODY)} bytes of body",
                    {**describe(options.build, "bench/http/asio.cpp"), **tools(everyone)},
                    {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections,
                     "gate_limit": options.limit, "best_round_trip_ns": gate.best},
                    COLUMNS, [make_row(c, taken[c], remarks[c], gate) for c in everyone],
                    conditions(options, seats, realtime, calibrate, gate, load_before))
    print(report.markdown())
    if options.json:
        report.write_json(options.json)
    if not any(taken.values()):
        sys.exit("bench http: nothing was measured")


def take_sample(contender, seats, options):
    """One sample as a dict, from a server of its own."""
    server_seat, client_seat = seats
    with Server(contender, server_seat) as server:
        if options.warmup:
            run_load(contender, server.port, client_seat, options.warmup, options.connections)
        before = CpuTime.of(server.pid)
        load = run_load(contender, server.port, client_seat, options.seconds, options.connections)
        if not server.is_running or load.requests == 0:
            raise Unfit(server.stop() or "answered nothing under load")
        used = CpuTime.of(server.pid) - before
        peak = peak_resident_bytes(server.pid)
        missing = [f"no {name} field" for name in server.missing_fields]
        ending = server.stop()
    return {
        "requests_per_second": load.requests / load.seconds,
        "p50_us": load.latency_us[50],
        "p99_us": load.latency_us[99],
        "cpu_us": used.exact / 1e3 / load.requests,
        "user_us": used.user / 1e3 / load.requests,
        "system_us": used.system / 1e3 / load.requests,
        "busy_percent": used.exact / 1e7 / load.seconds,
        "peak_mib": peak / (1 << 20),
        "answer_bytes": server.answer_bytes,
        "requests": load.requests,
        "errors": load.errors,
        "remarks": missing + ([ending] if ending else []),
    }


def make_row(contender, all_taken, remarks, gate):
    admitted = [taken for taken in all_taken if gate.admits(taken)]
    counted = admitted or all_taken
    notes = list(remarks)
    if len(admitted) < len(all_taken):
        notes.append(f"{len(admitted)} of {len(all_taken)} rounds admitted" if admitted
                     else "no round was admitted; these are the refused ones")
    errors = sum(taken.value["errors"] for taken in counted)
    if errors:
        notes.append(f"{errors} errors")
    for remark in sorted({remark for taken in all_taken for remark in taken.value["remarks"]}):
        notes.append(remark)
    summaries = {column.key: Summary([taken.value[column.key] for taken in counted]) for column in COLUMNS} \
        if counted else {}
    samples = [{**taken.value, "round_trip_before_ns": taken.before, "round_trip_after_ns": taken.after,
                "admitted": gate.admits(taken)} for taken in all_taken]
    return Row(contender.name, summaries, samples, notes)


def conditions(options, seats, realtime, calibrate, gate, load_before):
    notes = [f"{options.rounds} interleaved rounds of {options.seconds} s after {options.warmup} s of warm-up, "
             f"a new server each; server on {seats[0]}, client (wrk -t1 -c{options.connections}) on {seats[1]}; "
             f"load average {load_before:.2f} at the start"]
    if load_before > 0.3:
        notes.append("the machine was not idle: the kernel's reserve for ordinary processes, a twentieth of each "
                     "second, shows in p99")
    if not realtime:
        notes.append("without real-time scheduling, which this user may not have: other processes were in the way")
    if calibrate.why_not:
        notes.append(f"not gated: {calibrate.why_not}")
    elif gate.best is not None:
        notes.append(f"cache-line round trip at best {gate.best:.0f} ns; a round with over {options.limit:g} times "
                     f"that before or after it is refused and taken again: {gate.refused} were")
    return notes


def tools(everyone):
    versions = {"client": " ".join(first_line(["wrk", "-v"]).split()[:2])}
    for contender in everyone:
        if contender.is_built and contender.program.name == "http_go":
            versions["Go"] = first_line(["go", "version", contender.program]).rpartition(": ")[2]
    return versions


def matches(contender, only):
    return not only or any(word.lower() in contender.name.lower() for word in only)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench http", description="Small HTTP answers over kept connections.")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--seconds", type=positive, default=3, help="length of a sample")
    parser.add_argument("--warmup", type=natural, default=1, metavar="SECONDS", help="load before each sample")
    parser.add_argument("--connections", type=positive, default=50)
    parser.add_argument("--limit", type=float, default=2.5, help="the worst round trip, in multiples of the best")
    parser.add_argument("--cores", type=int, nargs=2, default=default_cores(), metavar=("SERVER", "CLIENT"))
    parser.add_argument("--only", action="append", metavar="WORD", help="contenders whose name has this word")
    parser.add_argument("--program", action="append", type=pair, default=[], metavar="NAME=PATH",
                        help="in place of the built weir, weir-echo, asio or go")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench", help="the build folder")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.build = options.build.resolve()
    try:
        everyone = contenders(options.build, dict(options.program))
    except ValueError as trouble:
        parser.error(str(trouble))
    options.contenders = [contender for contender in everyone if matches(contender, options.only)]
    if not options.contenders:
        parser.error(f"none of that name; there are: {'; '.join(contender.name for contender in everyone)}")
    return options


def positive(word):
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def natural(word):
    number = int(word)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def pair(word):
    name, equals, path = word.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=PATH")
    return name, path


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
