// tests/unit/flow/batch_tuner.cpp: the size of a batch follows what a simulated backend takes, and keeps to the target.
#include <weir/flow/batch_tuner.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

using namespace std::chrono_literals;
using weir::duration;
using weir::detail::batch_tuner;

namespace {

// What a call costs: so much, so much an item, and more beyond `edge`: at once, and for each.
struct backend {
    duration fixed = 100us;
    duration item = 1us;
    std::size_t edge = 1'000'000;
    duration beyond = 0us;
    duration each_beyond = 50us;

    duration takes(std::size_t items) const noexcept {
        return fixed + static_cast<long>(items) * item +
               (items > edge ? beyond + static_cast<long>(items - edge) * each_beyond : 0us);
    }
    double rate(std::size_t items) const noexcept {
        return static_cast<double>(items) / static_cast<double>(takes(items).count());
    }
    // The best rate of any fixed size of which a batch takes no longer than half the target.
    double best_rate(std::size_t most, duration target) const noexcept {
        double best = rate(1);
        for (std::size_t n = 1; n <= most; ++n)
            if (2 * takes(n) <= target) best = std::max(best, rate(n));
        return best;
    }
};

// Serves full batches one after the other.  Returns: items a nanosecond over all of them.
double saturate(batch_tuner& tuner, backend const& with, int batches) {
    double items = 0;
    double time = 0;
    for (int n = 0; n < batches; ++n) {
        std::size_t const size = tuner.size();
        items += static_cast<double>(size);
        time += static_cast<double>(with.takes(size).count());
        tuner.took(size, with.takes(size));
    }
    return items / time;
}

// How many full batches it takes until the size has been good, within `part` of the best, for a whole window.
int batches_until_good(batch_tuner& tuner, backend const& with, std::size_t most, duration target, double part) {
    double const best = with.best_rate(most, target);
    int good = 0;
    for (int n = 0; n < 1000; ++n) {
        std::size_t const size = tuner.size();
        tuner.took(size, with.takes(size));
        good = with.rate(size) >= part * best && 2 * with.takes(size) <= target ? good + 1 : 0;
        if (good == 4) return n - 3;
    }
    return 1000;
}

} // namespace

TEST_CASE("a backend with a cost a call is given the largest batches that the target allows", "[batch_tuner]") {
    backend const plain;
    for (duration const target : {300us, 500us, 1000us, 10'000us}) {
        batch_tuner tuner{target, 1024};
        CHECK(batches_until_good(tuner, plain, 1024, target, 0.9) <= 64);
        saturate(tuner, plain, 200);
        CHECK(saturate(tuner, plain, 1000) >= 0.96 * plain.best_rate(1024, target));
        CHECK(2 * plain.takes(tuner.size()) <= target * 11 / 10);
    }
}

TEST_CASE("a size beyond which a backend becomes slow is found, and is not passed but to look", "[batch_tuner]") {
    for (std::size_t const edge : {3u, 20u, 64u, 100u, 511u}) {
        backend const steep{100us, 1us, edge};
        batch_tuner tuner{10ms, 1024};
        CHECK(batches_until_good(tuner, steep, 1024, 10ms, 0.85) <= 100);
        saturate(tuner, steep, 400);
        int beyond = 0;
        double items = 0;
        double time = 0;
        for (int n = 0; n < 2000; ++n) {
            std::size_t const size = tuner.size();
            beyond += size > edge;
            items += static_cast<double>(size);
            time += static_cast<double>(steep.takes(size).count());
            tuner.took(size, steep.takes(size));
        }
        INFO("edge " << edge << " size " << tuner.size() << " beyond " << beyond << " of best "
                     << items / time / steep.best_rate(1024, 10ms));
        CHECK(beyond <= 200);
        CHECK(items / time >= 0.93 * steep.best_rate(1024, 10ms));
    }
}

TEST_CASE("a backend that becomes another is followed: a fall within 40 batches, a rise once it is looked for",
          "[batch_tuner]") {
    backend const wide;
    backend const narrow{100us, 1us, 32, 2ms};
    batch_tuner tuner{20ms, 512};
    saturate(tuner, wide, 400);
    CHECK(tuner.size() >= 400);
    CHECK(batches_until_good(tuner, narrow, 512, 20ms, 0.8) <= 40);
    saturate(tuner, narrow, 400);
    CHECK(tuner.size() <= 32);
    CHECK(batches_until_good(tuner, wide, 512, 20ms, 0.8) <= 200);
}

TEST_CASE("an edge that moves by half is found within 12 batches", "[batch_tuner]") {
    batch_tuner tuner{20ms, 512};
    saturate(tuner, {100us, 1us, 64, 2ms}, 400);
    CHECK(batches_until_good(tuner, {100us, 1us, 32, 2ms}, 512, 20ms, 0.7) <= 12);
}

TEST_CASE("a call that takes too long by itself does not make batches small", "[batch_tuner]") {
    backend const far{10ms, 1us};
    batch_tuner tuner{1ms, 256};
    saturate(tuner, far, 1000);
    CHECK(tuner.size() >= 16); // where it began: smaller ones would take as long
}

TEST_CASE("batches that are not full are no reason for another size", "[batch_tuner]") {
    batch_tuner tuner{1ms, 256};
    std::size_t const first = tuner.size();
    for (int n = 0; n < 1000; ++n) tuner.took(1 + static_cast<std::size_t>(n) % (first - 1), 100us);
    CHECK(tuner.size() == first);
}

TEST_CASE("one batch that takes long, as when a thread is held up, changes nothing", "[batch_tuner]") {
    backend const plain;
    batch_tuner tuner{1ms, 256};
    saturate(tuner, plain, 400);
    std::size_t const found = tuner.size();
    tuner.took(found, 2ms);
    saturate(tuner, plain, 40);
    CHECK(tuner.size() >= found * 9 / 10);
}

TEST_CASE("a linger is no longer than a batch, nor than the target leaves", "[batch_tuner]") {
    batch_tuner const tuner{1ms, 256};
    CHECK(tuner.linger(0us) == 0us);
    CHECK(tuner.linger(100us) == 100us);
    CHECK(tuner.linger(300us) == 200us);
    CHECK(tuner.linger(700us) == 0us);
}

TEST_CASE("the size stays between one and the most", "[batch_tuner]") {
    for (std::size_t const most : {1u, 2u, 5u, 16u, 17u}) {
        batch_tuner tuner{1ms, most};
        for (int n = 0; n < 5000; ++n) {
            std::size_t const size = tuner.size();
            REQUIRE(size >= 1);
            REQUIRE(size <= most);
            tuner.took(size, duration{100'000 + (n * 7919) % 900'000});
        }
    }
}
