# bench/harness: what every subject under bench/ measures with, on Python's standard library alone.
#
#   calibrate    how far apart the two cores are right now
#   gate         refuses a sample that was taken while they were too far apart
#   interleave   the order in which contenders take turns
#   stats        median and spread
#   seat         the core and the scheduling class of a process
#   process      a child process that never outlives us
#   cpu_time     what another process has used of the processor
#   machine      what the figures were taken on
#   in_process   a subject whose contenders are measured by one program of ours, with bench.hpp
#   aims         what a contender is to reach, and whether it does
#   report       the Markdown table and the JSON document
