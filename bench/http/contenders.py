# bench/http/contenders.py: who takes part, each a few lines: a program, how it is called, what it is asked.

import pathlib

BODY = b'{"status":"ok"}'


class Contender:
    """A server that answers BODY on the port it is given; an `echoes` one answers the BODY it is sent."""

    def __init__(self, name, program, arguments=(), env=None, echoes=False):
        self.name = name
        self.program = pathlib.Path(program)
        self.echoes = echoes
        self.env = env or {}
        self._arguments = list(arguments)

    @property
    def is_built(self):
        return self.program.is_file()

    def command(self, port):
        return [self.program, "--port", port, *self._arguments]

    def request(self, port):
        """What wrk sends it, as bytes."""
        if self.echoes:
            head = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(BODY)}\r\n\r\n")
            return head.encode() + BODY
        return f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()

    def load_arguments(self, port):
        """What makes wrk send that."""
        if self.echoes:
            return ["-s", pathlib.Path(__file__).with_name("echo.lua"), f"http://127.0.0.1:{port}/"]
        return [f"http://127.0.0.1:{port}/health"]


def contenders(build, elsewhere=None):
    """All of them. `elsewhere` maps a program's short name to the path that stands in for the built one."""
    build = pathlib.Path(build)
    programs = {
        "weir": build / "examples/gateway/weir-gateway",
        "weir-echo": build / "examples/6_http_echo",
        "asio": build / "bench/http_asio",
        "go": build / "bench/http_go",
    }
    unknown = set(elsewhere or {}) - set(programs)
    if unknown:
        raise ValueError(f"no program {', '.join(sorted(unknown))}; there are {', '.join(programs)}")
    programs.update(elsewhere or {})

    both = ("io_uring", "epoll")
    return [
        *(Contender(f"weir gateway, {backend}", programs["weir"], ["--backend", backend, "--workers", "1"])
          for backend in both),
        *(Contender(f"weir echo, {backend}", programs["weir-echo"], ["--backend", backend, "--workers", "1"],
                    echoes=True)
          for backend in both),
        Contender("Boost.Asio coroutines", programs["asio"]),
        Contender("Go net/http", programs["go"], env={"GOMAXPROCS": "1"}),
    ]
