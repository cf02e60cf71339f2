# bench/sync/run.py: mutex, semaphore and event, by one task alone and by several on two workers.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Takes
from harness.in_process import Subject, Workload, run

WEIR = "weir"

run(Subject("sync", "Mutex, semaphore and event", "bench_sync", [
    Workload("mutex alone", "One task locks, counts and unlocks", WEIR, Takes(WEIR, 6)),
    Workload("semaphore alone", "The same with the only permit of a semaphore", WEIR, Takes(WEIR, 6)),
    Workload("event alone", "One task raises an event, sees it and lowers it", WEIR, Takes(WEIR, 6)),
    Workload("mutex contended", "Four tasks on two workers lock the same mutex", WEIR),
    Workload("semaphore contended", "Four tasks on two workers want the same permit", WEIR),
    Workload("event contended", "Two tasks on two workers wake each other in turns", WEIR),
], notes=[
    "where weir, Go and Tokio have tasks on two workers, the standard library has as many threads, not pinned",
    "an event is, in the standard library, a flag under a mutex with a condition variable; in Go a channel with room for "
    "one, as is the semaphore; in Tokio a Notify",
    "weir's and Tokio's contended locks are handed to who waits longest; Go's and the standard library's may be taken "
    "again by who has just had them, which is faster and not fair",
    "Go runs in a process of its own and takes its time itself",
]))
