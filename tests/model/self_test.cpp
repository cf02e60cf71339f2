// tests/model/self_test.cpp: the explorer finds what is wrong on purpose, and exhausts what is right.
#include "desk.hpp"

#include <weir/base/slot.hpp>
#include <weir/cpu/pause.hpp>

using namespace weir;
using namespace weir::model;

namespace {

// One thread writes and raises a flag, the other sees the flag and reads.
class message {
public:
    message(std::memory_order raise, std::memory_order look) : raise_{raise}, look_{look} {}
    void thread(int number) {
        if (number == 0) {
            value_.set(7);
            flag_.store(true, raise_);
        } else if (flag_.load(look_)) {
            check(value_.get() == 7, "the flag came before the value");
        }
    }
    void finally() {}

private:
    std::memory_order raise_, look_;
    plain<int> value_;
    atomic<bool> flag_{false};
};

// Store, then load the other's: with seq_cst one at least sees the other.
class store_then_load {
public:
    explicit store_then_load(std::memory_order order) : order_{order} {}
    void thread(int number) {
        auto const me = static_cast<std::size_t>(number);
        word_[me].store(1, order_ == seq_cst ? seq_cst : release);
        saw_[me] = word_[1 - me].load(order_ == seq_cst ? seq_cst : acquire);
    }
    void finally() { check(saw_[0] + saw_[1] > 0, "neither saw the other"); }

private:
    std::memory_order order_;
    std::array<atomic<int>, 2> word_;
    std::array<int, 2> saw_{};
};

// Three threads add; `torn` loads and stores instead.
class adders {
public:
    explicit adders(bool torn) : torn_{torn} {}
    void thread(int) {
        if (torn_) sum_.store(sum_.load(relaxed) + 1, relaxed);
        else sum_.fetch_add(1, relaxed);
    }
    void finally() { check(sum_.load(relaxed) == 3, "an addition was lost"); }

private:
    bool torn_;
    atomic<int> sum_{0};
};

// One sleeps until there is work; `forgets` looks at the work before it says that it sleeps.
class sleeper {
public:
    explicit sleeper(bool forgets) : forgets_{forgets} {}
    void thread(int number) {
        if (number == 0) {
            work_.store(1, seq_cst);
            if (asleep_.load(seq_cst) == 1) {
                gate_.store(1, release);
                gate_.notify_one();
            }
        } else {
            if (forgets_ && work_.load(seq_cst) == 1) return;
            asleep_.store(1, seq_cst);
            if (!forgets_ && work_.load(seq_cst) == 1) return;
            gate_.wait(0, acquire);
        }
    }
    void finally() {}

private:
    bool forgets_;
    atomic<int> work_{0}, asleep_{0}, gate_{0};
};

// Who sees the flag ends the object; `late` touches it once more after raising the flag.
class last_touch {
public:
    explicit last_touch(bool late) : late_{late}, flag_{new (storage_) atomic<int>{0}} {}
    void thread(int number) {
        if (number == 0) {
            flag_->store(1, release);
            if (late_) flag_->store(2, release);
        } else {
            while (flag_->load(acquire) == 0) weir::pause();
            flag_->~atomic();
        }
    }
    void finally() {}

private:
    bool late_;
    alignas(atomic<int>) unsigned char storage_[sizeof(atomic<int>)];
    atomic<int>* flag_;
};

// Two write a word each, two read both words in opposite orders: do the readers agree on what came first?
class two_readers {
public:
    explicit two_readers(std::memory_order order) : order_{order} {}
    void thread(int number) {
        auto const mine = static_cast<std::size_t>(number) % 2;
        if (number < 2) {
            word_[mine].store(1, order_ == seq_cst ? seq_cst : release);
        } else {
            first_[mine] = word_[mine].load(order_);
            second_[mine] = word_[1 - mine].load(order_);
        }
    }
    void finally() {
        check(!(first_[0] && !second_[0] && first_[1] && !second_[1]), "the readers saw different orders");
    }

private:
    std::memory_order order_;
    std::array<atomic<int>, 2> word_;
    std::array<int, 2> first_{}, second_{};
};

// seq_cst on words of their own hands nothing over; only what one thread read from the other does.
class word_of_ones_own {
public:
    explicit word_of_ones_own(bool reads_it) : reads_it_{reads_it} {}
    void thread(int number) {
        if (number == 0) {
            value_.set(7);
            word_.store(1, seq_cst);
            flag_.store(1, relaxed);
        } else if (flag_.load(relaxed) == 1) {
            auto const seen = reads_it_ ? word_.load(seq_cst) : other_.load(seq_cst);
            if (seen == 1 || !reads_it_) static_cast<void>(value_.get());
        }
    }
    void finally() {}

private:
    bool reads_it_;
    plain<int> value_;
    atomic<int> word_{0}, other_{0}, flag_{0};
};

// One sees a new value and says so; who heard it does not see an older one.
class hearsay {
public:
    explicit hearsay(std::memory_order says) : says_{says} {}
    void thread(int number) {
        if (number == 0) {
            word_.store(1, relaxed);
        } else if (number == 1) {
            if (word_.load(relaxed) == 1) said_.store(1, says_);
        } else if (said_.load(acquire) == 1) {
            check(word_.load(relaxed) == 1, "what was heard of is not seen");
        }
    }
    void finally() {}

private:
    std::memory_order says_;
    atomic<int> word_{0}, said_{0};
};

// A compare-exchange that fails may have read an old value, until it is asked to acquire what says otherwise.
class stale_failure {
public:
    void thread(int number) {
        if (number == 0) {
            word_.store(1, relaxed);
            done_.store(1, relaxed);
        } else if (done_.load(relaxed) == 1) {
            int expected = 5;
            word_.compare_exchange_strong(expected, 6, relaxed, relaxed);
            check(expected == 1, "an old value");
        }
    }
    void finally() {}

private:
    atomic<int> word_{0}, done_{0};
};

// A thread looks at a word, then says that it has; another hears that and changes the word.
class looks_late {
public:
    explicit looks_late(std::memory_order says) : says_{says} {}
    void thread(int number) {
        if (number == 0) {
            seen_ = word_.load(relaxed);
            said_.store(1, says_);
        } else if (said_.load(acquire) == 1) {
            word_.store(2, relaxed);
        }
    }
    void finally() { check(seen_.get() == 1, "a load saw what came after it"); }

private:
    std::memory_order says_;
    atomic<late<int>> word_{1};
    atomic<int> said_{0};
    late<int> seen_;
};

// Store, fence, load the other's.
class store_fence_load {
public:
    explicit store_fence_load(bool one_forgets) : one_forgets_{one_forgets} {}
    void thread(int number) {
        auto const me = static_cast<std::size_t>(number);
        word_[me].store(1, relaxed);
        if (number == 0 || !one_forgets_) store_load_fence();
        saw_[me] = word_[1 - me].load(relaxed);
    }
    void finally() { check(saw_[0] + saw_[1] > 0, "neither saw the other"); }

private:
    bool one_forgets_;
    std::array<atomic<int>, 2> word_;
    std::array<int, 2> saw_{};
};

// A place that is given back by a flag and used again.
class reused_place {
public:
    explicit reused_place(std::memory_order gives_back) : gives_back_{gives_back} { slot_.construct(1); }
    void thread(int number) {
        if (number == 0) {
            slot_.destroy();
            free_.store(1, gives_back_);
        } else if (free_.load(acquire) == 1) {
            slot_.construct(2);
            slot_.destroy();
        }
    }
    void finally() {}

private:
    std::memory_order gives_back_;
    places places_;
    slot<parcel> slot_;
    atomic<int> free_{0};
};

} // namespace

TEST_CASE("a message behind a flag needs release and acquire, and the explorer sees when one is missing") {
    holds("message: release, acquire", explorer::explore<message>(2, {}, release, acquire));
    is_found("message: relaxed store", explorer::explore<message>(2, {}, relaxed, acquire));
    is_found("message: relaxed load", explorer::explore<message>(2, {}, release, relaxed));
}

TEST_CASE("a store followed by a load needs seq_cst on both sides") {
    holds("store then load: seq_cst", explorer::explore<store_then_load>(2, {}, seq_cst));
    is_found("store then load: release and acquire", explorer::explore<store_then_load>(2, {}, acq_rel));
}

TEST_CASE("an addition in two steps loses one") {
    holds("three adders: fetch_add", explorer::explore<adders>(3, {}, false));
    is_found("three adders: load and store", explorer::explore<adders>(3, {}, true));
}

TEST_CASE("a sleeper that looks before it lies down is never woken") {
    holds("sleeper: says so, then looks", explorer::explore<sleeper>(2, {}, false));
    is_found("sleeper: looks, then says so", explorer::explore<sleeper>(2, {}, true));
}

TEST_CASE("a touch after the last one is seen") {
    holds("last touch: the flag", explorer::explore<last_touch>(2, {}, false));
    is_found("last touch: one more", explorer::explore<last_touch>(2, {}, true));
}

TEST_CASE("readers agree on the order of two writers only with seq_cst") {
    holds("two readers: seq_cst", explorer::explore<two_readers>(4, {}, seq_cst));
    is_found("two readers: release and acquire", explorer::explore<two_readers>(4, {}, acquire));
}

TEST_CASE("seq_cst orders, and hands over only what was read") {
    holds("seq_cst: reads the word that was written", explorer::explore<word_of_ones_own>(2, {}, true));
    is_found("seq_cst: reads another word", explorer::explore<word_of_ones_own>(2, {}, false));
}

TEST_CASE("what one has seen another does not unsee, once it has heard of it") {
    holds("hearsay: release", explorer::explore<hearsay>(3, {}, release));
    is_found("hearsay: relaxed", explorer::explore<hearsay>(3, {}, relaxed));
}

TEST_CASE("a compare-exchange that fails may have read an old value") {
    is_found("a failure with an old value", explorer::explore<stale_failure>(2, {}));
}

TEST_CASE("a late load sees what was stored after it, unless a release keeps it back") {
    holds("late: release", explorer::explore<looks_late>(2, {}, release));
    is_found("late: relaxed", explorer::explore<looks_late>(2, {}, relaxed));
}

TEST_CASE("a fence between a store and a load is needed on both sides") {
    holds("store, fence, load", explorer::explore<store_fence_load>(2, {}, false));
    is_found("store, fence, load: one forgets it", explorer::explore<store_fence_load>(2, {}, true));
}

TEST_CASE("a place is used again only after its giving back was seen") {
    holds("reused place: release", explorer::explore<reused_place>(2, {}, release));
    is_found("reused place: relaxed", explorer::explore<reused_place>(2, {}, relaxed));
}
