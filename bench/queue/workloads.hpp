// bench/queue/workloads.hpp: what is done to a queue, each workload written once for all contenders.
// Each checks that what was popped adds up to what was pushed: a queue that loses items has no speed.
// Waiting:  who finds a queue full or empty pauses the core for an instruction and asks again, and from the 64th
//           refusal in a row on gives the time slice away; the same for everyone. Round trips only spin.
#pragma once

#include "contenders/contender.hpp"

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <weir/base/atomic.hpp>
#include <weir/cpu/pause.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace bench {

class patience {
public:
    void operator()() {
        if (++refusals_ < 64) weir::pause();
        else std::this_thread::yield();
    }

private:
    unsigned refusals_ = 0;
};

// The sum of 1 to count: what a producer of these sends.
constexpr item sum_to(std::uint64_t count) { return count * (count + 1) / 2; }

// One item a call.
struct single {
    static void produce(auto& to, std::uint64_t count) {
        for (item value = 1; value <= count; ++value) {
            patience wait;
            while (!to.push(value)) wait();
        }
    }
    static item consume(auto& from, std::uint64_t count) {
        item sum = 0;
        for (; count != 0; --count) {
            item value = 0;
            patience wait;
            while (!from.pop(value)) wait();
            sum += value;
        }
        return sum;
    }
};

// Up to 64 items a call.
struct bulk {
    static constexpr std::size_t most = 64;

    static void produce(auto& to, std::uint64_t count) {
        std::array<item, most> values;
        for (item next = 1; next <= count;) {
            std::span left{values.data(), std::min<std::size_t>(most, count - next + 1)};
            for (item& value : left) value = next++;
            for (patience wait; !left.empty();) {
                auto const pushed = to.push_n(left);
                left = left.subspan(pushed);
                if (pushed == 0) wait();
                else wait = {};
            }
        }
    }
    static item consume(auto& from, std::uint64_t count) {
        std::array<item, most> values;
        item sum = 0;
        for (patience wait; count != 0;) {
            auto const popped = from.pop_n({values.data(), std::min<std::size_t>(most, count)});
            for (item const value : std::span{values.data(), popped}) sum += value;
            count -= popped;
            if (popped == 0) wait();
            else wait = {};
        }
        return sum;
    }
};

// As many producers as consumers. Where there are cores, the producers share the one and the consumers the other.
// An operation is an item's way through the queue.
template <class Queue, class Manner>
auto transfer(unsigned pairs, std::optional<core_pair> cores) {
    return [=, queue = std::make_shared<Queue>()](std::uint64_t times) {
        auto const share = times / pairs;
        weir::atomic<item> received{0};
        std::vector<racer> racers;
        for (unsigned pair = 0; pair < pairs; ++pair) {
            racers.push_back({[&] {
                auto&& to = producer_of(*queue);
                Manner::produce(to, share);
            }, cores ? std::optional{cores->one} : std::nullopt});
            racers.push_back({[&] {
                auto&& from = consumer_of(*queue);
                received.fetch_add(Manner::consume(from, share), weir::relaxed); // the end of the race orders it
            }, cores ? std::optional{cores->other} : std::nullopt});
        }
        double const took = race(racers);
        must_equal(received.load(weir::relaxed), pairs * sum_to(share), Queue::name); // after the race
        return took;
    };
}

// An operation is an item there through one queue and another back.
template <class Queue>
auto round_trip(core_pair cores) {
    struct both {
        Queue there;
        Queue back;
    };
    return [=, queues = std::make_shared<both>(), sent = item{0}](std::uint64_t times) mutable {
        auto const pop = [](auto& from) {
            item value = 0;
            while (!from.pop(value)) {}
            return value;
        };
        item const first = sent + 1; // never the same item twice, which a bare word could not tell apart
        sent += times;
        item sum = 0;
        double const took = race({{[&] {
            auto&& to = producer_of(queues->there);
            auto&& from = consumer_of(queues->back);
            for (std::uint64_t n = 0; n < times; ++n) {
                to.push(first + n);
                sum += pop(from);
            }
        }, cores.one}, {[&] {
            auto&& from = consumer_of(queues->there);
            auto&& to = producer_of(queues->back);
            for (std::uint64_t n = 0; n < times; ++n) to.push(pop(from));
        }, cores.other}});
        must_equal(sum, sum_to(sent) - sum_to(first - 1), Queue::name);
        return took;
    };
}

// An operation is a push and a pop, both by this thread.
template <class Queue>
auto alone() {
    return [queue = std::make_shared<Queue>()](std::uint64_t times) {
        auto&& to = producer_of(*queue);
        auto&& from = consumer_of(*queue);
        item sum = 0;
        for (item value = 1; value <= times; ++value) {
            to.push(value);
            item found = 0;
            from.pop(found);
            sum += found;
        }
        must_equal(sum, sum_to(times), Queue::name);
    };
}

} // namespace bench
