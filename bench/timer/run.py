# bench/timer/run.py: setting and cancelling among a million timers, and a thousand sleeps.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Takes
from harness.in_process import Subject, Workload, run

WHEEL = "weir timer_wheel"

run(Subject("timer", "Timers", "bench_timer", [
    Workload("set", "Setting one among a million", WHEEL, Takes(WHEEL, 30)),
    Workload("cancel the oldest", "Cancelling, in the order of setting", WHEEL, Takes(WHEEL, 15)),
    Workload("cancel any", "Cancelling in random order", WHEEL),
    Workload("sleep", "1000 sleeps of 50 ms at once, until the last has ended", "weir", Takes("weir", 50.6e6)),
], notes=[
    "times are ten to seventy minutes ahead; of what Asio cancels, the handlers are run, as they must be",
    "cancelling in random order misses the caches three times: the timer and both that lie beside it in its slot",
    "weir, Asio and Tokio sleep on one thread, Go on as many as it likes; Go and Tokio are processes of their own",
], rounds=15, sample_ms=20))
