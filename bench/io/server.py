# bench/io/server.py: a contender that is running and listens. Whether it answers rightly is the load generator's to see.

import json
import re
import shutil
import socket
import subprocess
import tempfile
import time

from harness.process import Process
from harness.seat import Anywhere
from network import free_port


class Unfit(Exception):
    """The contender does not start, or does not do what all must; the text says which."""


class Server:
    """Starts a contender; the `with` block is entered once it listens."""

    def __init__(self, contender, seat, deadline=10.0):
        self._deadline = deadline
        self.port = free_port()
        self._process = Process(contender.command(self.port), seat, contender.env)

    def __enter__(self):
        try:
            self._process.__enter__()
        except OSError as trouble:
            raise Unfit(f"does not start: {trouble}") from trouble
        try:
            self._await_listening()
        except BaseException:
            self._process.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.__exit__()

    @property
    def pid(self):
        return self._process.pid

    def load(self, program, seat, what, **options):
        """Runs the load generator and returns what it saw, as a dict. It may take 15 s beyond its time."""
        return _loaded([*self._load_command(program, what, options)], seat, options)

    def count_system_calls(self, program, seat, what, **options):
        """System calls of the server for each request of such a load, set-up of its connections included; None where
        they cannot be counted here."""
        command = self._load_command(program, what, options)
        with tempfile.NamedTemporaryFile("r") as counted:
            if _can_count_by_perf():
                perf = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", self.pid, "-o", counted.name, "--"]
                seen = _loaded([*perf, *command], seat, options)
                found = re.search(r"^(\d+),,raw_syscalls:sys_enter", counted.read(), re.MULTILINE)
            elif shutil.which("strace"):
                with Process(["strace", "-c", "-f", "-qq", "-p", self.pid, "-o", counted.name], Anywhere()) as strace:
                    time.sleep(0.3)  # it attaches
                    seen = _loaded(command, seat, options)
                    strace.stop()
                found = re.search(r"^100\.00 +\S+ +(?:\d+ +)?(\d+) +(?:\d+ +)?total$", counted.read(), re.MULTILINE)
            else:
                return None
        return int(found[1]) / seen["asked"] if found else None

    def _load_command(self, program, what, options):
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [program, what, "--port", self.port, "--server", self.pid, *words]

    def _await_listening(self):
        end = time.monotonic() + self._deadline
        while time.monotonic() < end:
            if self._process.status is not None:
                lines = self._process.output().strip().splitlines()
                raise Unfit(f"ended with {self._process.status}: {lines[-1][:200] if lines else 'no output'}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=self._deadline):
                    return
            except OSError:
                time.sleep(0.02)
        raise Unfit(f"does not listen after {self._deadline:.0f} s")


def _loaded(command, seat, options):
    with Process(command, seat) as load:
        load.wait(options.get("seconds", 60) + options.get("warmup", 0) + 15)
        words = load.output().strip()
        if load.status != 0:
            raise Unfit(words.splitlines()[-1][:200] if words else f"the load generator ended with {load.status}")
    try:
        return json.loads(words.splitlines()[-1])
    except (ValueError, IndexError) as trouble:
        raise Unfit(f"the load generator said {words[:200]!r}") from trouble


def _can_count_by_perf():
    try:
        return subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
