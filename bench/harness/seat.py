# bench/harness/seat.py: the core and the scheduling class in which a process runs.
# Round-robin real time keeps the rest of the machine off both cores for the length of a sample. `nice` would not:
# the kernel groups processes by session, and a nice value weighs only against its own group. One thing remains: a
# twentieth of each second is kept for ordinary processes, so on a machine that is not idle a real-time process meets
# pauses of up to 50 ms.

import os


class Seat:
    def __init__(self, core, realtime):
        self.core = core
        self.realtime = realtime

    def take(self):
        """Puts the calling process there; what it executes afterwards, and its threads, inherit it."""
        os.sched_setaffinity(0, {self.core})
        if self.realtime:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

    def __str__(self):
        return f"core {self.core}{', SCHED_RR' if self.realtime else ''}"


class Anywhere:
    """No seat: the process runs where we do, and seats its threads itself."""

    def take(self):
        pass


def may_use_realtime():
    """Whether this process, and so its children, may take a real-time class: root, CAP_SYS_NICE or RLIMIT_RTPRIO."""
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    os.sched_setscheduler(0, policy, param)
    return True


def default_cores():
    """Two cores of those that this process may use; the same one twice where there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]
