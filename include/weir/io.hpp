// weir/io.hpp: operations of the kernel that a coroutine awaits, on io_uring or epoll.
// They run on threads that have a driver, which a runtime's workers do.
// Cancel: a stop asks the kernel for the operation back; the coroutine goes on when the kernel has let go of it.
#pragma once

#include <weir/io/fd.hpp>              // fd, fd_ref
#include <weir/io/driver.hpp>          // driver: the interface of both backends
#include <weir/io/op.hpp>              // op: an operation and its race of completion and stop
#include <weir/io/kernel_features.hpp> // kernel_features: what of io_uring may be used
#include <weir/io/uring.hpp>           // uring_driver
#include <weir/io/epoll.hpp>           // epoll_driver
#include <weir/io/backend.hpp>         // open_driver
#include <weir/io/op/accept.hpp>       // accept
#include <weir/io/stream_counts.hpp>   // stream_counts: what a stream of the kernel's has brought
#include <weir/io/accept_stream.hpp>   // accept_stream: connections accepted ahead of who takes them
#include <weir/io/op/connect.hpp>      // connect
#include <weir/io/op/recv.hpp>         // recv
#include <weir/io/received.hpp>        // received: what came, in its block
#include <weir/io/op/recv_block.hpp>   // recv_block: into a block that is leased when there is something
#include <weir/io/recv_stream.hpp>     // recv_stream: what a connection brings, received ahead of who takes it
#include <weir/io/op/send.hpp>         // send
#include <weir/io/op/send_zc.hpp>      // send_zc: from the program's own pages
#include <weir/io/op/send_all.hpp>     // send_all: a chain of bytes, to its end
#include <weir/io/message.hpp>         // incoming, outgoing: what goes with a message besides its bytes
#include <weir/io/op/send_message.hpp> // send_message: pieces by one call
#include <weir/io/op/recv_message.hpp> // recv_message: with who sent it and what came along
#include <weir/io/op/send_to.hpp>      // send_to: a datagram to an address
#include <weir/io/op/shutdown.hpp>     // shutdown: one direction of a connection, or both
#include <weir/io/op/poll.hpp>         // poll: until a descriptor is ready
#include <weir/io/op/read.hpp>         // read
#include <weir/io/op/openat.hpp>       // openat
#include <weir/io/op/read_at.hpp>      // read_at
#include <weir/io/op/write_at.hpp>     // write_at
#include <weir/io/op/fsync.hpp>        // fsync, fdatasync
#include <weir/io/op/statx.hpp>        // statx
#include <weir/io/op/renameat.hpp>     // renameat
#include <weir/io/op/unlinkat.hpp>     // unlinkat
#include <weir/io/op/splice.hpp>       // splice
#include <weir/io/op/close.hpp>        // close
#include <weir/io/signals.hpp>         // signal_set
