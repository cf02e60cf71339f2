// weir/io/op.hpp: one I/O operation: what both backends need to carry it out, and its race of completion and stop.
// The kernel owns the operation's buffers until its completion, cancelled or not; so a stop only asks for it back, and the
// coroutine goes on at the completion. An operation lives in the frame of who awaits it, and may not die in flight.
// For:      authors of operations; each is one file in io/op/, with both backends side by side.
//
// Two parties meet: the driver's thread, which submits and completes, and whoever stops, on any thread. A stop travels as
// mail to the driver's thread. `word_` holds two bits:
//   done       the result is there
//   mailed     a stop is on its way; the frame must stay until it has arrived
// O1: who sets the later of the two bits sees the earlier one, so exactly one of them arranges the resumption:
//     complete, when mailed is clear or the mail has arrived; else the arrival of the mail.
#pragma once

#include <weir/base/intrusive.hpp>
#include <weir/base/result.hpp>
#include <weir/base/type_name.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/shared_priority.hpp>
#include <weir/coro/wait_book.hpp>
#include <weir/io/driver.hpp>
#include <weir/io/fd.hpp>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

struct io_uring_sqe;

namespace weir::inline v0::io {

// What a try that meets EAGAIN waits for. What never waits is tried once, and cannot be stopped. What blocks never meets
// EAGAIN but may stop its thread, as the data of a file do: those are blocking_op.
enum class readiness : unsigned char { readable, writable, never_waits, blocks };

// A result that is one of the library's own reasons: the kernel's end at -4095.
constexpr int own_reason(errc why) noexcept { return -4096 - static_cast<int>(why); }

// What one call moves at most; the kernel cuts longer ones itself, but the length of a ring's entry has 32 bits only.
inline std::uint32_t length_in_a_call(std::size_t length) noexcept {
    constexpr std::size_t most = 0x7ffff000;
    return static_cast<std::uint32_t>(length < most ? length : most);
}

// The opcode of an entry that io_uring is not to carry out: the driver waits until the file is ready and tries it.
inline constexpr std::uint8_t tried_when_ready = 255;

// What a system call tried without waiting has brought: a result, -EAGAIN to be tried again when ready, or -errno.
class attempt {
public:
    attempt(int value, bool drained = false) noexcept : result{value}, exhausted{drained} {}
    int result;
    bool exhausted; // it took all there was: the next one would meet EAGAIN
};

class op : public resume_job, public list_node {
public:
    // Called by a driver on its thread: once, unless the operation has asked for more. `flags` are io_uring's.
    void complete(int result, std::uint32_t flags = 0) noexcept;

    attempt try_once() noexcept { return actions_.try_once(*this); }
    void prepare(io_uring_sqe& entry) noexcept { actions_.prepare(*this, entry); }
    readiness waits_for() const noexcept { return actions_.waits_for; }
    fd_ref file() const noexcept { return file_; }

    unsigned char backend_state = 0; // the driver's own

protected:
    struct actions {
        attempt (*try_once)(op&) noexcept;
        void (*prepare)(op&, io_uring_sqe&) noexcept;
        readiness waits_for;
        // Hears of every completion before the coroutine does, and may change the result; false: it is not the last, or
        // the operation was handed over again. Null where nothing is to be heard.
        bool (*hears)(op&, int& result, std::uint32_t flags) noexcept = nullptr;
    };

    op(actions const& with, fd_ref file) noexcept : actions_{with}, file_{file}, ear_{this}, mail_{this} {}
    ~op() {
        if (in_flight_) WEIR_FATAL("a coroutine was destroyed while the kernel owned its operation");
    }

    // Where it was submitted.
    driver& home() const noexcept { return *driver_; }
    // For who submits it himself, and is no coroutine.
    void belongs_to(driver& home) noexcept { driver_ = &home; }
    // For `hears`, which returns what these return.
    // Hands itself over once more; a stop that has come in between ends it.
    bool submit_again(int& result) noexcept;
    // The same in a while, as nobody tells when there will be what it lacks.
    bool postpone(int& result) noexcept;

    // What await_suspend does; false when it is over already.
    // Who looks in is told where the await expression stands, and by `describe`, with this op for a key, what it does.
    bool begin(std::coroutine_handle<> handle, context const& where, std::source_location at = {},
               describe_function describe = &describe_any) noexcept;
    static void describe_any(void const* key, wait_text& into) noexcept {
        into.add("I/O on fd ").add(static_cast<op const*>(key)->file_.number());
    }
    // What await_resume does first: the result, or the negated errno; a stop's own reason goes to `reason`.
    int end(std::error_code& reason) noexcept;

private:
    static constexpr unsigned done = 1;
    static constexpr unsigned mailed = 2;

    class ear : public stop_listener {
    public:
        explicit ear(op* of) noexcept : stop_listener{&claim, &heard}, of_{of} {}

    private:
        static bool claim(stop_listener& listener) noexcept {
            op& self = *static_cast<ear&>(listener).of_;
            return !(self.word_.fetch_or(mailed, acq_rel) & done); // [word] keeps O1
        }
        static void heard(stop_listener& listener) noexcept {
            op& self = *static_cast<ear&>(listener).of_;
            if (current<driver>() == self.driver_) self.mail_.run();
            else self.driver_->post(self.mail_);
            // ---- the frame may be gone
        }
        op* of_;
    };
    class mail : public job {
    public:
        explicit mail(op* of) noexcept
            : job{[](job& self) noexcept { static_cast<mail&>(self).of_->mail_arrived(); }}, of_{of} {}

    private:
        op* of_;
    };

    WEIR_COLD void note(std::source_location at, describe_function describe) noexcept {
        noted_ = wait_book::enter(this, handle(), at, {0, describe});
    }
    void mail_arrived() noexcept;
    void go_on() noexcept {
        in_flight_ = false;
        // In the order of completion: taken newest first, a batch that is longer than a turn would starve its oldest.
        executor_of(*context_).post_last(*this);
    }

    actions const& actions_;
    fd_ref const file_;
    atomic<unsigned> word_{0};
    int result_ = 0;
    bool in_flight_ = false;
    bool listening_ = false;
    bool noted_ = false; // in the wait_book
    bool arrived_ = false; // the mail; the driver's thread only
    driver* driver_ = nullptr;
    context const* context_ = nullptr;
    ear ear_;
    mail mail_;
};

inline bool op::begin(std::coroutine_handle<> handle, context const& where, std::source_location at,
                      describe_function describe) noexcept {
    resumes(handle);
    context_ = &where;
    driver_ = current<driver>();
    if (!driver_) WEIR_FATAL("I/O was awaited on a thread that has no driver; run the coroutine in a runtime");
    if (where.stop.stop_possible() && waits_for() != readiness::never_waits) {
        listening_ = where.stop.source()->add(ear_);
        if (!listening_) {
            result_ = -ECANCELED; // nothing was begun
            return false;
        }
    }
    if (wait_book::open()) note(at, describe);
    in_flight_ = true;
    auto at_once = driver_->submit(*this);
    if (!at_once) return true;
    if (actions_.hears && !actions_.hears(*this, *at_once, 0)) return true;
    result_ = *at_once;
    if (listening_ && (word_.fetch_or(done, acq_rel) & mailed)) return true; // [word] O1: the mail resumes
    in_flight_ = false;
    return false;
}

inline void op::complete(int result, std::uint32_t flags) noexcept {
    if (actions_.hears && !actions_.hears(*this, result, flags)) return;
    result_ = result;
    if (listening_ && (word_.fetch_or(done, acq_rel) & mailed) && !arrived_) return; // [word] O1: the mail resumes
    go_on();
    // ---- the frame may be gone
}

inline bool op::submit_again(int& result) noexcept {
    if (arrived_) {
        result = -ECANCELED;
        return true;
    }
    auto const at_once = driver_->submit(*this);
    if (!at_once) return false;
    result = *at_once;
    return actions_.hears(*this, result, 0);
}

inline bool op::postpone(int& result) noexcept {
    if (arrived_) {
        result = -ECANCELED;
        return true;
    }
    driver_->postpone(*this, [](list_node& one) noexcept {
        op& self = static_cast<op&>(one);
        if (auto const at_once = self.driver_->submit(self)) self.complete(*at_once);
    });
    return false;
}

inline void op::mail_arrived() noexcept {
    arrived_ = true;
    if (word_.load(acquire) & done) go_on(); // [word] O1
    else driver_->cancel(*this);
    // ---- the frame may be gone
}

inline int op::end(std::error_code& reason) noexcept {
    if (noted_) wait_book::strike(this);
    if (listening_) context_->stop.source()->remove(ear_);
    // A call that the kernel broke off for a cancel may end with a word of its own, ERESTARTSYS and its kin.
    bool const broken_off = result_ == -ECANCELED || (result_ <= -512 && result_ >= -516);
    if (broken_off && context_->stop.stop_requested()) reason = make_error_code(context_->stop.reason());
    else if (result_ < own_reason(errc{})) reason = make_error_code(static_cast<errc>(own_reason(errc{}) - result_));
    else if (result_ < 0) reason = system_error_code(-result_);
    return result_;
}

// The awaiter of an operation. `Op` says how each backend does it:
//     attempt try_now() noexcept;  void prepare_entry(io_uring_sqe&) noexcept;  static constexpr readiness ready_when;
//     and `Value value_of(int result) noexcept` for a result that is no error. What has more to say of a completion adds
//     bool hears(int& result, std::uint32_t flags) noexcept;
template <class Op, class Value, class Base = op>
class op_awaiter : public Base {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        return this->begin(handle, context_of(handle), at, &describe);
    }
    result<Value> await_resume() noexcept {
        std::error_code reason;
        int const ended = this->end(reason);
        if (reason) return reason;
        if constexpr (std::is_void_v<Value>) return {};
        else return static_cast<Op&>(*this).value_of(ended);
    }

protected:
    explicit op_awaiter(fd_ref file) noexcept : Base{table, file} {}

private:
    // "recv on fd 12"
    static void describe(void const* key, wait_text& into) noexcept {
        auto name = type_name<Op>();
        if (name.starts_with("io::")) name.remove_prefix(4);
        if (name.ends_with("_op")) name.remove_suffix(3);
        into.add(name).add(" on fd ").add(static_cast<op const*>(key)->file().number());
    }
    static constexpr auto hears_of() noexcept -> bool (*)(op&, int&, std::uint32_t) noexcept {
        if constexpr (requires(Op& self, int& result) { self.hears(result, 0u); })
            return [](op& self, int& result, std::uint32_t flags) noexcept {
                return static_cast<Op&>(static_cast<op_awaiter&>(self)).hears(result, flags);
            };
        else return nullptr;
    }
    static constexpr op::actions table{
        [](op& self) noexcept { return static_cast<Op&>(static_cast<op_awaiter&>(self)).try_now(); },
        [](op& self, io_uring_sqe& entry) noexcept {
            static_cast<Op&>(static_cast<op_awaiter&>(self)).prepare_entry(entry);
        },
        Op::ready_when, hears_of()};
};

// A system call that does not wait, repeated when a signal came in between: its result, or the negated errno.
template <class Call>
int system_call(Call call) noexcept {
    for (;;) {
        auto const value = call();
        if (value >= 0) return static_cast<int>(value);
        if (errno != EINTR) return -(errno == EWOULDBLOCK ? EAGAIN : errno);
    }
}

} // namespace weir::io
