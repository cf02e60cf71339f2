// bench/io/servers/raw_ring.hpp: the rings of io_uring by raw system calls, for the raw servers.
// Not: weir's own, of which it shares nothing, so that it may be quicker.
#pragma once

#include "listener.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace bench {

class raw_ring {
public:
    explicit raw_ring(unsigned entries) {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                       IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
        params.cq_entries = entries * 4;
        file_ = static_cast<int>(::syscall(SYS_io_uring_setup, entries, &params));
        if (file_ < 0) fail("io_uring_setup");
        std::size_t const bytes = std::max(params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe),
                                           params.sq_off.array + params.sq_entries * sizeof(unsigned));
        auto* const rings = static_cast<char*>(map(bytes, IORING_OFF_SQ_RING)); // one mapping holds both
        sqes_ = static_cast<io_uring_sqe*>(map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
        sq_head_ = reinterpret_cast<unsigned*>(rings + params.sq_off.head);
        sq_tail_ = reinterpret_cast<unsigned*>(rings + params.sq_off.tail);
        cq_head_ = reinterpret_cast<unsigned*>(rings + params.cq_off.head);
        cq_tail_ = reinterpret_cast<unsigned*>(rings + params.cq_off.tail);
        cqes_ = reinterpret_cast<io_uring_cqe*>(rings + params.cq_off.cqes);
        sq_size_ = params.sq_entries;
        cq_mask_ = params.cq_entries - 1;
        auto* const order = reinterpret_cast<unsigned*>(rings + params.sq_off.array);
        for (unsigned n = 0; n < sq_size_; ++n) order[n] = n;
    }

    int file() const { return file_; }
    // A cleared entry; hands over those before where there is no room.
    io_uring_sqe& entry() {
        if (tail_ - submitted_ == sq_size_) enter(0);
        io_uring_sqe& free = sqes_[tail_++ & (sq_size_ - 1)];
        std::memset(&free, 0, sizeof free);
        return free;
    }
    // Hands over what was filled in, and waits for so many completions.
    void enter(unsigned wait_for) {
        std::atomic_ref{*sq_tail_}.store(tail_, std::memory_order_release); // [ring] the kernel acquires it
        long const taken = ::syscall(SYS_io_uring_enter, file_, tail_ - submitted_, wait_for, IORING_ENTER_GETEVENTS,
                                     nullptr, 0);
        if (taken < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY) fail("io_uring_enter");
        submitted_ = std::atomic_ref{*sq_head_}.load(std::memory_order_acquire); // [ring]
    }
    template <class Each>
    void for_each_completion(Each each) {
        unsigned head = *cq_head_;
        unsigned const tail = std::atomic_ref{*cq_tail_}.load(std::memory_order_acquire); // [ring]
        for (; head != tail; ++head) each(cqes_[head & cq_mask_]);
        std::atomic_ref{*cq_head_}.store(head, std::memory_order_release); // [ring] room for the kernel
    }

private:
    void* map(std::size_t bytes, std::uint64_t offset) const {
        void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file_,
                                static_cast<off_t>(offset));
        if (at == MAP_FAILED) fail("mmap");
        return at;
    }

    int file_;
    io_uring_sqe* sqes_;
    io_uring_cqe* cqes_;
    unsigned* sq_head_;
    unsigned* sq_tail_;
    unsigned* cq_head_;
    unsigned* cq_tail_;
    unsigned sq_size_;
    unsigned cq_mask_;
    unsigned tail_ = 0;
    unsigned submitted_ = 0;
};

} // namespace bench
