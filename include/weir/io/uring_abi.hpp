// weir/io/uring_abi.hpp: the kernel's words for io_uring, without the macros that come along with them.
// For:      authors of primitives.
#pragma once

// <linux/io_uring.h> includes <linux/fs.h>, whose BLOCK_SIZE is a member's name in other libraries.
#pragma push_macro("BLOCK_SIZE")
#include <linux/io_uring.h>
#undef BLOCK_SIZE
#pragma pop_macro("BLOCK_SIZE")
