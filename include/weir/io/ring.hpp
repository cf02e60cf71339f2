// weir/io/ring.hpp: the two rings that a process shares with the kernel, by raw system calls and the kernel's header.
// Nothing here knows what an operation is: entries go in, completions come out.
// Threads:  the one that opened it, always: the kernel is told that there is a single issuer.
// Source:   J. Axboe, "Efficient IO with io_uring", 2019; io_uring_setup(2), io_uring_enter(2).
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/kernel_features.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weir::inline v0::io {

class ring : immovable {
public:
    ring() = default;
    ~ring() { close(); }

    // Makes the rings, with the best flags of those allowed that this kernel knows, and tries them. Where the limit on
    // locked memory is small, they get smaller.
    // Errors: what the kernel said, in words, into `why`; the ring is closed then.  Cost: six system calls or so.
    bool open(unsigned entries, std::string& why, kernel_features allowed = {});
    void close() noexcept;

    // While it is open: its descriptor, for io_uring_register(2); what it may use; entries to submit at once.
    int file() const noexcept { return file_.number(); }
    kernel_features features() const noexcept { return features_; }
    unsigned size() const noexcept { return sq_size_; }

    // A cleared entry to fill in, or null while the kernel has not taken those before.
    io_uring_sqe* next_entry() noexcept;
    unsigned unsubmitted() const noexcept { return sq_tail_ - submitted_; }

    // Hands over what was filled in; waits for one completion until `until`; min() does not wait, max() has no limit.
    // Makes no system call when there is nothing to hand over and nothing to fetch.
    // Returns: 0, or the negated errno.
    int enter(time_point until) noexcept;

    // Calls `each(io_uring_cqe const&)` for what has completed by now; it may call this function itself.
    // Returns: how many it took.
    template <class Each>
    unsigned for_each_completion(Each each);

private:
    struct mapping {
        void* address = MAP_FAILED;
        std::size_t length = 0;
        bool map(int file, std::size_t bytes, std::uint64_t offset) noexcept {
            address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file,
                             static_cast<off_t>(offset));
            length = bytes;
            if (address == MAP_FAILED) return false;
            ::madvise(address, bytes, MADV_DONTFORK); // a forked child must not touch what its parent goes on using
            return true;
        }
        void unmap() noexcept {
            if (address != MAP_FAILED) ::munmap(address, length);
            address = MAP_FAILED;
        }
        template <class T>
        T* at(std::uint32_t offset) const noexcept {
            return reinterpret_cast<T*>(static_cast<char*>(address) + offset);
        }
    };

    bool setup(unsigned entries, io_uring_params& params, std::string& why);
    bool probe_operations() noexcept;
    bool answers() noexcept;
    int enter_kernel(unsigned submit, unsigned wait_for, time_point until) noexcept;

    // The kernel writes and reads these words while we do; each is an atomic of the kernel's layout.
    static unsigned load_acquire(unsigned* word) noexcept {
        return std::atomic_ref<unsigned>{*word}.load(acquire); // [ring] what the kernel released
    }
    static void store_release(unsigned* word, unsigned value) noexcept {
        std::atomic_ref<unsigned>{*word}.store(value, release); // [ring] the kernel acquires it
    }

    fd file_;
    kernel_features features_;
    mapping rings_;
    mapping entries_;
    // Submission: we write the tail, the kernel the head.
    unsigned* sq_head_ = nullptr;
    unsigned* sq_tail_word_ = nullptr;
    unsigned* sq_flags_ = nullptr;
    unsigned sq_mask_ = 0;
    unsigned sq_size_ = 0;
    unsigned sq_tail_ = 0;   // filled in so far
    unsigned submitted_ = 0; // handed over so far
    io_uring_sqe* sqes_ = nullptr;
    // Completion: the kernel writes the tail, we the head.
    unsigned* cq_head_ = nullptr;
    unsigned* cq_tail_ = nullptr;
    unsigned cq_mask_ = 0;
    io_uring_cqe* cqes_ = nullptr;
};

inline bool ring::setup(unsigned entries, io_uring_params& params, std::string& why) {
    struct flags_of {
        kernel_feature feature;
        unsigned flags;
    };
    constexpr flags_of optional[] = {
        {kernel_feature::submit_all, IORING_SETUP_SUBMIT_ALL},
        {kernel_feature::coop_taskrun, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
        {kernel_feature::defer_taskrun,
         IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
    };
    int error = 0;
    for (; entries >= 64; entries /= 2) { // less memory where the limit on locked memory is small
        // Best to worst, the youngest first to go: a kernel refuses flags that it does not know with EINVAL.
        for (std::size_t count = std::size(optional) + 1; count-- > 0;) {
            params = {};
            params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
            for (std::size_t i = 0; i < count; ++i)
                if (features_.has(optional[i].feature)) params.flags |= optional[i].flags;
            params.cq_entries = entries * 4; // multishot and bursts: room before the kernel must keep a backlog
            long const file = ::syscall(SYS_io_uring_setup, entries, &params);
            if (file >= 0) {
                file_ = fd{static_cast<int>(file)};
                for (auto const& each : optional)
                    if ((params.flags & each.flags) != each.flags) features_ = features_.without(each.feature);
                return true;
            }
            error = errno;
            if (error != EINVAL) break;
        }
        if (error != ENOMEM) break;
    }
    why = std::string{"io_uring_setup: "} + std::strerror(error);
    return false;
}

inline bool ring::open(unsigned entries, std::string& why, kernel_features allowed) {
    io_uring_params params{};
    features_ = allowed;
    if (!setup(entries, params, why)) return false;
    constexpr unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
    if ((params.features & needed) != needed || !features_.has(kernel_feature::timed_wait)) {
        why = "io_uring is older than Linux 5.11";
        close();
        return false;
    }
    std::size_t const sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    std::size_t const cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    if (!rings_.map(file_.number(), sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING) ||
        !entries_.map(file_.number(), params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES)) {
        why = std::string{"mapping the rings: "} + std::strerror(errno);
        close();
        return false;
    }
    sq_head_ = rings_.at<unsigned>(params.sq_off.head);
    sq_tail_word_ = rings_.at<unsigned>(params.sq_off.tail);
    sq_flags_ = rings_.at<unsigned>(params.sq_off.flags);
    sq_mask_ = *rings_.at<unsigned>(params.sq_off.ring_mask);
    sq_size_ = params.sq_entries;
    sqes_ = static_cast<io_uring_sqe*>(entries_.address);
    auto* const order = rings_.at<unsigned>(params.sq_off.array);
    for (unsigned i = 0; i < params.sq_entries; ++i) order[i] = i; // always in the order of the slots
    cq_head_ = rings_.at<unsigned>(params.cq_off.head);
    cq_tail_ = rings_.at<unsigned>(params.cq_off.tail);
    cq_mask_ = *rings_.at<unsigned>(params.cq_off.ring_mask);
    cqes_ = rings_.at<io_uring_cqe>(params.cq_off.cqes);
    if (!probe_operations()) why = std::string{"io_uring_register: "} + std::strerror(errno);
    else if (!answers()) why = std::string{"io_uring_enter: "} + std::strerror(errno);
    else return true;
    close();
    return false;
}

// Asks for each operation rather than for a version, which says nothing of what a distribution has taken back. The few
// without which there is no driver came before what `open` has asked for already, unless somebody took them back.
inline bool ring::probe_operations() noexcept {
    constexpr unsigned asked = 64;
    alignas(io_uring_probe) std::byte answer[sizeof(io_uring_probe) + asked * sizeof(io_uring_probe_op)] = {};
    if (::syscall(SYS_io_uring_register, file_.number(), IORING_REGISTER_PROBE, answer, asked) < 0) return false;
    auto const* const head = reinterpret_cast<io_uring_probe const*>(answer);
    auto const* const known = reinterpret_cast<io_uring_probe_op const*>(answer + sizeof(io_uring_probe));
    for (unsigned opcode = 0; opcode < asked; ++opcode)
        if (opcode > head->last_op || !(known[opcode].flags & IO_URING_OP_SUPPORTED))
            features_ = features_.without_operation(opcode);
    for (unsigned const needed : {IORING_OP_NOP, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL})
        if (!features_.has_operation(needed)) {
            errno = ENOSYS;
            return false;
        }
    return true;
}

// A filter may allow the setup and refuse the use; one empty operation tells.
inline bool ring::answers() noexcept {
    next_entry()->opcode = IORING_OP_NOP;
    int const entered = enter(clock::now() + std::chrono::seconds{1});
    errno = entered < 0 ? -entered : ETIME;
    return for_each_completion([](io_uring_cqe const&) {}) == 1;
}

inline void ring::close() noexcept {
    rings_.unmap();
    entries_.unmap();
    file_.reset();
    sq_tail_ = submitted_ = 0;
}

inline io_uring_sqe* ring::next_entry() noexcept {
    if (sq_tail_ - load_acquire(sq_head_) == sq_size_) return nullptr;
    io_uring_sqe* const entry = &sqes_[sq_tail_++ & sq_mask_];
    std::memset(entry, 0, sizeof *entry);
    return entry;
}

inline int ring::enter(time_point until) noexcept {
    store_release(sq_tail_word_, sq_tail_);
    bool const waits = until != time_point::min() && load_acquire(cq_tail_) == *cq_head_;
    // With deferred task work completions appear only when the thread enters; the flag tells that some are due.
    bool const fetches = load_acquire(sq_flags_) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
    if (!unsubmitted() && !waits && !fetches) return 0;
    return enter_kernel(unsubmitted(), waits ? 1 : 0, until);
}

inline int ring::enter_kernel(unsigned submit, unsigned wait_for, time_point until) noexcept {
    __kernel_timespec limit{};
    io_uring_getevents_arg argument{};
    if (wait_for && until != no_deadline) {
        auto left = std::chrono::nanoseconds{until - clock::now()}.count();
        if (left < 0) left = 0;
        limit.tv_sec = left / 1'000'000'000;
        limit.tv_nsec = left % 1'000'000'000;
        argument.ts = reinterpret_cast<std::uint64_t>(&limit);
    }
    long const taken = ::syscall(SYS_io_uring_enter, file_.number(), submit, wait_for,
                                 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
    submitted_ = load_acquire(sq_head_); // also after an error that came behind a part of the batch
    if (taken >= 0 || errno == ETIME || errno == EINTR) return 0;
    return -errno;
}

template <class Each>
unsigned ring::for_each_completion(Each each) {
    unsigned const tail = load_acquire(cq_tail_);
    unsigned count = 0;
    // The head is read anew each time: a call from within `each` moves it on, perhaps past our tail.
    for (unsigned head = *cq_head_; static_cast<int>(tail - head) > 0; head = *cq_head_) {
        io_uring_cqe const completion = cqes_[head & cq_mask_];
        store_release(cq_head_, head + 1); // room for the kernel before the callback, which may want to submit
        ++count;
        each(completion);
    }
    return count;
}

} // namespace weir::io
