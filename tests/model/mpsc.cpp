// tests/model/mpsc.cpp: two pushers and a drainer that ends what it took at once; and the handshake with one who sleeps.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/queue/mpsc.hpp>

#include <array>

using namespace weir;
using namespace weir::model;

namespace {

struct item {
    explicit item(int number) : which{number} {}
    int const which;
    plain<int> content;
    atomic<item*> next{nullptr};
};

// One pushes 0 and then 1, the other 2. Who drains reads each item and ends it: the link of an item that has ended is
// touched by nobody.
class drained_and_ended {
public:
    drained_and_ended() {
        for (std::size_t n = 0; n < items_.size(); ++n) items_[n].construct(static_cast<int>(n));
    }
    void thread(int number) {
        if (number == 0) {
            push(0);
            push(1);
        } else if (number == 1) {
            push(2);
        } else {
            while (drained_ < 3)
                if (!drain()) weir::pause();
            check(inbox_.empty(acquire), "there is more than was pushed");
        }
    }
    void finally() {
        check(drained_ == 3, "an item was lost");
        check(firsts_ == runs_, "not exactly one pusher found each empty inbox");
    }

private:
    void push(std::size_t which) {
        item& mine = items_[which].value();
        mine.content.set(static_cast<int>(which) + 10);
        firsts_ += inbox_.push(mine);
    }
    bool drain() {
        auto run = inbox_.pop_all();
        if (run.empty()) return false;
        ++runs_;
        while (item* const one = run.pop_front()) {
            check(one->content.get() == one->which + 10, "an item came before what was written into it");
            check(one->which != 1 || seen_[0], "the later item of a pusher came first");
            auto const which = static_cast<std::size_t>(one->which);
            check(!seen_[which], "an item came twice");
            seen_[which] = true;
            ++drained_;
            items_[which].destroy();
        }
        return true;
    }

    mpsc<item> inbox_;
    std::array<slot<item>, 3> items_;
    std::array<bool, 3> seen_{};
    int drained_ = 0;
    int firsts_ = 0; // plain: one step, as the explorer runs it
    int runs_ = 0;
};

// Two drain what two pushed: each item goes to one of them. One comes back and is pushed again by who drained it.
class two_drain {
public:
    two_drain() {
        for (item& one : items_) inbox_.push(one);
    }
    void thread(int number) {
        if (number == 0) {
            third_.content.set(3);
            inbox_.push(third_);
            return;
        }
        auto run = inbox_.pop_all();
        bool first = true;
        while (item* const one = run.pop_front()) {
            one->content.set(one->content.get() + 1);
            if (std::exchange(first, false)) inbox_.push(*one);
            else ++kept_;
        }
    }
    void finally() {
        auto run = inbox_.pop_all();
        while (run.pop_front()) ++kept_;
        check(kept_ == 3, "an item was lost or doubled");
    }

private:
    mpsc<item> inbox_;
    std::array<item, 2> items_{item{0}, item{1}};
    item third_{2};
    int kept_ = 0;
};

// The handshake at push: one says that it sleeps and looks once more, two push and look whether it sleeps.
class sleeper_and_pushers {
public:
    explicit sleeper_and_pushers(std::memory_order looks) : looks_{looks} {}
    void thread(int number) {
        if (number < 2) {
            inbox_.push(items_[static_cast<std::size_t>(number)]);
            if (asleep_.load(seq_cst) == 1) {
                gate_.store(1, release);
                gate_.notify_one();
            }
            return;
        }
        asleep_.store(1, seq_cst);
        if (inbox_.empty(looks_)) gate_.wait(0, acquire);
        auto run = inbox_.pop_all();
        check(!run.empty(), "woken for nothing");
    }
    void finally() {}

private:
    std::memory_order const looks_;
    mpsc<item> inbox_;
    std::array<item, 2> items_{item{0}, item{1}};
    atomic<int> asleep_{0}, gate_{0};
};

} // namespace

TEST_CASE("every item comes once, after its content, and may end as soon as it was taken") {
    holds("mpsc: two push, one drains and ends", explorer::explore<drained_and_ended>(3, options{.preemptions = 3}));
}

TEST_CASE("two may drain, and what was drained may be pushed again") {
    holds("mpsc: one pushes, two drain and push again", explorer::explore<two_drain>(3, options{.preemptions = 3}));
}

TEST_CASE("a sleeper sees the item or its pusher sees the sleeper, if both look with seq_cst") {
    holds("mpsc: two push, one sleeps", explorer::explore<sleeper_and_pushers>(3, options{.preemptions = 3}, seq_cst));
    is_found("mpsc: one sleeps after a look with acquire", explorer::explore<sleeper_and_pushers>(3, {}, acquire));
}
