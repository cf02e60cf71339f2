// tests/model/self_test.cpp: the explorer finds what is wrong on purpose, and exhausts what is right.
#include "desk.hpp"

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
