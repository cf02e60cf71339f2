// bench/flow/coalescer/by_hand.hpp: what is written without a library: a mutex, a map, a condition variable, and a list
// of what was used last where there is no room for all. Between threads; the standard library's map, or Abseil's.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#if WEIR_BENCH_ABSEIL
#include <absl/container/flat_hash_map.h>
#endif

namespace bench {

template <template <class...> class Map>
class shared_loads {
public:
    using value = std::shared_ptr<std::uint64_t const>;

    shared_loads(bool keeps, std::uint64_t most) : keeps_{keeps}, most_{most} {}

    template <class Load>
    value get(std::uint64_t key, Load load) {
        std::unique_lock held{lock_};
        auto const found = entries_.find(key);
        if (found != entries_.end()) {
            auto const one = found->second; // the map may change while it waits
            if (one->got) order_.splice(order_.end(), order_, one->place);
            else loaded_.wait(held, [&] { return one->got != nullptr; });
            return one->got;
        }
        auto const mine = std::make_shared<entry>();
        entries_.emplace(key, mine);
        held.unlock();
        auto got = std::make_shared<std::uint64_t const>(load());
        held.lock();
        ++loads_;
        mine->got = got;
        if (!keeps_) {
            entries_.erase(key);
        } else {
            mine->place = order_.insert(order_.end(), key);
            if (order_.size() > most_) {
                entries_.erase(order_.front());
                order_.pop_front();
            }
        }
        loaded_.notify_all();
        return got;
    }
    std::uint64_t loads() const { return loads_; } // Needs: nobody asks meanwhile.

private:
    struct entry {
        value got;
        std::list<std::uint64_t>::iterator place;
    };
    bool const keeps_;
    std::uint64_t const most_;
    std::mutex lock_;
    std::condition_variable loaded_;
    Map<std::uint64_t, std::shared_ptr<entry>> entries_;
    std::list<std::uint64_t> order_; // of those that are loaded, from the least recently used
    std::uint64_t loads_ = 0;
};

template <template <class...> class Map>
class threads_by_hand {
public:
    explicit threads_by_hand(shape how, char const* name)
        : how_{how}, name_{name}, hits_{name, how}, pages_{how.what != asked::fresh, how.number} {
        if (how.what == asked::zipf) walk(first_walk);
    }
    double run(std::uint64_t times) {
        std::uint64_t const loaded = pages_.loads();
        std::uint64_t const from = at_;
        double const took = walk(times);
        must_equal(sum_.load(weir::relaxed), how_.sum(from, times), name_);
        hits_.count(how_.workers * times, pages_.loads() - loaded);
        return took;
    }

private:
    double walk(std::uint64_t times) {
        sum_.store(0, weir::relaxed); // nobody runs
        double took = 0;
        if (how_.workers == 1) { // no thread is made for it
            using clock = std::chrono::steady_clock;
            auto const start = clock::now();
            asks(times, 0);
            took = std::chrono::duration<double, std::nano>{clock::now() - start}.count();
        } else {
            std::vector<racer> racers;
            for (unsigned n = 0; n < how_.workers; ++n) racers.push_back({[this, times, n] { asks(times, n); }, {}});
            took = race(racers);
        }
        at_ += times;
        return took;
    }
    void asks(std::uint64_t times, unsigned me) {
        std::uint64_t sum = 0;
        if (how_.what == asked::same) {
            for (; times != 0; --times) sum += *pages_.get(1, [] { return std::uint64_t{2}; });
        } else if (how_.what == asked::fresh) {
            for (std::uint64_t key = 0; key < times; ++key) sum += *pages_.get(key, [] { return std::uint64_t{1}; });
        } else {
            zipf_trace const& trace = trace_of(me);
            for (std::uint64_t n = at_; n < at_ + times; ++n) {
                std::uint64_t const key = trace[n];
                sum += *pages_.get(key, [key] { return key + 1; });
            }
        }
        sum_.fetch_add(sum, weir::relaxed); // the end of the thread orders it
    }

    shape const how_;
    char const* const name_;
    hit_ratio hits_;
    std::uint64_t at_ = 0; // in the traces
    weir::atomic<std::uint64_t> sum_{0};
    shared_loads<Map> pages_;
};

class std_by_hand : public threads_by_hand<std::unordered_map> {
public:
    static constexpr auto name = "mutex + unordered_map, by hand";
    explicit std_by_hand(shape how) : threads_by_hand{how, name} {}
};

#if WEIR_BENCH_ABSEIL
class abseil_by_hand : public threads_by_hand<absl::flat_hash_map> {
public:
    static constexpr auto name = "mutex + absl::flat_hash_map, by hand";
    explicit abseil_by_hand(shape how) : threads_by_hand{how, name} {}
};
#else
class abseil_by_hand {
public:
    static constexpr auto name = "mutex + absl::flat_hash_map, by hand";
    static constexpr auto absent = "no Abseil";
};
#endif

} // namespace bench
