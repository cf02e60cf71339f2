# bench/tasks/run.py: tasks awaited, spawned and joined.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats, Takes
from harness.in_process import Subject, Workload, run

WEIR = "weir"

run(Subject("tasks", "Tasks", "bench_tasks", [
    Workload("await", "A task is made and awaited", WEIR, Takes(WEIR, 12),
             Beats(WEIR, 1, ["Boost.Asio awaitable", "Tokio"])),
    Workload("resume", "A task that waits is resumed by hand, and waits again", WEIR),
    Workload("yield", "A task gives way, alone", WEIR, Takes(WEIR, 10), Beats(WEIR, 1)),
    Workload("when_all", "A thousand tasks awaited at once, a task", WEIR, Takes(WEIR, 40), Beats(WEIR, 1)),
    Workload("join 1", "A task is spawned and joined, one worker", WEIR, Takes(WEIR, 30), Beats(WEIR, 1)),
    Workload("join 2", "A task is spawned and joined, two workers", WEIR, Takes(WEIR, 60), Beats(WEIR, 1)),
], notes=[
    "the process allocates with the C library's malloc, as Tokio's futures and tasks do; weir's frames come from its "
    "frame_pool, Asio's from its own cache, TBB's from its pool; `frames from malloc` is weir's task without the pool",
    "a thousand tasks are spawned before they are joined; Asio joins by counting, as it has no scope",
    "TBB's tasks are functions: a task_group that runs and waits",
    "Tokio's awaited and resumed futures are boxed, since a compiler would merge others into the one that awaits; its "
    "when_all is a JoinSet, and so tasks of the scheduler, as are Go's goroutines with a WaitGroup; weir's is not",
    "a resume is a plain call for weir and for Rust; Asio's goes through a completion handler",
    "workers are the threads of the contender's runtime, GOMAXPROCS for Go, and are not pinned",
    "Go runs in a process of its own and takes its time itself",
]))
