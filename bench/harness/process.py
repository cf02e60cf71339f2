# bench/harness/process.py: a child process in a seat of its own, which never outlives us.
# Leaving the `with` block ends it: by SIGTERM, then by SIGKILL. The kernel kills it where even that is not reached,
# because the driver itself was killed.

import ctypes
import os
import signal
import subprocess
import tempfile

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Process:
    """Runs `argv`, its output in a file that `output()` reads.

    Leaving the block stops it; afterwards `status` is what it returned, negative for the signal that ended it, and
    `killed` says that it did not heed SIGTERM.
    """

    def __init__(self, argv, seat, env=None, grace=5.0):
        self._argv = [str(word) for word in argv]
        self._seat = seat
        self._env = {**os.environ, **(env or {})}
        self._grace = grace
        self._child = None
        self._log = None
        self.killed = False

    def __enter__(self):
        self._log = tempfile.TemporaryFile()
        self._parent = os.getpid()
        try:
            self._child = subprocess.Popen(self._argv, env=self._env, stdin=subprocess.DEVNULL, stdout=self._log,
                                           stderr=subprocess.STDOUT, preexec_fn=self._settle)
        except BaseException:
            self._log.close()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self._log.close()

    @property
    def pid(self):
        return self._child.pid

    @property
    def status(self):
        """None while it runs."""
        return self._child.poll()

    def wait(self, seconds):
        """Returns the status; raises subprocess.TimeoutExpired when it has not ended by then."""
        return self._child.wait(seconds)

    def stop(self):
        if self._child.poll() is not None:
            return
        try:
            self._child.terminate()
            self._child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self.killed = True
        finally:
            if self._child.poll() is None:
                self._child.kill()
                self._child.wait()

    def output(self):
        """What it has written so far, on both streams."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _settle(self):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._parent:  # the driver died before the line above
            os._exit(1)
        self._seat.take()


def end_cleanly_on_signals():
    """Turns SIGTERM and SIGHUP into SystemExit, so that every `with` block is left in order, as on an interrupt."""
    def leave(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
