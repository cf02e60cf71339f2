// tests/unit/runtime/run_queue.cpp: in which order a worker takes its jobs, and what thieves see of them.
#include <weir/runtime/run_queue.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <vector>

using namespace weir;

namespace {

class numbered : public job {
public:
    numbered() : job{[](job&) noexcept {}} {}
    int number = 0;
};

class bench {
public:
    bench() {
        for (int n = 0; n < 64; ++n) jobs[static_cast<std::size_t>(n)].number = n;
    }
    job& operator[](std::size_t n) { return jobs[n]; }
    static int number_of(job* one) { return one ? static_cast<numbered*>(one)->number : -1; }

private:
    std::array<numbered, 64> jobs;
};

} // namespace

TEST_CASE("the newest job is taken first, and a single one is hidden from thieves") {
    bench jobs;
    run_queue queue;
    CHECK(queue.empty());
    CHECK(!queue.push(jobs[0])); // nothing to share
    CHECK(queue.nothing_to_steal());
    CHECK(!queue.steal());
    CHECK(queue.push(jobs[1]));
    CHECK(queue.size_hint() == 1);
    CHECK(queue.push(jobs[2]));
    CHECK(bench::number_of(queue.pop()) == 2);
    CHECK(bench::number_of(queue.steal().value) == 0);
    CHECK(bench::number_of(queue.pop()) == 1);
    CHECK(queue.pop() == nullptr);
    CHECK(queue.empty());
}

TEST_CASE("two that make each other ready for ever let the others through") {
    bench jobs;
    run_queue queue;
    queue.push(jobs[0]);
    queue.push(jobs[1]);
    queue.push(jobs[2]);
    queue.push_last(jobs[3]);
    std::vector<int> others;
    for (int turn = 0; turn < 120; ++turn) {
        job* const one = queue.pop();
        REQUIRE(one);
        int const number = bench::number_of(one);
        if (number == 2) queue.push(*one); // makes itself ready again
        else others.push_back(number);
    }
    CHECK(others == std::vector<int>{0, 1, 3}); // the oldest first, who yielded last
}

TEST_CASE("who yields comes behind everything, in turn") {
    bench jobs;
    run_queue queue;
    queue.push_last(jobs[5]);
    queue.push_last(jobs[6]);
    queue.push(jobs[0]);
    CHECK(queue.nothing_to_steal());
    CHECK(bench::number_of(queue.pop()) == 0);
    CHECK(bench::number_of(queue.pop()) == 5);
    CHECK(queue.has_yielded());
    CHECK(bench::number_of(queue.pop()) == 6);
    CHECK(!queue.has_yielded());
}

TEST_CASE("thieves get all that has yielded but the next") {
    bench jobs;
    run_queue queue;
    CHECK(!queue.share_last());
    for (std::size_t n = 0; n < 4; ++n) queue.push_last(jobs[n]);
    CHECK(queue.share_last());
    CHECK(queue.size_hint() == 3);
    CHECK(bench::number_of(queue.pop()) == 0);
    CHECK(bench::number_of(queue.pop()) == 1); // their order stays
    CHECK(queue.steal());
    CHECK(bench::number_of(queue.pop()) == 2);
    CHECK(queue.pop() == nullptr);
}

TEST_CASE("a batch is taken in its order, before what waits already") {
    bench jobs;
    run_queue queue;
    queue.push(jobs[9]);
    intrusive_fifo<job> batch;
    for (std::size_t n = 0; n < 3; ++n) batch.push_back(jobs[n]);
    CHECK(queue.push_all(std::move(batch)));
    for (int const expected : {0, 1, 2, 9, -1}) CHECK(bench::number_of(queue.pop()) == expected);
}

TEST_CASE("the oldest is who yielded first, then the first pushed, then the newest") {
    bench jobs;
    run_queue queue;
    for (std::size_t n = 0; n < 3; ++n) queue.push(jobs[n]);
    queue.push_last(jobs[7]);
    for (int const expected : {7, 0, 1, 2, -1}) CHECK(bench::number_of(queue.pop_oldest()) == expected);
}

TEST_CASE("what was offered is taken back unless a thief has it or something newer stands before it") {
    bench jobs;
    run_queue queue;
    CHECK(queue.share(jobs[0]));
    CHECK(queue.take_back(jobs[0]));
    CHECK(!queue.take_back(jobs[0]));
    queue.share(jobs[0]);
    CHECK(queue.steal());
    CHECK(!queue.take_back(jobs[0]));
    queue.share(jobs[1]);
    queue.share(jobs[2]);
    CHECK(!queue.take_back(jobs[1]));
    CHECK(bench::number_of(queue.pop()) == 2); // and that one stayed
    CHECK(queue.take_back(jobs[1]));
    CHECK(queue.empty());
}
