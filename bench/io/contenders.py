# bench/io/contenders.py: who takes part, each a few lines: a program, and how it is called.

import pathlib

FILE_BYTES = 1 << 20


class Contender:
    """An echo server, or one that serves a file over HTTP, on the port that it is given.

    `backend` is the way to the kernel of weir and of the raw loops, which are their yardstick; `kind` is one of
    weir, raw and other.
    """

    def __init__(self, name, program, *arguments, kind="other", backend=None, env=None):
        self.name = name
        self.program = pathlib.Path(program)
        self.kind = kind
        self.backend = backend
        self.env = env or {}
        self._arguments = arguments

    @property
    def is_built(self):
        return self.program.is_file()

    def command(self, port):
        return [self.program, "--port", port, *self._arguments]


def echo_servers(build):
    io = pathlib.Path(build) / "bench/io"
    weir = [Contender(f"weir {backend}, recv{'_block' if how == 'block' else ''}", io / "io_weir", "--backend", backend,
                      "--receive", how, kind="weir", backend=backend)
            for backend in ("epoll", "io_uring") for how in ("span", "block")]
    return [
        *weir,
        Contender("raw epoll", io / "io_raw_epoll", kind="raw", backend="epoll"),
        Contender("raw io_uring", io / "io_raw_uring", kind="raw", backend="io_uring"),
        Contender("raw io_uring, multishot", io / "io_raw_uring_multishot", kind="raw", backend="io_uring"),
        Contender("Asio callbacks", io / "io_asio_callbacks"),
        Contender("Asio coroutines", io / "io_asio_coroutines"),
        Contender("libuv", io / "io_uv"),
        Contender("Tokio", io / "tokio/release/io_tokio"),
        Contender("Go", io / "io_go", env={"GOMAXPROCS": "1"}),
    ]


class Nginx(Contender):
    """One process and no log; it keeps the file open, as weir's server does."""

    def __init__(self, program, folder):
        super().__init__("nginx", program or "nginx")
        self._folder = pathlib.Path(folder)

    def command(self, port):
        config = self._folder / "nginx.conf"
        config.write_text(f"""daemon off;
master_process off;
user root;
pid {self._folder}/nginx.pid;
error_log {self._folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    sendfile on;
    access_log off;
    keepalive_requests 1000000000;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {self._folder}/body;
    proxy_temp_path {self._folder}/proxy;
    fastcgi_temp_path {self._folder}/fastcgi;
    uwsgi_temp_path {self._folder}/uwsgi;
    scgi_temp_path {self._folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {self._folder};
    }}
}}
""", encoding="ascii")
        return [self.program, "-p", self._folder, "-c", config, "-e", self._folder / "error.log"]


def file_servers(build, nginx, folder):
    """`folder` holds the file, as `file`; `nginx` is the program, or None."""
    weir = pathlib.Path(build) / "bench/io/io_weir_files"
    return [
        *(Contender(f"weir {backend}", weir, "--backend", backend, "--file", pathlib.Path(folder) / "file", kind="weir",
                    backend=backend)
          for backend in ("epoll", "io_uring")),
        Nginx(nginx, folder),
    ]


def make_file(folder):
    """The file that load/files.hpp expects."""
    pattern = bytes(range(251))
    (pathlib.Path(folder) / "file").write_bytes((pattern * (FILE_BYTES // 251 + 1))[:FILE_BYTES])
