// tests/conformance/io_files.cpp: what the kernel does with files keeps the contract of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/io/op/fsync.hpp>
#include <weir/io/op/openat.hpp>
#include <weir/io/op/read_at.hpp>
#include <weir/io/op/renameat.hpp>
#include <weir/io/op/splice.hpp>
#include <weir/io/op/statx.hpp>
#include <weir/io/op/unlinkat.hpp>
#include <weir/io/op/write_at.hpp>
#include <weir/net/sendfile.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/mman.h>
#include <tuple>
#include <unistd.h>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

// Into a pipe of its own.
struct io_splice {
    static constexpr description row{.name = "io::splice_in, splice_out",
                                     .kind = on_cancel::safe,
                                     .value = "stays where it was; what was moved is told, as a result",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_splice(stage&) {
        int sides[2] = {-1, -1};
        REQUIRE(::pipe2(sides, O_CLOEXEC | O_NONBLOCK) == 0);
        out = io::fd{sides[0]};
        in = io::fd{sides[1]};
    }
    task<std::error_code> wait() {
        auto const moved = co_await io::splice_in(ends.near.ref(), in.ref(), 8);
        if (moved) bytes += *moved;
        co_return moved.error();
    }
    void complete() { sent = ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) == 2; }
    bool whole(std::size_t completed) {
        char left[8];
        auto const in_pipe = ::read(out.number(), left, sizeof left);
        return sent && bytes == 2 * completed && in_pipe == (completed ? 2 : -1) && drain(ends.near) == 2 - bytes;
    }

    test::socket_pair ends = test::make_pair_of();
    io::fd out;
    io::fd in;
    std::size_t bytes = 0;
    bool sent = false;
};

// A file of ten bytes, in memory.
class some_file {
public:
    some_file() { REQUIRE(::pwrite(file.number(), "0123456789", 10, 0) == 10); }
    io::fd file{::memfd_create("test", MFD_CLOEXEC)};
};

struct io_read_at : some_file {
    static constexpr description row{.name = "io::read_at",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the file",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_read_at(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await io::read_at(file.ref(), into, 3);
        if (got) bytes += *got;
        co_return got.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return bytes == 4 * completed && (bytes == 0 || test::text_of(into) == "3456"); }

    std::array<std::byte, 4> into{};
    std::size_t bytes = 0;
};

struct io_write_at : some_file {
    static constexpr description row{.name = "io::write_at",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller; what was written is told, as a result",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_write_at(stage&) {}
    task<std::error_code> wait() {
        auto const written = co_await io::write_at(file.ref(), test::bytes_of("ab"), 3);
        co_return written.error();
    }
    void complete() {}
    bool whole(std::size_t completed) {
        char now[11] = {};
        auto const size = ::pread(file.number(), now, 10, 0);
        return size == 10 && std::string{now} == (completed ? "012ab56789" : "0123456789");
    }
};

struct io_fsync : some_file {
    static constexpr description row{.name = "io::fsync, fdatasync",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "some of the file may be on the disk",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_fsync(stage&) {}
    task<std::error_code> wait() {
        auto const synced = co_await io::fdatasync(file.ref());
        co_return synced.error();
    }
    void complete() {}
    bool whole(std::size_t) { return true; } // what is on the disk cannot be seen
};

struct io_openat {
    static constexpr description row{.name = "io::openat, open",
                                     .kind = on_cancel::safe,
                                     .value = "no descriptor is lost: none was made, or it is the result",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_openat(stage&) {}
    task<std::error_code> wait() {
        auto opened = co_await io::open("/dev/null", O_RDONLY);
        if (opened) file = *std::move(opened);
        co_return opened.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return static_cast<bool>(file) == (completed == 1); }

    io::fd file;
};

struct io_statx : some_file {
    static constexpr description row{.name = "io::statx",
                                     .kind = on_cancel::safe,
                                     .value = "nothing has changed",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_statx(stage&) {}
    task<std::error_code> wait() {
        auto const told = co_await io::statx(file.ref());
        if (told) size = told->stx_size;
        co_return told.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return size == 10 * completed; }

    std::uint64_t size = 0;
};

// A name in the file system.
class some_name {
public:
    some_name() { REQUIRE(io::fd{::mkstemp(name.data())}); }
    some_name(some_name const&) = delete;
    some_name& operator=(some_name const&) = delete;
    ~some_name() { ::unlink(name.c_str()); }
    static bool names_one(std::string const& text) { return ::access(text.c_str(), F_OK) == 0; }

    std::string name = (std::filesystem::temp_directory_path() / "weir-XXXXXX").string();
};

struct io_renameat : some_name {
    static constexpr description row{.name = "io::renameat, rename",
                                     .kind = on_cancel::safe,
                                     .value = "the file has one of the two names",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_renameat(stage&) {}
    ~io_renameat() { ::unlink(other().c_str()); }
    task<std::error_code> wait() {
        auto const renamed = co_await io::rename(name, other());
        co_return renamed.error();
    }
    void complete() {}
    bool whole(std::size_t completed) {
        return names_one(name) == (completed == 0) && names_one(other()) == (completed == 1);
    }
    std::string other() const { return name + "-renamed"; }
};

struct io_unlinkat : some_name {
    static constexpr description row{.name = "io::unlinkat",
                                     .kind = on_cancel::safe,
                                     .value = "the name is there or is not",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_unlinkat(stage&) {}
    task<std::error_code> wait() {
        auto const removed = co_await io::unlinkat(io::working_folder(), name);
        co_return removed.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return names_one(name) == (completed == 0); }
};

// To a socket without room.
struct net_sendfile : some_file {
    static constexpr description row{.name = "net::sendfile",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "some of it may be on its way",
                                     .note = "the connection is of no further use",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit net_sendfile(stage&) {}
    task<std::error_code> wait() {
        auto const sent = co_await net::sendfile(ends.near.ref(), file.ref(), net::file_range{2, 7});
        co_return sent.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        bool const blocks = (::fcntl(ends.near.number(), F_GETFL) & O_NONBLOCK) == 0;
        return blocks && (completed ? received == filled + 7 : received >= filled && received <= filled + 7);
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    std::size_t received = 0;
};

using all_files = std::tuple<io_splice, io_read_at, io_write_at, io_fsync, io_openat, io_statx, io_renameat,
                             io_unlinkat, net_sendfile>;
in_table<all_files> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("what the kernel does with files keeps the contract of a wait", "", all_files) {
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
}
