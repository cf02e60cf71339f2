// weir/io.hpp: operations of the kernel that a coroutine awaits, on io_uring or epoll.
// They run on threads that have a driver, which a runtime's workers do.
// Cancel: a stop asks the kernel for the operation back; the coroutine goes on when the kernel has let go of it.
#pragma once

#include <weir/io/fd.hpp>         // fd, fd_ref
#include <weir/io/driver.hpp>     // driver: the interface of both backends
#include <weir/io/op.hpp>         // op: an operation and its race of completion and stop
#include <weir/io/uring.hpp>      // uring_driver
#include <weir/io/epoll.hpp>      // epoll_driver
#include <weir/io/backend.hpp>    // open_driver
#include <weir/io/op/accept.hpp>  // accept
#include <weir/io/op/connect.hpp> // connect
#include <weir/io/op/recv.hpp>    // recv
#include <weir/io/op/send.hpp>    // send
#include <weir/io/op/read.hpp>    // read
#include <weir/io/op/close.hpp>   // close
#include <weir/io/signals.hpp>    // signal_set
