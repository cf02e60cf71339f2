// tests/unit/net/resolve.cpp: names become addresses, once for all who ask at a time, and whoever leaves leaves alone.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/base/atomic.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/net/resolve.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using addresses = std::vector<net::address>;

namespace {

// A look-up that a test lets go.
atomic<int> calls{0};
atomic<int> running{0};
std::counting_semaphore<1000> may_answer{0};
net::name_query last{"", ""};

result<addresses> slow(net::name_query const& what) {
    running.fetch_add(1, acq_rel);
    may_answer.acquire();
    calls.fetch_add(1, acq_rel);
    running.fetch_sub(1, acq_rel);
    if (what.host == "nobody") return make_error_code(net::resolve_errc::unknown_name);
    return addresses{net::address::loopback_v4(7), net::address::loopback_v6(7)};
}
result<addresses> never_asked(net::name_query const&) { return errc::unsupported; }
result<addresses> remembers(net::name_query const& what) {
    last = what;
    return addresses{net::address::any_v4(1)};
}

task<> until_running(int count) {
    while (running.load(acquire) != count) static_cast<void>(co_await sleep_for(100us));
}
std::string text_of(result<addresses> const& found) {
    if (!found) return found.error().message();
    std::string all;
    for (auto const& each : *found) all += each.to_string() + ' ';
    return all;
}

} // namespace

TEST_CASE("localhost is found in the system's own list, with the service's port, and can be connected to") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        net::resolver names;
        for (std::string const service : {"80", "http"}) {
            auto const found = co_await names.resolve("localhost", service);
            INFO(text_of(found));
            REQUIRE(found.has_value());
            for (auto const& each : *found) {
                CHECK(each.port() == 80);
                bool const here = each == net::address::loopback_v4(80) || each == net::address::loopback_v6(80);
                CHECK(here);
                CHECK(std::count(found->begin(), found->end(), each) == 1);
            }
        }
        auto const four = co_await names.resolve(net::name_query{"LocalHost", "", AF_INET});
        CHECK(text_of(four) == "127.0.0.1:0 ");
        co_await names.close();
        auto const closed = co_await names.resolve("localhost", "80");
        CHECK(closed.error() == errc::closed);
    });
}

TEST_CASE("numbers are answered without a look-up, and those that are none with an error") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        net::resolver names{&never_asked};
        auto const four = co_await names.resolve("127.0.0.1", "80");
        CHECK(text_of(four) == "127.0.0.1:80 ");
        auto const six = co_await names.resolve("::1", "");
        CHECK(text_of(six) == "[::1]:0 ");
        auto const scoped = co_await names.resolve("fe80::1%lo", "1");
        CHECK(text_of(scoped) == "[fe80::1%1]:1 ");
        auto const mixed = co_await names.resolve(net::name_query{"::1", "1", AF_INET});
        CHECK(mixed.error() == net::resolve_errc::wrong_family);
        auto const high = co_await names.resolve("127.0.0.1", "65536");
        CHECK(high.error() == net::resolve_errc::unknown_service);
        auto const huge = co_await names.resolve("localhost", "99999999999999999999");
        CHECK(huge.error() == net::resolve_errc::unknown_service);
        auto const empty = co_await names.resolve("", "80");
        CHECK(empty.error() == net::resolve_errc::unknown_name);
        auto const cut = co_await names.resolve(std::string("127.0.0.1\0.evil", 15), "80");
        CHECK(cut.error() == net::resolve_errc::unknown_name);
        auto const cut_service = co_await names.resolve("localhost", std::string("80\0x", 4));
        CHECK(cut_service.error() == net::resolve_errc::unknown_service);
        CHECK(names.figures().leads == 0);
        auto const asked = co_await names.resolve("localhost", "80"); // else nothing above means anything
        CHECK(asked.error() == errc::unsupported);
        co_await names.close();
    });
}

TEST_CASE("what the system says is told in words") {
    auto const service = net::blocking_resolve(net::name_query{"localhost", "no_such_service"});
    CHECK(service.error() == net::resolve_errc::unknown_service);
    CHECK(service.error().message() == "unknown service");
    CHECK(std::string{service.error().category().name()} == "weir.resolve");
    auto const family = net::blocking_resolve(net::name_query{"localhost", "80", 12345});
    CHECK(family.error() == net::resolve_errc::unsupported_family);
    auto const number = net::blocking_resolve(net::name_query{"::1", "80", AF_INET});
    REQUIRE(!number.has_value());
    CHECK(!number.error().message().empty());
    CHECK(make_error_code(static_cast<net::resolve_errc>(EAI_BADFLAGS)).message() == ::gai_strerror(EAI_BADFLAGS));
}

TEST_CASE("all who ask for one name at a time share one call, in capitals or not, and others have their own") {
    backend_runtime rt{GENERATE("io_uring", "epoll"), GENERATE(1u, 2u)};
    calls.store(0, relaxed);
    auto const shared = rt->block_on([]() -> task<std::vector<std::string>> {
        net::resolver names{&slow};
        auto const let_go = []() -> task<> {
            co_await until_running(3);
            static_cast<void>(co_await sleep_for(5ms)); // the others have joined
            may_answer.release(3);
        };
        auto const all =
            co_await when_all(names.resolve("one", "7"), names.resolve("ONE", "7"), names.resolve("one", "7"),
                              names.resolve("one", "8"), names.resolve("nobody", "7"), let_go());
        std::vector<std::string> said{text_of(std::get<0>(all)), text_of(std::get<1>(all)), text_of(std::get<2>(all)),
                                      text_of(std::get<3>(all)), text_of(std::get<4>(all))};
        co_await names.close();
        co_return said;
    });
    std::string const both = "127.0.0.1:7 [::1]:7 ";
    CHECK(shared == std::vector<std::string>{both, both, both, both, "unknown host"});
    CHECK(calls.load(acquire) == 3);
}

TEST_CASE("who leaves goes at once, and the look-up goes on for the others") {
    backend_runtime rt{GENERATE("io_uring", "epoll"), GENERATE(1u, 2u)};
    calls.store(0, relaxed);
    auto const ended = rt->block_on([]() -> task<std::vector<std::string>> {
        net::resolver names{&slow};
        auto const leave = [](net::resolver& of) -> task<std::string> {
            auto const gone = co_await timeout(of.resolve("one", "7"), 10ms);
            may_answer.release(); // not before: who has left did not wait for it
            co_return text_of(gone);
        };
        auto const all = co_await when_all(leave(names), names.resolve("one", "7"));
        std::vector<std::string> said{std::get<0>(all), text_of(std::get<1>(all))};
        co_await names.close();
        co_return said;
    });
    CHECK(ended == std::vector<std::string>{"timed out", "127.0.0.1:7 [::1]:7 "});
    CHECK(calls.load(acquire) == 1);
}

TEST_CASE("when all have left, the call ends by itself before the resolver does") {
    backend_runtime rt{GENERATE("io_uring", "epoll"), GENERATE(1u, 2u)};
    calls.store(0, relaxed);
    rt->block_on([]() -> task<> {
        net::resolver names{&slow};
        auto const gone = co_await timeout(names.resolve("one", "7"), 5ms);
        if (gone.error() != errc::timed_out) std::abort();
        may_answer.release();
        co_await names.close();
    });
    CHECK(calls.load(acquire) == 1);
    CHECK(running.load(acquire) == 0);
}

TEST_CASE("a look-up is asked with what the caller has said") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        net::resolver names{&remembers};
        auto const found = co_await names.resolve(net::name_query{"Example", "https", AF_INET6});
        CHECK(text_of(found) == "0.0.0.0:1 ");
        co_await names.close();
    });
    CHECK(last == net::name_query{"example", "https", AF_INET6});
}
