# bench/http/load.py: the client's side: wrk, and what it reports.
# A closed loop: each connection asks again once it is answered. The latencies are those of a server at its limit, and
# of 50 requests at a time; they are no promise for a server with room to spare.

import re

from harness.process import Process

_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


class Load:
    """What one run of wrk saw: requests, seconds, latencies in microseconds, errors."""

    def __init__(self, text):
        total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", text)
        if not total:
            raise ValueError(f"wrk said: {text.strip()[-300:] or 'nothing'}")
        self.requests = int(total[1])
        self.seconds = float(total[2]) * _UNITS[total[3]] / 1e6
        self.latency_us = {int(percent): float(value) * _UNITS[unit] for percent, value, unit
                           in re.findall(r"^\s+(50|75|90|99)%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)}
        sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        self.errors = sum(map(int, sockets.groups())) if sockets else 0
        self.errors += int(refused[1]) if refused else 0


def run_load(contender, port, seat, seconds, connections):
    """Loads the server for whole seconds. Raises ValueError when wrk does not report, TimeoutExpired when it hangs."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *contender.load_arguments(port)]
    with Process(command, seat) as wrk:
        wrk.wait(seconds + 15)
        return Load(wrk.output())
