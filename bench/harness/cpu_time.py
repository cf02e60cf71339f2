# bench/harness/cpu_time.py: what another process, all threads together, has used of the processor.
# Source: clock_getcpuclockid(3). The clock of a process is numbered from its id; there are three: the scheduler's
# exact count, and two counts of ticks whose ratio gives the user part. getrusage of a finished child tells the same, but
# with the start-up in it; the difference of two readings is the window between them.

import time

_TICKS, _USER_TICKS, _EXACT = 0, 1, 2


class CpuTime:
    """One reading, in nanoseconds; the difference of two is a window."""

    def __init__(self, exact, ticks, user_ticks):
        self.exact = exact
        self._ticks = ticks
        self._user_ticks = user_ticks

    @classmethod
    def of(cls, pid):
        def read(which):
            return time.clock_gettime_ns((~pid << 3) | which)
        return cls(read(_EXACT), read(_TICKS), read(_USER_TICKS))

    def __sub__(self, earlier):
        return CpuTime(self.exact - earlier.exact, self._ticks - earlier._ticks,
                       self._user_ticks - earlier._user_ticks)

    @property
    def user(self):
        """The exact time, split as the ticks fell. Some hundred ticks a second: the split wants a window of seconds."""
        return self.exact * self._user_ticks / self._ticks if self._ticks else 0.0

    @property
    def system(self):
        return self.exact - self.user


def peak_resident_bytes(pid):
    """The peak of this program's own memory. ru_maxrss would not do: it keeps the peak of who forked it."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"no VmHWM in /proc/{pid}/status")
