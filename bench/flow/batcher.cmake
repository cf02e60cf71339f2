# bench/flow/batcher.cmake: the batcher's programs; they lie beside the coalescer's.

add_subdirectory(batcher)
