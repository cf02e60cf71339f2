# bench/http/contenders.py: who takes part, each a few lines: a program, how it is called, what it is asked.

import pathlib

from asks import ECHO, HEALTH, embeddings, models

KEYS = [f"sk-bench-{number:04d}-{number * 2654435761 % 2**32:08x}" for number in range(1000)]
OUR_KEY = KEYS[617]
# What the gateway says of its own models, for those who have none to say it of.
MODELS = (b'{"object":"list","data":[{"id":"weir-ngram-384","object":"model","created":1767225600,"owned_by":"weir"},'
          b'{"id":"weir-echo","object":"model","created":1767225600,"owned_by":"weir"}]}')


class Contender:
    """A server that answers `ask` on the port that it is given.

    `backend` is weir's way to the kernel; `kind` is weir or other.
    """

    def __init__(self, name, program, *arguments, ask=HEALTH, kind="other", backend=None, env=None):
        self.name = name
        self.program = pathlib.Path(program)
        self.ask = ask
        self.kind = kind
        self.backend = backend
        self.env = env or {}
        self._arguments = arguments

    @property
    def is_built(self):
        return self.program.is_file()

    def command(self, port):
        return [self.program, "--port", port, *self._arguments]


class Nginx(Contender):
    """One process, no log, and connections that are never closed for their age."""

    def __init__(self, program, folder):
        super().__init__("nginx", program or "nginx")
        self._folder = pathlib.Path(folder)

    def command(self, port):
        config = self._folder / "nginx.conf"
        paths = "\n".join(f"    {name}_temp_path {self._folder}/{name};"
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"""daemon off;
master_process off;
user root;
pid {self._folder}/nginx.pid;
error_log {self._folder}/error.log;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
{paths}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /health {{
            default_type application/json;
            return 200 '{{"status":"ok"}}';
        }}
    }}
}}
""", encoding="ascii")
        return [self.program, "-p", self._folder, "-c", config, "-e", self._folder / "error.log"]


class Cast:
    """Everybody, by what they are asked. `folder` is for the files that some of them read."""

    def __init__(self, build, nginx, folder):
        self._build = pathlib.Path(build)
        self._folder = pathlib.Path(folder)
        self._nginx = nginx
        self._key_file = self._folder / "keys"
        self._models_file = self._folder / "models"
        self._key_file.write_text("\n".join(KEYS) + "\n", encoding="ascii")
        self._models_file.write_bytes(MODELS)

    @property
    def programs(self):
        """Those whose size is told: a name and a path."""
        http = self._build / "bench/http"
        return {
            "weir echo, as the example is": http / "http_weir_small",
            "weir echo, libstdc++ within": http / "http_weir_static",
            "hyper, Rust's library within": http / "hyper/release/http_hyper",
            "Boost.Beast": http / "http_beast",
            "Go net/http": self._build / "bench/http_go",
            "weir gateway, with TLS and QuickJS": self._gateway_program,
        }

    def health(self):
        echo = self._build / "examples/6_http_echo"
        return [
            *(self._gateway(backend) for backend in ("io_uring", "epoll")),
            *(Contender(f"weir echo, {backend}", echo, "--backend", backend, "--workers", "1", ask=ECHO, kind="weir",
                        backend=backend)
              for backend in ("io_uring", "epoll")),
            Nginx(self._nginx, self._folder),
            Contender("Boost.Beast", self._build / "bench/http/http_beast"),
            Contender("Boost.Asio, parsed by hand", self._build / "bench/http_asio"),
            *self._others(HEALTH),
        ]

    def models(self):
        asked = models(OUR_KEY)
        return [*(self._gateway(backend, ask=asked) for backend in ("io_uring", "epoll")),
                *self._others(asked, keys=self._key_file, models=self._models_file)]

    def embeddings(self):
        asked = embeddings(OUR_KEY)
        return [self._gateway("io_uring", name="batched", ask=asked),
                self._gateway("io_uring", "--embedding-batch", "1", name="one at a time", ask=asked, kind="other")]

    @property
    def _gateway_program(self):
        return self._build / "examples/gateway/weir-gateway"

    def _gateway(self, backend, *arguments, name=None, ask=HEALTH, kind="weir"):
        words = ["--backend", backend, "--workers", "1", "--database", "none", "--log-level", "error", "--api-key-file",
                 self._key_file, "--max-connections", "20000", "--drain-farewell", "0", *arguments]
        return Contender(name or f"weir gateway, {backend}", self._gateway_program, *words, ask=ask, kind=kind,
                         backend=backend)

    def _others(self, ask, **files):
        words = [word for name, file in files.items() for word in (f"--{name}", file)]
        return [Contender("Go net/http", self._build / "bench/http_go", *words, ask=ask, env={"GOMAXPROCS": "1"}),
                Contender("hyper", self._build / "bench/http/hyper/release/http_hyper", *words, ask=ask)]
