// tests/unit/memory/buffer_pool.cpp: a bound that holds, blocks that stay apart, an end that waits for the last of them,
// and a ring of the kernel that is fed from the pool.
#include "support/sockets.hpp"
#include "unit/base/dies.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/platform.hpp>
#include <weir/io/ring.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
#include <vector>

using weir::block_lease;
using weir::buffer_pool;
using weir::bytes;

namespace {

weir::buffer_pool_options blocks_of(std::size_t size, std::size_t blocks) {
    weir::buffer_pool_options wanted;
    wanted.block_size = size;
    wanted.blocks = blocks;
    return wanted;
}

std::vector<block_lease> lease_all(buffer_pool& pool) {
    std::vector<block_lease> all;
    while (block_lease one = pool.try_lease()) all.push_back(std::move(one));
    return all;
}

} // namespace

TEST_CASE("a pool gives out as many blocks as it has, and then says that there is none", "[buffer_pool]") {
    buffer_pool pool{blocks_of(512, 7)};
    CHECK(pool.capacity() == 7);
    CHECK(pool.block_size() == 512);
    auto all = lease_all(pool);
    CHECK(all.size() == 7);
    CHECK(pool.available() == 0);
    CHECK_FALSE(pool.try_lease());
    CHECK_FALSE(pool.try_lease());
    auto const id = all[3].id();
    all.erase(all.begin() + 3);
    CHECK(pool.available() == 1);
    CHECK(pool.try_lease().id() == id);
    all.clear();
    CHECK(pool.available() == 7);
}

TEST_CASE("blocks are apart, whole and aligned to cache lines", "[buffer_pool]") {
    buffer_pool pool{blocks_of(1000, 20)};
    CHECK(pool.block_size() == 1024);
    auto const all = lease_all(pool);
    for (auto const& each : all) {
        CHECK(reinterpret_cast<std::uintptr_t>(each.room().data()) % weir::cache_line == 0);
        CHECK(each.room().size() == 1024);
        std::ranges::fill(each.room(), static_cast<std::byte>(each.id()));
    }
    for (auto const& each : all)
        CHECK(std::ranges::all_of(each.room(), [&](std::byte b) { return b == static_cast<std::byte>(each.id()); }));
}

TEST_CASE("ids name the blocks in the order of their memory, which is whole pages", "[buffer_pool]") {
    buffer_pool pool{blocks_of(4096, 9)};
    auto const memory = pool.memory();
    auto const page = weir::page_region::page_size();
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % page == 0);
    CHECK(memory.size() % page == 0);
    CHECK(memory.size() >= 9 * 4096);
    for (std::uint16_t id = 0; id < 9; ++id) CHECK(pool.block(id) == memory.data() + id * 4096u);
    std::set<std::uint16_t> ids;
    for (auto const& each : lease_all(pool)) {
        CHECK(each.room().data() == pool.block(each.id()));
        ids.insert(each.id());
    }
    CHECK(ids.size() == 9);
    CHECK(*ids.rbegin() == 8);
}

TEST_CASE("a pool of the largest number of blocks has them all", "[buffer_pool]") {
    buffer_pool pool{blocks_of(64, buffer_pool::most_blocks)};
    CHECK(lease_all(pool).size() == buffer_pool::most_blocks);
    CHECK(pool.available() == buffer_pool::most_blocks);
}

TEST_CASE("a block costs memory from its first lease on", "[buffer_pool]") {
    weir::buffer_pool_options wanted = blocks_of(4096, 200);
    wanted.pages = weir::page_kind::plain;
    buffer_pool pool{wanted};
    CHECK(pool.pages() == weir::page_kind::plain);
    auto const touched = [&] {
        std::vector<unsigned char> present(pool.memory().size() / weir::page_region::page_size());
        REQUIRE(::mincore(pool.memory().data(), pool.memory().size(), present.data()) == 0);
        return std::count_if(present.begin(), present.end(), [](unsigned char p) { return p & 1; });
    };
    CHECK(touched() == 0);
    for (int n = 0; n < 50; ++n) pool.try_lease().room()[0] = std::byte{1};
    CHECK(touched() == 1); // always the block that went back last
}

TEST_CASE("a pool of which nothing is out takes its memory along", "[buffer_pool]") {
    std::byte* memory = nullptr;
    {
        buffer_pool pool{blocks_of(4096, 4)};
        static_cast<void>(lease_all(pool));
        memory = pool.memory().data();
    }
    unsigned char present[4];
    CHECK(::mincore(memory, 4 * 4096, present) != 0); // nothing is mapped there
}

TEST_CASE("bytes outlive their pool", "[buffer_pool]") {
    auto pool = std::make_unique<buffer_pool>(blocks_of(4096, 4));
    block_lease lease = pool->try_lease();
    std::memcpy(lease.room().data(), "still here", 10);
    bytes const text = std::move(lease).freeze(10).slice(6);
    block_lease unused = pool->try_lease();
    auto const* const memory = pool->memory().data();
    auto const size = pool->memory().size();
    pool.reset();
    CHECK(text == "here");
    CHECK(unused.room().size() == 4096);
    std::ranges::fill(unused.room(), std::byte{1});
    unused = {};
    CHECK(text == "here");
    const_cast<bytes&>(text) = {}; // the last one
    unsigned char present[8];
    CHECK(::mincore(const_cast<std::byte*>(memory), size, present) != 0); // not mapped any more
}

TEST_CASE("a block goes without its lease and comes back by its id", "[buffer_pool]") {
    buffer_pool pool{blocks_of(256, 3)};
    block_lease lease = pool.try_lease();
    auto const id = lease.id();
    CHECK(std::move(lease).release() == id);
    CHECK_FALSE(lease);
    CHECK(pool.available() == 2); // it is out
    std::memcpy(pool.block(id), "by others", 9);
    bytes const got = pool.adopt(id).freeze(9);
    CHECK(got == "by others");
    CHECK(got.data() == pool.block(id));
    CHECK(pool.available() == 2);
}

#if !defined(NDEBUG)
TEST_CASE("to adopt what is not out ends the program", "[buffer_pool]") {
    buffer_pool pool{blocks_of(256, 3)};
    auto const id = pool.try_lease().id(); // and it is back
    auto const free = dies([&] { static_cast<void>(pool.adopt(id)); });
    CHECK(free.aborted);
    CHECK(free.words.find("a block is adopted that is not out") != std::string::npos);
    auto const strange = dies([&] { static_cast<void>(pool.adopt(3)); });
    CHECK(strange.aborted);
    CHECK(strange.words.find("no block of this id") != std::string::npos);
}
#endif

#if WEIR_EXCEPTIONS
TEST_CASE("a pool that cannot be had throws bad_alloc", "[buffer_pool]") {
    CHECK_THROWS_AS(buffer_pool{blocks_of(SIZE_MAX / 4, 16)}, std::bad_alloc);
    CHECK_THROWS_AS(buffer_pool{blocks_of(std::size_t{1} << 46, 60'000)}, std::bad_alloc);
}
#endif

#if WEIR_ASAN
TEST_CASE("a block may be touched only while it is out", "[buffer_pool]") {
    auto pool = std::make_unique<buffer_pool>(blocks_of(256, 2));
    std::byte* const first = pool->block(0);
    CHECK(__asan_address_is_poisoned(first));
    CHECK(__asan_address_is_poisoned(pool->block(1) + 255));
    bytes slice;
    {
        block_lease lease = pool->try_lease();
        REQUIRE(lease.room().data() == first);
        CHECK_FALSE(__asan_region_is_poisoned(first, 256));
        CHECK(__asan_address_is_poisoned(first + 256)); // its neighbour is not out
        slice = std::move(lease).freeze(256).slice(5, 1);
        CHECK_FALSE(__asan_address_is_poisoned(first));
    }
    slice = {};
    CHECK(__asan_address_is_poisoned(first));
    CHECK(__asan_address_is_poisoned(first + 255));
    auto const size = pool->memory().size();
    pool.reset();
    CHECK(__asan_region_is_poisoned(first, size) == nullptr); // whoever maps there next may use it
}
#endif

#if WEIR_LINUX
namespace {

// What is kept of an io_uring_cqe, whose end is open.
struct completion {
    int res = 0;
    unsigned flags = 0;
    std::uint16_t id() const { return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT); }
};

// A ring of provided buffers as a driver keeps it: the kernel takes from its head, we add at its tail.
// The header's own type for it has other offsets in C++ than in C, so the tail is written where it lies: in the part of
// the first buffer that no buffer uses.
class provided_ring : weir::immovable {
public:
    static constexpr unsigned entries = 8;
    static constexpr std::uint16_t group = 7;

    provided_ring(buffer_pool& pool, int ring_file) : pool_{pool}, ring_file_{ring_file} {
        io_uring_buf_reg wanted{};
        wanted.ring_addr = reinterpret_cast<std::uint64_t>(pages_.memory().data());
        wanted.ring_entries = entries;
        wanted.bgid = group;
        error_ = ::syscall(SYS_io_uring_register, ring_file, IORING_REGISTER_PBUF_RING, &wanted, 1) < 0 ? errno : 0;
    }
    ~provided_ring() {
        if (error_) return;
        io_uring_buf_reg gone{};
        gone.bgid = group;
        CHECK(::syscall(SYS_io_uring_register, ring_file_, IORING_UNREGISTER_PBUF_RING, &gone, 1) == 0);
        for (std::uint16_t const id : provided_) static_cast<void>(pool_.adopt(id));
    }
    int error() const { return error_; }

    // False when every block of the pool is out.
    bool provide() {
        block_lease lease = pool_.try_lease();
        if (!lease) return false;
        io_uring_buf& next = buffers()[tail_++ % entries];
        next.addr = reinterpret_cast<std::uint64_t>(lease.room().data());
        next.len = static_cast<std::uint32_t>(lease.room().size());
        next.bid = std::move(lease).release();
        provided_.insert(next.bid);
        std::atomic_ref<std::uint16_t>{buffers()[0].resv}.store(tail_, weir::release);
        return true;
    }
    // What a completion brought.
    bytes take(completion const& one) {
        REQUIRE((one.flags & IORING_CQE_F_BUFFER));
        REQUIRE(provided_.erase(one.id()) == 1);
        return pool_.adopt(one.id()).freeze(static_cast<std::size_t>(one.res));
    }

private:
    io_uring_buf* buffers() const { return reinterpret_cast<io_uring_buf*>(pages_.memory().data()); }

    buffer_pool& pool_;
    int const ring_file_;
    weir::page_region const pages_{entries * sizeof(io_uring_buf), weir::page_kind::plain};
    std::uint16_t tail_ = 0;
    std::set<std::uint16_t> provided_;
    int error_ = 0;
};

// A ring, and what has come out of it.
struct kernel_ring {
    weir::io::ring ring;
    std::deque<completion> come;
    kernel_ring() {
        std::string why;
        if (!ring.open(64, why)) SKIP("io_uring is refused here: " << why);
    }
    void receive(weir::io::fd const& from, bool multishot) {
        io_uring_sqe& entry = *ring.next_entry();
        entry.opcode = IORING_OP_RECV;
        entry.fd = from.number();
        entry.flags = IOSQE_BUFFER_SELECT;
        entry.buf_group = provided_ring::group;
        entry.ioprio = multishot ? std::uint16_t{IORING_RECV_MULTISHOT} : std::uint16_t{0};
    }
    completion next() {
        auto const patience = weir::clock::now() + std::chrono::seconds{10};
        while (come.empty() && weir::clock::now() < patience) {
            REQUIRE(ring.enter(patience) == 0);
            ring.for_each_completion([&](io_uring_cqe const& each) { come.push_back({each.res, each.flags}); });
        }
        REQUIRE_FALSE(come.empty());
        completion const first = come.front();
        come.pop_front();
        return first;
    }
};

void say(weir::io::fd const& to, std::string_view text) {
    REQUIRE(::send(to.number(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

} // namespace

TEST_CASE("the kernel fills a block of the pool, which is adopted by its id, read, and provided again",
          "[buffer_pool][io_uring]") {
    kernel_ring kernel;
    buffer_pool pool{blocks_of(4096, 3)};
    {
        provided_ring ring{pool, kernel.ring.file()};
        if (ring.error()) SKIP("the kernel has no rings of buffers: " << std::strerror(ring.error()));
        auto const ends = weir::test::make_pair_of();
        REQUIRE(ring.provide());
        REQUIRE(ring.provide());
        for (int round = 0; round < 50; ++round) { // many times around the ring and the pool
            kernel.receive(ends.near, false);
            std::string text = "message " + std::to_string(round);
            text.resize(text.size() + static_cast<std::size_t>(round) * 80, '.');
            say(ends.far, text);
            completion const done = kernel.next();
            REQUIRE(done.res == static_cast<int>(text.size()));
            bytes const got = ring.take(done);
            CHECK(got == text);
            CHECK(got.data() == pool.block(done.id()));
            CHECK(pool.available() == 1);
            CHECK(ring.provide()); // another block, while this one is still read
            CHECK_FALSE(ring.provide());
            CHECK(got == text);
        }
        CHECK(pool.available() == 1); // two are the kernel's
    }
    CHECK(pool.available() == 3);
}

TEST_CASE("a receive of many shots ends when the pool is exhausted and goes on when something is dropped",
          "[buffer_pool][io_uring]") {
    kernel_ring kernel;
    buffer_pool pool{blocks_of(4096, 2)};
    {
        provided_ring ring{pool, kernel.ring.file()};
        if (ring.error()) SKIP("the kernel has no rings of buffers: " << std::strerror(ring.error()));
        auto const ends = weir::test::make_pair_of(SOCK_SEQPACKET); // a message a completion
        while (ring.provide()) {}
        kernel.receive(ends.near, true);
        say(ends.far, "first");
        completion const one = kernel.next();
        if (one.res == -EINVAL) SKIP("the kernel has no receive of many shots");
        say(ends.far, "second");
        completion const two = kernel.next();
        CHECK((two.flags & IORING_CQE_F_MORE));
        bytes first = ring.take(one);
        bytes const second = ring.take(two);
        CHECK(first == "first");
        CHECK(second == "second");
        CHECK_FALSE(ring.provide());
        completion const ended = kernel.next(); // before there is a third message
        CHECK(ended.res == -ENOBUFS);
        CHECK_FALSE((ended.flags & (IORING_CQE_F_MORE | IORING_CQE_F_BUFFER)));

        auto const* const memory = first.data();
        say(ends.far, "third");
        first = {};
        REQUIRE(ring.provide());
        kernel.receive(ends.near, false);
        bytes const third = ring.take(kernel.next());
        CHECK(third == "third");
        CHECK(third.data() == memory);
        CHECK(second == "second");
    }
    CHECK(pool.available() == 2);
}

TEST_CASE("the memory of a pool registers as one fixed buffer, and the kernel reads into its blocks",
          "[buffer_pool][io_uring]") {
    kernel_ring kernel;
    buffer_pool pool{blocks_of(4096, 3)};
    iovec const all{pool.memory().data(), pool.memory().size()};
    if (::syscall(SYS_io_uring_register, kernel.ring.file(), IORING_REGISTER_BUFFERS, &all, 1) < 0)
        SKIP("the kernel registers no buffers: " << std::strerror(errno));
    auto const ends = weir::test::make_pair_of();
    say(ends.far, "into the second");
    block_lease const first = pool.try_lease();
    block_lease second = pool.try_lease();
    io_uring_sqe& entry = *kernel.ring.next_entry();
    entry.opcode = IORING_OP_READ_FIXED;
    entry.fd = ends.near.number();
    entry.addr = reinterpret_cast<std::uint64_t>(second.room().data());
    entry.len = static_cast<std::uint32_t>(second.room().size());
    entry.buf_index = 0;
    auto const read = kernel.next();
    REQUIRE(read.res == 15);
    CHECK(std::move(second).freeze(15) == "into the second");
}
#endif
