# bench/queue/run.py: queues of 8-byte items between threads and alone.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats, Takes, Within
from harness.in_process import Subject, Workload, run

SPSC, MPMC, UNBOUNDED = "weir spsc", "weir mpmc", "weir unbounded, tokens"
NEVER_BELOW_MUTEX = Beats(MPMC, 1, ["mutex + deque"])

run(Subject("queue", "Queues of 8-byte items", "bench_queue", [
    Workload("spsc", "One producer, one consumer, two pinned threads", SPSC, Beats(SPSC, 1.5)),
    Workload("spsc bulk", "The same, up to 64 items a call", SPSC, Beats(SPSC, 1.1)),
    Workload("spsc round trip", "There through one queue and back through another", SPSC,
             Within(SPSC, 1.5, "raw cache line")),
    Workload("mpmc 1:1", "For many, used by one producer and one consumer, pinned", MPMC,
             Beats(MPMC, 1.5), NEVER_BELOW_MUTEX),
    Workload("mpmc bulk 1:1", "The same, up to 64 items a call", MPMC),
    Workload("mpmc 2:2", "Two producers, two consumers, where the scheduler puts them", MPMC,
             Beats(MPMC, 1.2), NEVER_BELOW_MUTEX),
    Workload("mpmc 2:2 pinned", "Two producers on one core, two consumers on the other", MPMC, NEVER_BELOW_MUTEX),
    Workload("mpmc 4:4", "Four producers, four consumers, where the scheduler puts them", MPMC, NEVER_BELOW_MUTEX),
    Workload("unbounded 1:1", "Without a bound, one producer, one consumer, pinned", UNBOUNDED,
             Beats(UNBOUNDED, 0.97)),
    Workload("unbounded alone", "Without a bound: a push and a pop on one thread", UNBOUNDED, Beats(UNBOUNDED, 0.97)),
    Workload("alone", "A push and a pop on one thread", SPSC, Takes(SPSC, 2), Takes(MPMC, 6)),
], notes=[
    "an operation is an item's way through the queue; room for 1024 items, but TBB's concurrent_queue and moodycamel's "
    "ConcurrentQueue have no bound",
    "who finds a queue full or empty pauses for an instruction, and from the 64th refusal on yields; all alike",
    "crossbeam is called through C, which costs it about 1 ns a call",
]))
