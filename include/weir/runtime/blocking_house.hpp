// weir/runtime/blocking_house.hpp: the threads of a blocking pool: made, named, joined; and the ground they stand on.
// It outlives its pool when threads are left over at the end; then the last of these ends it.
// For:      authors of primitives; others use blocking_pool.
#pragma once

#include <weir/base/current.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/queue/event_count.hpp>
#include <weir/runtime/blocking_options.hpp>
#include <weir/runtime/blocking_roster.hpp>
#include <weir/runtime/blocking_thread.hpp>
#include <weir/runtime/quiet_thread.hpp>

#include <cstdio>
#include <optional>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace weir::inline v0 {

class blocking_house : immovable {
public:
    explicit blocking_house(blocking_options with)
        : options{std::move(with)}, roster{options.threads, options.queue_limit} {}

    // Starts a thread for the roster.  Errors: as offer.
    std::error_code grow(job& work) noexcept;
    // Waits until no thread is present, and joins them.  Returns: how many are left at the deadline.
    unsigned wait_for_none(time_point until) noexcept;
    // The pool's end.
    void let_go() noexcept;

    blocking_options const options;
    blocking_roster roster;

private:
    static void* serve(void* in) noexcept;
    // The number of a thread that has just begun.
    unsigned number() noexcept {
        spin_guard const locked{lock_};
        return ++numbers_;
    }
    // The end of a thread, which is the caller.
    void depart() noexcept;
    unsigned present() noexcept {
        spin_guard const locked{lock_};
        return present_;
    }

    // H1: present_ counts the threads from before they are made until they depart, which is their last touch.
    // H2: departed_ is the thread that departed last. Each joins the one before it, so that whoever joins it joins all.
    spin_lock lock_;
    bool left_alone_ = false; // the pool is gone
    unsigned present_ = 0;
    unsigned numbers_ = 0;
    std::optional<pthread_t> departed_;
    event_count emptied_;
};

// A thread of the pool.
inline void* blocking_house::serve(void* in) noexcept {
    blocking_house& home = *static_cast<blocking_house*>(in);
    char number[12];
    int const digits = std::snprintf(number, sizeof number, "-%u", home.number());
    name_this_thread(home.options.name.substr(0, static_cast<std::size_t>(15 - digits)) + number);
    {
        blocking_thread self{home.roster};
        current_guard<blocking_thread> const installed{&self};
        blocking_roster::seat mine;
        for (job* work = nullptr;;) {
            auto const what = home.roster.next(mine, home.options.keep_alive, work);
            if (what == blocking_roster::summons::leave) break;
            if (what == blocking_roster::summons::work) work->run();
            else self.tidy();
        }
    }
    home.depart();
    return nullptr;
}

inline std::error_code blocking_house::grow(job& work) noexcept {
    {
        spin_guard const locked{lock_};
        ++present_; // keeps H1
    }
    auto const made = start_quiet_thread(&serve, this, options.stack_size);
    if (made) {
        roster.has_started();
        return {};
    }
    {
        spin_guard const locked{lock_};
        --present_;
        emptied_.notify_all();
    }
    return roster.has_not_started(work) ? std::error_code{} : made.error();
}

inline void blocking_house::depart() noexcept {
    std::optional<pthread_t> before;
    bool ends_house = false;
    {
        spin_guard const locked{lock_};
        before = std::exchange(departed_, std::nullopt);
        --present_;
        if (left_alone_) {
            ::pthread_detach(::pthread_self());
            ends_house = present_ == 0;
        } else {
            departed_ = ::pthread_self(); // keeps H2
            emptied_.notify_all();        // under the lock: after it the house may be gone
        }
    }
    // ------------------------------------------------------------------------------------------------------------------
    if (ends_house) delete this;
    if (before) ::pthread_join(*before, nullptr);
}

inline unsigned blocking_house::wait_for_none(time_point until) noexcept {
    for (bool late = false; !late && present() != 0;) {
        auto const key = emptied_.prepare_wait();
        if (present() == 0) emptied_.cancel_wait();
        else late = !emptied_.wait_until(key, until);
    }
    std::optional<pthread_t> last;
    unsigned left = 0;
    {
        spin_guard const locked{lock_};
        last = std::exchange(departed_, std::nullopt);
        left = present_;
    }
    if (last) ::pthread_join(*last, nullptr);
    return left;
}

inline void blocking_house::let_go() noexcept {
    while (wait_for_none(time_point::min()) != 0) {
        spin_guard const locked{lock_};
        left_alone_ = present_ != 0;
        if (left_alone_) return;
    }
    delete this;
}

} // namespace weir
