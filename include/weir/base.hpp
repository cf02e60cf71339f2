// weir/base.hpp: the words that every floor speaks.
#pragma once

#include <weir/base/assert.hpp>       // WEIR_ASSERT, fatal
#include <weir/base/atomic.hpp>       // atomic, relaxed, acquire, release, acq_rel, seq_cst
#include <weir/base/cache_line.hpp>   // cache_line
#include <weir/base/immovable.hpp>    // immovable
#include <weir/base/slot.hpp>         // slot: storage with manual lifetime
#include <weir/base/intrusive.hpp>    // intrusive_fifo, intrusive_stack, intrusive_list
#include <weir/base/errc.hpp>         // errc
#include <weir/base/result.hpp>       // result: a value or a std::error_code
#include <weir/base/function_ref.hpp> // function_ref
#include <weir/base/current.hpp>      // current: a thread's own service
