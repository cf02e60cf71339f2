# bench/interleave/run.py: lookups that miss the caches, one after the other and many at once.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.aims import Beats
from harness.in_process import Subject, Workload, run

WEIR = "interleave<16>"
AIMS = Beats(WEIR, 2, ["plain loop"]), Beats(WEIR, 0.9, ["by hand, 16"])

run(Subject("interleave", "Lookups that miss the caches", "bench_interleave", [
    Workload("hash table", "Chains of a hash table of 288 MiB, three misses a lookup", WEIR, *AIMS),
    Workload("binary search", "Binary search in a sorted row of 256 MiB", WEIR, *AIMS),
], notes=[
    "an operation is one lookup; the tables lie on pages of 2 MiB where the system grants them",
    "the plain loop searches by std::lower_bound; by hand are group prefetching (searches) and chaining (hash table)",
], rounds=31, sample_ms=10))
