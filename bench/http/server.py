# bench/http/server.py: a contender that is running, and known to give the right answer.

import socket
import time

from contenders import BODY
from harness.process import Process


class Unfit(Exception):
    """The contender does not start, or does not answer as all must; the text says which."""


class Server:
    """Starts a contender on a free loopback port; the `with` block is entered once it has answered rightly.

    `answer_bytes` is the size of that answer, head and body.
    """

    def __init__(self, contender, seat, deadline=10.0):
        self._contender = contender
        self._deadline = deadline
        self.port = _free_port()
        self._process = Process(contender.command(self.port), seat, contender.env)

    def __enter__(self):
        try:
            self._process.__enter__()
        except OSError as trouble:
            raise Unfit(f"does not start: {trouble}") from trouble
        try:
            self.answer_bytes = self._check_answer(self._connect())
        except BaseException:
            self._process.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.__exit__()

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process.status is None

    def stop(self):
        """Returns what was wrong with its end, or None: a server ends with 0 on SIGTERM."""
        if not self.is_running:
            return f"ended under load with {self._process.status}: {self._last_words()}"
        self._process.stop()
        if self._process.killed:
            return "did not end on SIGTERM"
        return f"ended with {self._process.status} on SIGTERM" if self._process.status != 0 else None

    def _connect(self):
        end = time.monotonic() + self._deadline
        while time.monotonic() < end:
            if not self.is_running:
                raise Unfit(f"ended with {self._process.status}: {self._last_words()}")
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=self._deadline)
            except OSError:
                time.sleep(0.02)
        raise Unfit(f"does not listen after {self._deadline:.0f} s: {self._last_words()}")

    def _check_answer(self, connection):
        with connection:
            try:
                for _ in range(2):  # the second time shows that the connection is kept
                    connection.sendall(self._contender.request(self.port))
                    head, body = _read_response(connection)
            except (OSError, ValueError) as trouble:
                raise Unfit(f"does not answer: {trouble}") from trouble
        status, *fields = head.split(b"\r\n")
        names = {field.partition(b":")[0].strip().lower() for field in fields}
        missing = {b"content-type", b"content-length", b"date"} - names
        if status.split()[1:2] != [b"200"] or body != BODY:
            raise Unfit(f"answers {status.decode(errors='replace')!r} with {len(body)} bytes of body")
        self.missing_fields = sorted(name.decode() for name in missing)
        return len(head) + 4 + len(body)

    def _last_words(self):
        lines = self._process.output().strip().splitlines()
        return lines[-1][:200] if lines else "no output"


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _read_response(connection):
    """Head and body of one response that states its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = None
    for field in head.split(b"\r\n")[1:]:
        name, _, value = field.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if length is None:
        raise ValueError("no Content-Length")
    while len(body) < length:
        body += _some(connection)
    return head, body


def _some(connection):
    data = connection.recv(65536)
    if not data:
        raise ValueError("the connection was closed")
    return data
