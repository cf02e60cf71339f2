# bench/memory/run.py: frames of coroutines and other small blocks, on one thread and across two.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats, Takes
from harness.in_process import Subject, Workload, run

FRAMES, OBJECTS = "weir frame_pool", "weir object_pool"

run(Subject("memory", "Small blocks and costly objects", "bench_memory", [
    Workload("pair", "128 bytes, taken and given back by one thread", FRAMES,
             Takes(FRAMES, 1.5), Beats(FRAMES, 8, ["malloc"])),
    Workload("chain", "Sixteen of random sizes taken, then given back in reverse", FRAMES),
    Workload("hand over", "128 bytes, taken by one thread and given back by another", FRAMES,
             Beats(FRAMES, 1, ["mimalloc"])),
    Workload("objects", "Strings of 4 KiB lent to one thread", OBJECTS),
    Workload("objects together", "Strings of 4 KiB lent to two threads at once", OBJECTS),
], notes=[
    "an operation is one block, taken, written to and given back",
    "jemalloc and mimalloc are loaded beside the C library and called through pointers, as from a shared library",
], env={"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=16384"}))
