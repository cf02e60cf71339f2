// weir/io/sigpipe.hpp: keeps SIGPIPE from a call that cannot refuse it itself, as sendfile and splice cannot.
// The program's disposition of the signal and its threads' masks stay as they were: a child that it starts inherits them.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>

#include <csignal>
#include <ctime>
#include <pthread.h>

namespace weir::inline v0::io {

class no_sigpipe : immovable {
public:
    no_sigpipe() noexcept {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
        if (!blocked_before()) return; // and so none can be pending
        sigset_t pending;
        ::sigpending(&pending);
        pending_before_ = ::sigismember(&pending, SIGPIPE) == 1;
    }
    ~no_sigpipe() {
        if (!blocked_before()) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    // The call has given EPIPE: takes away the signal that came with it, which was sent to this very thread.
    void broken() noexcept {
        if (pending_before_) return; // theirs, and the two have become one
        timespec const at_once{};
        ::sigtimedwait(&pipe_, nullptr, &at_once);
    }

private:
    bool blocked_before() const noexcept { return ::sigismember(&before_, SIGPIPE) == 1; }

    sigset_t pipe_;
    sigset_t before_;
    bool pending_before_ = false;
};

} // namespace weir::io
