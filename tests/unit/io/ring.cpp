// tests/unit/io/ring.cpp: entries go in and completions come out, each once, also when one reads inside another's call.
#include "support/forked.hpp"

#include <weir/io/ring.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <vector>

using namespace weir;

namespace {

void open_or_skip(io::ring& one, unsigned entries) {
    std::string why;
    if (!one.open(entries, why)) SKIP("io_uring is refused here: " << why);
}

void add_nop(io::ring& to, std::uint64_t name) {
    io_uring_sqe* const entry = to.next_entry();
    REQUIRE(entry != nullptr);
    entry->opcode = IORING_OP_NOP;
    entry->user_data = name;
}

} // namespace

TEST_CASE("a full submission ring gives no entry until the kernel has taken some") {
    io::ring one;
    open_or_skip(one, 64);
    unsigned given = 0;
    while (io_uring_sqe* const entry = one.next_entry()) {
        entry->opcode = IORING_OP_NOP;
        entry->user_data = ++given;
    }
    CHECK(given == 64);
    CHECK(one.unsubmitted() == 64);
    CHECK(one.enter(time_point::min()) == 0);
    CHECK(one.unsubmitted() == 0);
    CHECK(one.next_entry() != nullptr);
    unsigned in_order = 0;
    CHECK(one.for_each_completion([&](io_uring_cqe const& each) { in_order += each.user_data == in_order + 1; }) == 64);
    CHECK(in_order == 64);
}

TEST_CASE("more completions than the ring holds are kept, and come once each") {
    io::ring one;
    open_or_skip(one, 64);
    constexpr std::uint64_t count = 64 * 20; // the completion ring holds 64 * 4
    for (std::uint64_t name = 1; name <= count; ++name) {
        if (name % 64 == 1 && name > 1) REQUIRE(one.enter(time_point::min()) == 0);
        add_nop(one, name);
    }
    std::vector<int> seen(count + 1);
    std::uint64_t total = 0;
    for (int turn = 0; turn < 1000 && total < count; ++turn) {
        one.enter(time_point::min());
        total += one.for_each_completion([&](io_uring_cqe const& each) { ++seen.at(each.user_data); });
    }
    CHECK(total == count);
    for (std::uint64_t name = 1; name <= count; ++name) {
        CAPTURE(name);
        REQUIRE(seen[name] == 1);
    }
}

TEST_CASE("completions that are read inside another's call are not read twice") {
    io::ring one;
    open_or_skip(one, 64);
    for (std::uint64_t name = 1; name <= 8; ++name) add_nop(one, name);
    REQUIRE(one.enter(time_point::min()) == 0);
    std::vector<int> seen(9);
    int calls = 0;
    one.for_each_completion([&](io_uring_cqe const& outer) {
        ++seen.at(outer.user_data);
        if (++calls == 2) one.for_each_completion([&](io_uring_cqe const& inner) { ++seen.at(inner.user_data); });
    });
    one.enter(time_point::min());
    one.for_each_completion([&](io_uring_cqe const& late) { ++seen.at(late.user_data); });
    CHECK(seen == std::vector<int>{0, 1, 1, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("a wait ends at its time, and a wait for the past at once") {
    io::ring one;
    open_or_skip(one, 64);
    auto const begin = clock::now();
    CHECK(one.enter(begin + std::chrono::milliseconds{20}) == 0);
    CHECK(clock::now() - begin >= std::chrono::milliseconds{20});
    CHECK(one.enter(begin) == 0);
    CHECK(one.for_each_completion([](io_uring_cqe const&) {}) == 0);
}

TEST_CASE("a child process may not touch its parent's rings, and the parent's go on") {
    io::ring one;
    open_or_skip(one, 64);
    auto const child = weir::test::run_in_child([] { return std::string{"lived"}; });
    CHECK(child.well);
    add_nop(one, 7);
    REQUIRE(one.enter(time_point::min()) == 0);
    CHECK(one.for_each_completion([](io_uring_cqe const& each) { CHECK(each.user_data == 7); }) == 1);
}

TEST_CASE("the kernel takes a batch with a bad entry in it, at once or in two parts, and every entry completes") {
    bool const at_once = GENERATE(true, false);
    io::ring one;
    std::string why;
    auto const allowed = at_once ? io::kernel_features{} : io::kernel_features{}.without(io::kernel_feature::submit_all);
    if (!one.open(64, why, allowed)) SKIP("io_uring is refused here: " << why);
    if (at_once && !one.features().has(io::kernel_feature::submit_all)) SKIP("Linux before 5.18");
    add_nop(one, 1);
    add_nop(one, 2);
    io_uring_sqe* const bad = one.next_entry();
    bad->opcode = 254;
    bad->user_data = 3;
    add_nop(one, 4);
    REQUIRE(one.enter(time_point::min()) == 0);
    CHECK(one.unsubmitted() == (at_once ? 0u : 1u)); // without the feature the batch ends behind the bad one
    REQUIRE(one.enter(time_point::min()) == 0);
    CHECK(one.unsubmitted() == 0);
    std::vector<int> results(5, 1);
    CHECK(one.for_each_completion([&](io_uring_cqe const& each) { results.at(each.user_data) = each.res; }) == 4);
    CHECK(results == std::vector<int>{1, 0, 0, -EINVAL, 0});
}

TEST_CASE("the descriptor of a ring is what io_uring_register wants") {
    io::ring one;
    CHECK(one.file() == -1);
    open_or_skip(one, 64);
    CHECK((::fcntl(one.file(), F_GETFD) & FD_CLOEXEC) != 0);
    unsigned limits[2] = {0, 0}; // asks for the limits of the kernel's own threads, and leaves them
    CHECK(::syscall(SYS_io_uring_register, one.file(), IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2) == 0);
    one.close();
    CHECK(one.file() == -1);
}

TEST_CASE("a ring can be closed and opened again") {
    io::ring one;
    for (int round = 0; round < 20; ++round) {
        open_or_skip(one, 64);
        add_nop(one, 1);
        REQUIRE(one.enter(time_point::min()) == 0);
        CHECK(one.for_each_completion([](io_uring_cqe const&) {}) == 1);
        one.close();
    }
}
