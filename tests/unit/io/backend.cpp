// tests/unit/io/backend.cpp: where the kernel refuses io_uring, in whatever way, epoll takes its place and says why.
#include "support/forked.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cerrno>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>

using namespace weir;
using namespace weir::test;

namespace {

task<std::string> echo_once(socket_pair& ends) {
    auto const ask = [](io::fd_ref near) -> task<std::string> {
        static_cast<void>(co_await sleep_for(std::chrono::milliseconds{2}));
        auto const sent = co_await io::send(near, bytes_of("echo"));
        std::array<std::byte, 8> into{};
        auto const got = co_await io::recv(near, into);
        co_return sent && got ? text_of(std::span{into}.first(*got)) : std::string{"nothing"};
    };
    auto const answer = [](io::fd_ref far) -> task<> {
        std::array<std::byte, 8> into{};
        auto const got = co_await io::recv(far, into);
        if (got) static_cast<void>(co_await io::send(far, std::span{into}.first(*got)));
    };
    auto both = co_await when_all(ask(ends.near.ref()), answer(ends.far.ref()));
    co_return std::get<0>(both);
}

// "backend: refusal: what an echo brought"
std::string report(io::backend_choice choice, unsigned workers = 2) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return "no sockets";
    socket_pair pair{io::fd{ends[0]}, io::fd{ends[1]}};
    runtime_options options;
    options.backend = choice;
    options.workers = workers;
    runtime rt{options};
    auto const echoed = rt.block_on(echo_once, std::ref(pair));
    return std::string{io::name_of(rt.backend())} + ": " + rt.backend_refusal() + ": " + echoed;
}

// From here on this process gets `error` for that system call where that argument, below 2^32, is larger than `limit`.
void refuse_when_larger(long number, unsigned argument, unsigned limit, int error) {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offsetof(seccomp_data, args) + 8 * argument)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, limit, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{6, rules};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        WEIR_FATAL("no filter could be set");
}

} // namespace

TEST_CASE("a filter that forbids io_uring_setup leads to epoll, with the reason") {
    int const error = GENERATE(EPERM, ENOSYS, EACCES);
    auto const choice = GENERATE(io::backend_choice::automatic, io::backend_choice::io_uring);
    auto const child = run_in_child([&] {
        refuse_system_call(SYS_io_uring_setup, error);
        return report(choice);
    });
    CAPTURE(child.words);
    CHECK(child.well);
    CHECK(child.words == std::string{"epoll: io_uring_setup: "} + std::strerror(error) + ": echo");
}

TEST_CASE("a filter that allows the setup and forbids the use leads to epoll, too") {
    long const number = GENERATE(long{SYS_io_uring_enter}, long{SYS_io_uring_register});
    auto const child = run_in_child([&] {
        refuse_system_call(number, EPERM);
        return report(io::backend_choice::automatic);
    });
    CAPTURE(child.words);
    CHECK(child.well);
    CHECK(child.words.starts_with("epoll: io_uring"));
    CHECK(child.words.ends_with(": echo"));
}

TEST_CASE("where memory for a ring is short, a smaller one does, and epoll where none can be had") {
    unsigned const largest = GENERATE(64u, 32u);
    auto const child = run_in_child([&]() -> std::string {
        refuse_when_larger(SYS_io_uring_setup, 0, largest, ENOMEM);
        return report(io::backend_choice::automatic);
    });
    CAPTURE(child.words);
    CHECK(child.well);
    if (largest >= 64) CHECK((child.words == "io_uring: : echo" || child.words.starts_with("epoll: io_uring_setup: ")));
    else CHECK(child.words == std::string{"epoll: io_uring_setup: "} + std::strerror(ENOMEM) + ": echo");
}

TEST_CASE("a smaller ring is told by its size") {
    auto const child = run_in_child([]() -> std::string {
        refuse_when_larger(SYS_io_uring_setup, 0, 64, ENOMEM);
        io::ring one;
        std::string why;
        return one.open(512, why) ? std::to_string(one.size()) : why;
    });
    CAPTURE(child.words);
    CHECK((child.words == "64" || child.words.starts_with("io_uring_setup: Operation not permitted") ||
           child.words.starts_with("io_uring_setup: Function not implemented")));
}

TEST_CASE("a filter that forbids rings of buffers leaves io_uring, whose receives wait before they lease") {
    auto const child = run_in_child([]() -> std::string {
        refuse_when_larger(SYS_io_uring_register, 1, IORING_REGISTER_PBUF_RING - 1, EPERM);
        buffer_pool_options few;
        few.blocks = 16;
        buffer_pool pool{few};
        runtime rt{[] {
            runtime_options options;
            options.workers = 1;
            return options;
        }()};
        auto const text = rt.block_on(
            [](buffer_pool& from) -> task<std::string> {
                int numbers[2];
                if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers) != 0) co_return "no sockets";
                socket_pair const ends{io::fd{numbers[0]}, io::fd{numbers[1]}};
                static_cast<void>(co_await io::send(ends.far.ref(), bytes_of("into a block")));
                auto const got = co_await io::recv_block(ends.near.ref(), from);
                co_return got ? text_of(got->content()) : got.error().message();
            },
            std::ref(pool));
        return std::string{io::name_of(rt.backend())} + ": " + rt.backend_refusal() + ": " + text;
    });
    CAPTURE(child.words);
    CHECK(child.well);
    CHECK((child.words == "io_uring: : into a block" || child.words.starts_with("epoll: io_uring_setup: ")));
}

TEST_CASE("a kernel without epoll_pwait2 waits by epoll_wait") {
    int const error = GENERATE(EPERM, ENOSYS);
    auto const child = run_in_child([&] {
        refuse_system_call(SYS_epoll_pwait2, error);
        return report(io::backend_choice::epoll);
    });
    CHECK(child.well);
    CHECK(child.words == "epoll: : echo");
}

TEST_CASE("a small limit on locked memory changes nothing that a program could see") {
    auto const child = run_in_child([] {
        rlimit const small{64 * 1024, 64 * 1024};
        ::setrlimit(RLIMIT_MEMLOCK, &small);
        return report(io::backend_choice::automatic, 4);
    });
    CAPTURE(child.words);
    CHECK(child.well);
    CHECK(child.words.ends_with(": echo"));
}

TEST_CASE("epoll that is asked for is no refusal") {
    auto const child = run_in_child([] { return report(io::backend_choice::epoll); });
    CHECK(child.words == "epoll: : echo");
}

TEST_CASE("the words for a backend") {
    CHECK(io::parse_backend("auto") == io::backend_choice::automatic);
    CHECK(io::parse_backend("io_uring") == io::backend_choice::io_uring);
    CHECK(io::parse_backend("epoll") == io::backend_choice::epoll);
    CHECK(io::parse_backend("auto-recv") == io::backend_choice::automatic.with_only(*io::all_but("recv")));
    CHECK(io::parse_backend("io_uring-recv-send") ==
          io::backend_choice::io_uring.with_only(*io::all_but("send") & *io::all_but("recv")));
    for (auto const word : {"", "AUTO", "epoll ", "kqueue", "uring", "epoll-recv", "io_uring-", "io_uring-x", "-recv",
                            "io_uring--recv", "io_uring-recv-"}) CHECK(!io::parse_backend(word).has_value());
    CHECK(io::name_of(io::backend::io_uring) == "io_uring");
    CHECK(io::name_of(io::backend::epoll) == "epoll");
}
