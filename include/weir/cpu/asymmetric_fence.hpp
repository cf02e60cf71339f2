// weir/cpu/asymmetric_fence.hpp: a store-then-load handshake in which one side pays nothing, and the other for both.
// Of two who each store a word and then read the other's, at least one must see the other. A fence on both sides does
// that, for some 6 ns each; here the side that is passed often has none, and the rare side asks the kernel to run one on
// every CPU that this process runs on just now.
// Progress: light is wait-free. heavy is a system call: 0.3 microseconds while the process runs nowhere else, 10 while it
//           does on a virtual machine, as the other CPU is interrupted.
// For:      authors of primitives.
// Source:   membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED; D. Goldblatt, "Asymmetric Fences", P1202R5, 2022; as folly's
//           AsymmetricThreadFence. Where the kernel refuses, and under the thread sanitizer, both sides are one fence.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/platform.hpp>

#if WEIR_LINUX
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

class asymmetric_fence {
public:
    // Asks the kernel once in a process's life.
    asymmetric_fence() noexcept : kernel_helps_{registered()} {}

    // Of what stands before it and what stands after it nothing changes sides, seen from one who calls heavy.
    void light() const noexcept {
        if (kernel_helps_) std::atomic_signal_fence(std::memory_order_seq_cst); // what remains is the compiler's part
        else store_load_fence();
    }
    void heavy() const noexcept {
        store_load_fence();
#if WEIR_LINUX
        // An error is not possible after the registration; without one each other CPU has run a fence meanwhile.
        if (kernel_helps_) ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
#endif
    }

    // False where light costs a fence of its own.
    bool kernel_helps() const noexcept { return kernel_helps_; }

private:
    static bool registered() noexcept {
#if WEIR_LINUX && !WEIR_TSAN
        static bool const granted = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
        return granted;
#else
        return false;
#endif
    }

    bool const kernel_helps_;
};

} // namespace weir
