# bench/tasks/run.py: tasks awaited, spawned and joined.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats, Takes
from harness.in_process import Subject, Workload, run

WEIR = "weir"

run(Subject("tasks", "Tasks", "bench_tasks", [
    Workload("await", "A task is made and awaited", WEIR, Takes(WEIR, 12), Beats(WEIR, 1)),
    Workload("yield", "A task gives way, alone", WEIR, Takes(WEIR, 10), Beats(WEIR, 1)),
    Workload("when_all", "A thousand tasks awaited at once, a task", WEIR, Takes(WEIR, 40)),
    Workload("join 1", "A task is spawned and joined, one worker", WEIR, Takes(WEIR, 30), Beats(WEIR, 1)),
    Workload("join 2", "A task is spawned and joined, two workers", WEIR, Takes(WEIR, 60), Beats(WEIR, 1)),
], notes=[
    "a thousand tasks are spawned before they are joined; Asio joins by counting, as it has no scope",
    "TBB's tasks are functions: a task_group that runs and waits",
]))
