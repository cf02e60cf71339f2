// weir/io/driver.hpp: what waits for the kernel on behalf of one thread: operations go in, completions come out.
// The interface is completion-shaped for both backends: an operation is handed over, and comes back exactly once.
// Threads:  `post` and `wake` from any; all else from the thread that the driver belongs to.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/io/fd.hpp>
#include <weir/queue/mpsc.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace weir::inline v0 {
class buffer_pool;
}

namespace weir::inline v0::io {

class op;
class recv_ring;

enum class backend : unsigned char { io_uring, epoll };

inline std::string_view name_of(backend which) noexcept { return which == backend::io_uring ? "io_uring" : "epoll"; }

class driver : immovable {
public:
    virtual ~driver() = default;

    virtual backend kind() const noexcept = 0;
    // The end, called by the thread that has used the driver, as others may not: gives up what it holds of the kernel's.
    // Needs: no operation in flight. Afterwards it may be destroyed on any thread, and `wake` has no effect. Where it was
    //        not called, the destructor does it.
    virtual void retire() noexcept = 0;

    // Hands an operation to the kernel. Either it comes back through op::complete, or its result is returned at once.
    virtual std::optional<int> submit(op& one) noexcept = 0;
    // Asks for an operation back that was submitted here; it completes all the same, with -ECANCELED unless it was faster.
    virtual void cancel(op& one) noexcept = 0;

    // Calls `again(one)` in a while, unless it has been unlinked by then: for what lacks something of which nobody tells
    // when it is there again, a descriptor or a pool's block.
    using again_function = void (*)(list_node&) noexcept;
    void postpone(list_node& one, again_function again) noexcept;
    // Blocks of `pool` that the kernel takes for what it receives; null where it cannot.  Needs: the pool to outlive the
    // driver.
    virtual recv_ring* blocks_of(buffer_pool& pool) noexcept {
        static_cast<void>(pool);
        return nullptr;
    }
    // One entry accepts until it is called back.
    virtual bool accepts_many() const noexcept { return false; }
    // One entry receives until it is called back.
    virtual bool receives_many() const noexcept { return false; }
    // An entry may send from the program's own pages on that socket.
    virtual bool sends_without_copy(fd_ref socket) const noexcept {
        static_cast<void>(socket);
        return false;
    }

    // Completes what is ready; waits for it until `until` at the latest, and not at all when that is not in the future.
    void wait_until(time_point until) noexcept;

    // Runs `mail` on the driver's thread, soon.  Threads: any.
    void post(job& mail) noexcept {
        posters::visit const inside{posters_};
        mail_.push(mail);
        wake();
    }
    // Before its end: waits for those who are in the middle of post.
    void settle() noexcept { posters_.wait_for_none(); }
    // Ends a wait_until that is under way, or else the next one at once.  Threads: any.
    void wake() noexcept {
        if (token_.exchange(token::woken, acq_rel) == token::parked) interrupt(); // [token]
    }

protected:
    driver() = default;

    // Completes what is ready, waiting until `until` for it unless that is in the past or `time_point::min()`.
    virtual void reap(time_point until) noexcept = 0;
    // Makes a reap that waits return.  Threads: any.
    virtual void interrupt() noexcept = 0;

private:
    // running: nothing to tell; parked: wait_until may be blocked; woken: the next wait_until must not block.
    enum class token : unsigned char { running, parked, woken };
    void go_on_with_postponed() noexcept;

    // Who met a bound is not heard of for that long, and at most so many fail again at a time: a server that is short of
    // something should not spend the rest of its time on asking.
    static constexpr auto pause = std::chrono::milliseconds{10};
    static constexpr unsigned failures_at_once = 32;

    atomic<token> token_{token::running};
    mpsc<job> mail_;
    posters posters_;
    intrusive_list<list_node> postponed_;
    again_function again_ = nullptr;
    time_point again_at_{};
    unsigned postponements_ = 0; // ever; wraps
};

inline void driver::postpone(list_node& one, again_function again) noexcept {
    if (postponed_.empty()) again_at_ = clock::now() + pause;
    again_ = again;
    ++postponements_;
    postponed_.push_back(one);
}

inline void driver::go_on_with_postponed() noexcept {
    if (clock::now() < again_at_) return;
    again_at_ = clock::now() + pause;
    intrusive_list<list_node> due;
    due.splice(postponed_);
    for (unsigned failures = 0; failures < failures_at_once;) {
        list_node* const first = due.pop_front();
        if (!first) break;
        unsigned const before = postponements_;
        again_(*first);
        // ---- it may be gone
        failures += postponements_ != before;
    }
    due.splice(postponed_); // behind who has not had a turn
    postponed_.splice(due);
}

inline void driver::wait_until(time_point until) noexcept {
    if (!postponed_.empty() && until > again_at_) until = again_at_;
    token expected = token::running;
    bool const may_block = until != time_point::min() &&
                           token_.compare_exchange_strong(expected, token::parked, acq_rel, acquire); // [token]
    reap(may_block ? until : time_point::min());
    // What was posted before its wake is found below: the exchange sees the wake, or the wake sees running and the mail
    // stays for the next call, which its token keeps from blocking.
    if (may_block || expected == token::woken) token_.exchange(token::running, acq_rel); // [token]
    if (!postponed_.empty()) go_on_with_postponed();
    auto mail = mail_.pop_all();
    while (job* const one = mail.pop_front()) one->run();
}

} // namespace weir::io
