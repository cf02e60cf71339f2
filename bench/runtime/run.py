# bench/runtime/run.py: a scheduler between its tasks: waking, stealing, and threads for what blocks.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats
from harness.in_process import Subject, Workload, run

WEIR = "weir"

run(Subject("runtime", "The runtime", "bench_runtime", [
    Workload("wake", "A task is handed over from outside and its answer waited for", WEIR,
             Beats(WEIR, 1, ["Tokio", "Go"])),
    Workload("pass", "Two tasks pass a number to and fro, a runtime of two workers", WEIR,
             Beats(WEIR, 1, ["Tokio", "Go"])),
    Workload("pass apart", "The same, each task on a thread that it stays on", WEIR, Beats(WEIR, 1, ["Tokio", "Go"])),
    Workload("steal", "A task is made ready by one that keeps its worker, until it begins on another", WEIR,
             Beats(WEIR, 1, ["Tokio", "Go"])),
    Workload("blocking 1", "A call that may block, one at a time", WEIR, Beats(WEIR, 1, ["Tokio", "Boost.Asio"])),
    Workload("blocking 64", "A call that may block, 64 under way", WEIR, Beats(WEIR, 1, ["Tokio", "Boost.Asio"])),
], notes=[
    "a round trip, there and back, in each but `steal`, which is one way",
    "who hands over from outside is a thread that sleeps until the answer: by block_on for weir and Tokio, by a "
    "promise for Asio; for Go, where nobody is outside, it is a goroutine locked to its thread",
    "apart: weir and Tokio have a runtime of one worker for each task, Asio a context and its thread, Go "
    "goroutines locked to their threads; a message is a channel's, but Asio's a function that is posted",
    "in `pass` the scheduler is free to leave both tasks on one worker",
    "before each theft the thief has been left alone for 200 µs; two tasks are made ready, since one alone may be "
    "kept back; what counts is when the first of them begins",
    "blocking: one worker, weir's `blocking`, Tokio's spawn_blocking, Asio's thread_pool of as many threads as "
    "calls are under way, there and back by post; Go's goroutines block their own threads",
    "weir and Tokio can do I/O and keep timers meanwhile, as they would in a server, so that a worker sleeps in "
    "the kernel's poll; Asio's threads of a context do, those of its pool do not",
    "threads are not pinned; Go runs in a process of its own and takes its time itself",
], sample_ms=50))
