# bench/forkjoin/run.py: problems that divide themselves into tasks, on one worker and on two.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats
from harness.in_process import Subject, Workload, run

ONE, TWO = "weir, 1 worker", "weir, 2 workers"
TWINS = {f"{who}, 2 workers": f"{who}, 1 worker" for who in ("weir", "TBB", "Tokio", "Go")}

FASTER = [Beats(ONE, 2.3, ["TBB, 1 worker"]), Beats(TWO, 2.3, ["TBB, 2 workers"])]
TWICE = Beats(TWO, 1.9, [ONE])

run(Subject("forkjoin", "Fork and join", "bench_forkjoin", [
    Workload("fib", "Recursive fib(30), a call", ONE, *FASTER, TWICE, twins=TWINS),
    Workload("skynet", "Skynet, a million leaves in tens, a task", ONE, *FASTER, TWICE, twins=TWINS),
    Workload("queens", "Eleven queens, a board", ONE, TWICE, twins=TWINS),
    Workload("matmul", "Product of 512 × 512 numbers, a block of 32 × 32 × 32", ONE, TWICE, twins=TWINS),
], notes=[
    "nobody stops dividing early; of the parts of a fork the last is a plain call for TBB and for Go, which is their "
    "quickest way, and for Tokio boxed and awaited in place; weir's are tasks, all of them",
    "the speed-up is how many times as fast two workers are as the contender's own one",
    "weir's frames come from its own pool, TBB's tasks from TBB's, Tokio's from malloc, as each does for its users",
    "multiplying a block is compiled once for all but Go, whose compiler makes no vectors",
    "Go runs in a process of its own and takes its time itself",
], rounds=15))
