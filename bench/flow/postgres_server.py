# bench/flow/postgres_server.py: a PostgreSQL for the length of a run, in a temporary folder, by a Unix socket alone.

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


@contextlib.contextmanager
def running():
    """Gives the server's address, or None where PostgreSQL is not installed."""
    programs = folder_of_programs()
    if not programs:
        yield None
        return
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="weir-postgres-") as folder, open(f"{folder}/words", "wb") as words:
        if account:  # it refuses to be root
            shutil.chown(folder, "postgres", "postgres")
        quiet = {"cwd": folder, "stdout": words, "stderr": words, **account}
        subprocess.run([programs / "initdb", "-D", "data", "-U", "weir", "-A", "trust", "--locale=C", "-E", "UTF8"],
                       check=True, **quiet)
        server = subprocess.Popen([programs / "postgres", "-D", "data", "-k", folder, "-c", "listen_addresses="], **quiet)
        try:
            wait_for(server, programs, folder)
            yield f"postgresql:///postgres?user=weir&host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # breaks connections off, and ends in order
            server.wait()


def folder_of_programs():
    """Of the newest version: Debian keeps them out of the path."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    return pathlib.Path(initdb).parent if initdb else None


def wait_for(server, programs, folder):
    for _ in range(300):
        if subprocess.run([programs / "pg_isready", "-q", "-h", folder], check=False).returncode == 0:
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("PostgreSQL does not start: " + pathlib.Path(folder, "words").read_text(encoding="utf-8"))
