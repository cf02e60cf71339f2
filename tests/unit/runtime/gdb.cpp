// tests/unit/runtime/gdb.cpp: the debugger's command walks from a coroutine to those who await it.
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

using namespace weir;

// With names that a debugger and a test can spell.
namespace debugged {

void* volatile suspended = nullptr; // the handle of a coroutine that waits

[[gnu::noinline]] void stop_here() { asm volatile(""); }
[[gnu::noinline]] task<> innermost() {
    co_await yield(); // so that the worker resumes it, and not who awaits it
    stop_here();
}
[[gnu::noinline]] task<> between() { co_await innermost(); }
[[gnu::noinline]] task<> outermost() { co_await between(); }

class note_handle {
public:
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> self) const noexcept {
        suspended = self.address();
        return false;
    }
    void await_resume() const noexcept {}
};
[[gnu::noinline]] task<> waits() {
    co_await note_handle{};
    co_await outermost();
}

} // namespace debugged

// What gdb runs.
TEST_CASE("the program that the debugger stops", "[.gdb]") {
    runtime_options options;
    options.workers = 1;
    runtime rt{options};
    rt.block_on(debugged::waits);
    CHECK(debugged::suspended != nullptr);
}

namespace {

std::string output_of(std::string const& command) {
    struct closer {
        void operator()(std::FILE* pipe) const noexcept { ::pclose(pipe); }
    };
    std::unique_ptr<std::FILE, closer> const pipe{::popen(command.c_str(), "r")};
    REQUIRE(pipe);
    std::string text;
    char piece[4096];
    while (auto const size = std::fread(piece, 1, sizeof piece, pipe.get())) text.append(piece, size);
    return text;
}

} // namespace

TEST_CASE("gdb names a coroutine and its awaiters in their order, from a stack and from a handle") {
    test::watchdog const watched{60};
    if (test::sanitized) SKIP("a sanitizer does not run under a debugger");
    if (output_of("gdb -batch -nx -ex 'python print(6 * 7)' 2>&1").find("42") == std::string::npos)
        SKIP("gdb with Python is not installed: scripts/gdb/weir.py is not tested");
    auto const script = std::filesystem::absolute(__FILE__).parent_path() / "../../../scripts/gdb/weir.py";
    REQUIRE(std::filesystem::exists(script));
    auto const program = std::filesystem::read_symlink("/proc/self/exe").string();
    auto const text = output_of("gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'source " + script.string() +
                                "' -ex 'break debugged::stop_here' -ex run"
                                " -ex 'weir chain' -ex 'echo --- by its handle\\n'"
                                " -ex \"weir chain *(unsigned long*)&'debugged::suspended'\" -ex 'echo --- elsewhere\\n'"
                                " -ex 'weir chain 16' -ex kill --args '" + program + "' '[.gdb]' 2>&1");
    INFO(text);
    if (text.find("ptrace") != std::string::npos) SKIP("a process may not be traced here");
    auto const by_handle = text.find("--- by its handle");
    auto const elsewhere = text.find("--- elsewhere");
    REQUIRE(by_handle != text.npos);
    REQUIRE(elsewhere != text.npos);
    auto const first = text.substr(0, by_handle);
    std::size_t at = 0;
    for (auto const* const name : {"#0 ", "debugged::innermost", "#1 ", "debugged::between", "#2 ", "debugged::outermost",
                                   "#3 ", "debugged::waits"}) {
        INFO(name);
        at = first.find(name, at);
        REQUIRE(at != first.npos);
    }
    auto const second = text.substr(by_handle, elsewhere - by_handle);
    CHECK_THAT(second, Catch::Matchers::ContainsSubstring("debugged::waits"));
    CHECK(second.find("#0 ") < second.find("debugged::waits"));
    CHECK(second.find("debugged::innermost") == second.npos); // it awaits; it is not awaited by it
    CHECK_THAT(text.substr(elsewhere), Catch::Matchers::ContainsSubstring("there is no coroutine at 0x10"));
}
