// tests/unit/queue/properties.cpp: any sequence of calls on one thread leaves a queue as it leaves a model of it.
// The calls are drawn from a seed; a failure prints the seed and the step. Values are awkward, and after each step as
// many of them live as the model holds.
#include "support/awkward_types.hpp"
#include "support/scale.hpp"
#include "unit/queue/walk.hpp"

#include <weir/base/atomic.hpp>
#include <weir/queue/deque.hpp>
#include <weir/queue/mpmc.hpp>
#include <weir/queue/mpsc.hpp>
#include <weir/queue/spsc.hpp>
#include <weir/queue/unbounded.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>

using weir::test::brittle;
using weir::test::census;
using weir::test::copied;
using weir::test::is_counted;
using weir::test::only_moved;
using weir::test::over_aligned;
using weir::test::scaled;
using weir::test::walk;
using weir::test::wide_number;

namespace {

// What must be true whenever nobody is in a call.
template <class T, class Queue>
void check_rest(walk<T> const& model, Queue const& queue) {
    REQUIRE(queue.size_hint() == model.size());
    REQUIRE(queue.empty() == (model.size() == 0));
    if constexpr (is_counted<T>) REQUIRE(census::alive() == model.size());
    REQUIRE(census::fault() == "");
}

constexpr std::array<unsigned, 3> seeds{1, 20, 300};

template <class Ring, class T>
void walk_through_ring() {
    for (std::size_t const capacity : {1u, 2u, 3u, 8u, 64u})
        for (unsigned const seed : seeds) {
            {
                Ring ring{capacity};
                walk<T> model{seed, ring.capacity()};
                for (std::size_t step = 0; step < scaled(2000); ++step) {
                    CAPTURE(capacity, seed, step);
                    if (model.pushes_now()) model.push(ring);
                    else model.pop(ring);
                    check_rest(model, ring);
                }
            } // with what is left in it
            CAPTURE(capacity, seed);
            REQUIRE(census::alive() == 0);
            REQUIRE(census::fault() == "");
        }
}

template <class T>
struct node {
    explicit node(int number) : value{number} {}
    T value;
    weir::atomic<node*> next{nullptr};
};

} // namespace

TEMPLATE_TEST_CASE("the ring of one producer and one consumer keeps to its model", "[spsc][properties]", int,
                   wide_number, only_moved, copied, over_aligned<64>, over_aligned<128>, brittle) {
    walk_through_ring<weir::spsc<TestType>, TestType>();
}

TEMPLATE_TEST_CASE("the ring of many keeps to its model", "[mpmc][properties]", int, wide_number, only_moved, copied,
                   over_aligned<64>, over_aligned<128>, brittle) {
    walk_through_ring<weir::mpmc<TestType>, TestType>();
}

TEMPLATE_TEST_CASE("the queue without a bound keeps each lane to its model", "[unbounded][properties]", int,
                   wide_number, only_moved, copied, over_aligned<64>, over_aligned<128>, brittle) {
    for (unsigned const seed : seeds) {
        {
            weir::unbounded<TestType> queue;
            typename weir::unbounded<TestType>::producer one{queue};
            typename weir::unbounded<TestType>::producer other{queue};
            typename weir::unbounded<TestType>::consumer consumer{queue};
            walk<TestType> model{seed, SIZE_MAX, 3};
            for (std::size_t step = 0; step < scaled(4000); ++step) {
                CAPTURE(seed, step);
                if (model.pushes_now()) {
                    switch (model.any(3)) {
                        case 0: model.push(queue, 0); break;
                        case 1: model.push(one, 1); break;
                        default: model.push(other, 2);
                    }
                } else if (model.any(2) == 0) {
                    model.pop(queue);
                } else {
                    model.pop(consumer);
                }
                check_rest(model, queue);
            }
        }
        CAPTURE(seed);
        REQUIRE(census::alive() == 0);
        REQUIRE(census::fault() == "");
    }
}

TEST_CASE("the deque keeps to its model, at both ends and as it grows", "[deque][properties]") {
    for (unsigned const seed : seeds) {
        std::minstd_rand random{seed};
        weir::deque<std::uintptr_t> deque;
        std::deque<std::uintptr_t> model;
        std::uintptr_t last = 0;
        for (std::size_t step = 0; step < scaled(20'000); ++step) {
            CAPTURE(seed, step);
            // Long tides, so that it grows several times while its indices are anywhere, and runs dry.
            bool const tide_rises = step / 700 % 2 == 0;
            if (tide_rises == (random() % 4 != 0)) {
                deque.push_bottom(++last);
                model.push_back(last);
            } else if (random() % 2 == 0) {
                auto const expected = model.empty() ? 0 : model.back();
                if (!model.empty()) model.pop_back();
                REQUIRE(deque.pop_bottom() == expected);
            } else {
                auto const got = deque.steal();
                REQUIRE(got.status == (model.empty() ? weir::steal_status::empty : weir::steal_status::taken));
                REQUIRE(got.value == (model.empty() ? 0 : model.front()));
                if (!model.empty()) model.pop_front();
            }
            REQUIRE(deque.size_hint() == model.size());
            REQUIRE(deque.empty() == model.empty());
        }
    }
}

TEMPLATE_TEST_CASE("the inbox keeps to its model, and lets go of what it gave", "[mpsc][properties]", only_moved,
                   over_aligned<64>, over_aligned<128>) {
    using item = node<TestType>;
    for (unsigned const seed : seeds) {
        std::minstd_rand random{seed};
        weir::mpsc<item> inbox;
        std::deque<int> model;
        int next = 0;
        auto const take_all = [&] {
            auto run = inbox.pop_all();
            while (std::unique_ptr<item> const one{run.pop_front()}) {
                REQUIRE_FALSE(model.empty());
                REQUIRE(one->value.number() == model.front());
                model.pop_front();
            }
            REQUIRE(model.empty());
        };
        for (std::size_t step = 0; step < scaled(4000); ++step) {
            CAPTURE(seed, step);
            if (random() % 5 == 0) {
                take_all();
            } else {
                REQUIRE(inbox.push(*new item(next)) == model.empty());
                model.push_back(next++);
            }
            REQUIRE(inbox.empty() == model.empty());
            REQUIRE(census::alive() == model.size());
            REQUIRE(census::fault() == "");
        }
        take_all();
        REQUIRE(census::alive() == 0);
    }
}
