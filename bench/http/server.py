# bench/http/server.py: a contender that is running, and known to give the right answer.

import json
import pathlib
import socket
import tempfile
import time

from asks import NUMBER
from harness.process import Process
from network import free_port


class Unfit(Exception):
    """The contender does not start, or does not answer as all must; the text says which."""


class Server:
    """Starts a contender; the `with` block is entered once it has answered rightly."""

    def __init__(self, contender, seat, deadline=10.0):
        self._ask = contender.ask
        self._deadline = deadline
        self.port = free_port()
        self._process = Process(contender.command(self.port), seat, contender.env)

    def __enter__(self):
        try:
            self._process.__enter__()
        except OSError as trouble:
            raise Unfit(f"does not start: {trouble}") from trouble
        try:
            self._check(self._connect())
        except BaseException:
            self._process.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.__exit__()

    @property
    def pid(self):
        return self._process.pid

    def resident_bytes(self):
        """Once it has answered, and nobody is connected."""
        time.sleep(0.2)
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def load(self, program, seat, what, **options):
        """Runs the load generator and returns what it saw, as a dict. It may take 15 s beyond its time."""
        with tempfile.TemporaryDirectory() as folder:
            request, body = pathlib.Path(folder, "request"), pathlib.Path(folder, "body")
            request.write_bytes(self._ask.request)
            command = [program, what, "--port", self.port, "--server", self.pid, "--request", request]
            if self._body is not None:
                body.write_bytes(self._body)
                command += ["--body", body]
            command += [word for name, value in options.items() for word in (f"--{name}", value)]
            with Process(command, seat) as load:
                load.wait(options.get("seconds", 60) + options.get("warmup", 0) + 15)
                return self._seen(load)

    def stop(self):
        """Returns what was wrong with its end, or None: a server ends with 0 on SIGTERM."""
        if self._process.status is not None:
            return f"ended under load with {self._process.status}: {self._last_words()}"
        self._process.stop()
        if self._process.killed:
            return "did not end on SIGTERM"
        return f"ended with {self._process.status} on SIGTERM" if self._process.status != 0 else None

    def _seen(self, load):
        words = load.output().strip().splitlines()
        if load.status != 0:
            raise Unfit("; ".join(words)[:300] or f"the load generator ended with {load.status}")
        try:
            return json.loads(words[-1])
        except (ValueError, IndexError) as trouble:
            raise Unfit(f"the load generator said {words}") from trouble

    def _connect(self):
        end = time.monotonic() + self._deadline
        while time.monotonic() < end:
            if self._process.status is not None:
                raise Unfit(f"ended with {self._process.status}: {self._last_words()}")
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=self._deadline)
            except OSError:
                time.sleep(0.01)
        raise Unfit(f"does not listen after {self._deadline:.0f} s: {self._last_words()}")

    def _check(self, connection):
        """Whether it answers rightly and keeps the connection, and refuses what is to be refused."""
        with connection:
            try:
                got = [exchange(connection, self._ask.request) for _ in range(2)]
                refused = exchange(connection, self._ask.refused) if self._ask.refused else None
            except (OSError, ValueError) as trouble:
                raise Unfit(f"does not answer: {trouble}") from trouble
        for status, body in got:
            if status != 200 or not self._ask.right(body):
                raise Unfit(f"answers {status} with {body[:80]!r}")
        if refused and refused[0] == 200:
            raise Unfit("lets in who has no key")
        bodies = {body for _, body in got}
        self._body = bodies.pop() if len(bodies) == 1 and NUMBER.encode() not in self._ask.request else None

    def _last_words(self):
        lines = self._process.output().strip().splitlines()
        return lines[-1][:200] if lines else "no output"


def exchange(connection, request):
    """Sends a request; the status and the body of an answer that states its length."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    lengths = [int(value) for name, _, value in (field.partition(b":") for field in fields)
               if name.strip().lower() == b"content-length"]
    if len(lengths) != 1:
        raise ValueError("no Content-Length")
    while len(body) < lengths[0]:
        body += _some(connection)
    return int(status.split()[1]), body


def _some(connection):
    data = connection.recv(65536)
    if not data:
        raise ValueError("the connection was closed")
    return data
