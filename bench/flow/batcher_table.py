# bench/flow/batcher_table.py: what is asked of the batcher; run.py measures it.

from harness.aims import Beats, Takes
from harness.in_process import Subject, Workload

WEIR = "weir"
BATCHER = "weir batcher"
SINGLE = ["one statement each"]

SUBJECT = Subject("flow", "Batcher", "bench_batcher", [
    Workload("one asks", "One task asks, waits for its answer and asks again: batches of one", WEIR, Takes(WEIR, 45)),
    Workload("64 ask", "64 tasks do, on one worker", WEIR, Takes(WEIR, 45)),
    Workload("64 ask on two workers", "64 tasks do, on two workers", WEIR),
    Workload("rows in memory", "64 tasks insert rows into SQLite in memory", BATCHER),
    Workload("rows in a file", "64 tasks insert rows into SQLite's file, with its write-ahead log", BATCHER,
             Beats(BATCHER, 20, SINGLE)),
    Workload("rows in PostgreSQL", "64 tasks insert rows into PostgreSQL, by a Unix socket", BATCHER,
             Beats(BATCHER, 20, SINGLE)),
    Workload("look-ups", "64 tasks look for one of 512 rows each, by Zipf's law", "weir loader"),
], notes=[
    "Tokio's batching task takes what there is from an mpsc channel, and answers through a oneshot for each request; "
    "Go's from a channel, and answers through a channel that each goroutine keeps",
    "rows: one by one, each is a transaction of its own; through the batcher a batch is one",
    "PostgreSQL's server is of this run and has its own settings: what is answered is on the disk. Except for the four "
    "pipelines, a connection is asked again when it has answered",
    "Go runs in a process of its own and takes its time itself",
])
