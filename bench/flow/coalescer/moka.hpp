// bench/flow/coalescer/moka.hpp: moka's `get_with`, for tasks and for threads, compiled from Rust and linked in; a call
// through C is a whole run.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#if WEIR_BENCH_MOKA
extern "C" {
struct moka_done {
    double took;
    std::uint64_t sum;
    std::uint64_t loads;
};
void* moka_new(std::size_t workers, std::uint64_t capacity);
void moka_delete(void* it);
moka_done moka_tasks_walk(void* it, std::uint64_t const* const* traces, std::size_t count, std::size_t length,
                          std::uint64_t from, std::uint64_t times);
moka_done moka_thread_walks(void* it, std::uint64_t const* keys, std::size_t length, std::uint64_t from,
                            std::uint64_t times);
moka_done moka_tasks_crowd(void* it, std::uint64_t crowd, std::uint64_t times);
}
#endif

namespace bench {

#if WEIR_BENCH_MOKA
class moka {
public:
    moka(shape how, char const* name, bool threads)
        : how_{how}, name_{name}, threads_{threads}, hits_{name, how},
          it_{moka_new(how.workers, how.what == asked::crowd ? 1000 : how.number)} {
        if (how.what == asked::same) {
            keys_ = {1};
        } else if (how.what == asked::fresh) {
            for (std::uint64_t n = 0; n < zipf_trace::length; ++n) keys_.push_back(n); // far more than there is room for
        } else if (how.what == asked::zipf) {
            walk(first_walk);
        }
    }
    moka(moka const&) = delete;
    moka& operator=(moka const&) = delete;
    ~moka() { moka_delete(it_); }

    double run(std::uint64_t times) {
        std::uint64_t const from = at_;
        moka_done const done = walk(times);
        if (how_.what != asked::fresh) must_equal(done.sum, how_.sum(from, times), name_);
        else must_equal(done.loads, times, name_);
        hits_.count(how_.workers * times, done.loads);
        return done.took;
    }

private:
    moka_done walk(std::uint64_t times) {
        moka_done const done = how_.what == asked::crowd ? moka_tasks_crowd(it_, how_.number, times)
                               : threads_                ? threads_walk(times)
                                                         : tasks_walk(times);
        at_ += times;
        return done;
    }
    std::uint64_t const* keys_of(unsigned worker) const {
        return how_.what == asked::zipf ? trace_of(worker).keys() : keys_.data();
    }
    std::size_t length() const { return how_.what == asked::zipf ? zipf_trace::length : keys_.size(); }
    moka_done tasks_walk(std::uint64_t times) {
        std::vector<std::uint64_t const*> traces;
        for (unsigned n = 0; n < how_.workers; ++n) traces.push_back(keys_of(n));
        return moka_tasks_walk(it_, traces.data(), traces.size(), length(), at_, times);
    }
    moka_done threads_walk(std::uint64_t times) {
        if (how_.workers == 1) return moka_thread_walks(it_, keys_of(0), length(), at_, times);
        std::vector<moka_done> done(how_.workers);
        std::vector<racer> racers;
        for (unsigned n = 0; n < how_.workers; ++n)
            racers.push_back({[&, n] { done[n] = moka_thread_walks(it_, keys_of(n), length(), at_, times); }, {}});
        moka_done all{race(racers), 0, 0};
        for (moka_done const& one : done) {
            all.sum += one.sum;
            all.loads += one.loads;
        }
        return all;
    }

    shape const how_;
    char const* const name_;
    bool const threads_;
    hit_ratio hits_;
    void* const it_;
    std::vector<std::uint64_t> keys_; // where they are no trace
    std::uint64_t at_ = 0;            // in these or in the traces
};
#else
class moka {
public:
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
    moka(shape, char const*, bool) {}
    double run(std::uint64_t) { return 0; }
};
#endif

class moka_tasks : public moka {
public:
    static constexpr auto name = "moka, future";
    explicit moka_tasks(shape how) : moka{how, name, false} {}
};

class moka_threads : public moka {
public:
    static constexpr auto name = "moka, sync";
    explicit moka_threads(shape how) : moka{how, name, true} {}
};

} // namespace bench
