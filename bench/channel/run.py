# bench/channel/run.py: numbers between tasks, through channels with a bound and without.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats
from harness.in_process import Subject, Workload, run

BOUNDED, UNBOUNDED = "weir channel", "weir unbounded_channel"


def workloads():
    for workers, where in [("1 worker", "on one worker"), ("2 workers", "on two workers")]:
        yield Workload(f"1:1, {workers}", f"One sends, one receives, {where}", BOUNDED, Beats(BOUNDED, 2))
        yield Workload(f"2:2, {workers}", f"Two send, two receive, {where}", BOUNDED, Beats(BOUNDED, 2))
        yield Workload(f"recv_many, {workers}", f"One sends, one receives up to 64 at a time, {where}", BOUNDED,
                       Beats(BOUNDED, 2))
        yield Workload(f"unbounded 1:1, {workers}", f"Without a bound, one sends, one receives, {where}", UNBOUNDED)


run(Subject("channel", "Channels between tasks", "bench_channel", list(workloads()), notes=[
    "an operation is an 8-byte item's way through a channel with room for 256, or without a bound, and then the sender "
    "gives way after every 256; the time ends when all is received and the tasks have ended",
    "workers are the threads of the contender's runtime, GOMAXPROCS for Go, and are not pinned",
    "Tokio's mpsc has one receiver, and Go's chan no receive of many; they are missing where they would need it",
    "Go runs in a process of its own and takes its time itself",
]))
