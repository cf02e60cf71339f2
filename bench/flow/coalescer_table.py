# bench/flow/coalescer_table.py: what bench_coalescer measures, and what it is to reach.

from harness.aims import Beats, Takes
from harness.in_process import Subject, Workload

WEIR = "weir"
GO = ["Go, singleflight + map"]
CACHES = ["moka, future", "moka, sync", "Go, singleflight + ristretto"]

SUBJECT = Subject("flow", "Coalescer", "bench_coalescer", [
    Workload("hit", "One task asks for a key that is kept", WEIR, Takes(WEIR, 30), Beats(WEIR, 3, GO)),
    Workload("lead", "One task asks for keys that nobody else asks for, and that are not kept", WEIR, Beats(WEIR, 3, GO)),
    Workload("join", "A hundred tasks ask for one key while it is loaded; each of them", WEIR, Takes(WEIR, 100),
             Beats(WEIR, 3, GO)),
    Workload("crowd", "A hundred thousand tasks ask for one key; each of them", WEIR, Takes(WEIR, 100),
             Beats(WEIR, 3, GO)),
    Workload("zipf, 10^4 kept", "Two workers, Zipf(0.99) over 10^6 keys, 10^4 kept", WEIR, Beats(WEIR, 1, CACHES)),
    Workload("zipf, 10^5 kept", "The same, 10^5 kept", WEIR, Beats(WEIR, 1, CACHES)),
], notes=[
    "join and crowd have a task, a goroutine or a Tokio task for each who asks: its start, its memory and its end count. "
    "By hand it would be a thread, which is left out",
    "moka keeps all that it loads, and has no key that is not kept: its leads have the cost of making room",
    "by hand, what was used last is kept where there is no room for all; what is loaded is kept under the one mutex",
    "moka is given a hash that mixes as weir's does; singleflight's keys are strings",
    "but for join and crowd, loaders have their value at once; how often a kept one was found is told among the remarks",
    "Go runs in a process of its own and takes its time itself",
])
