// examples/9_asio.cpp: tasks, a coalescer, a lock and timers on the threads of a program that runs on Boost.Asio.
// One idea: of a foreign runtime weir asks one function, `post`. Its timers need a tick, and a oneshot turns a callback
// into something to await.
#include <weir/channel/oneshot.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/timer/timeout.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// The adapter. A job lies in the frame of who waits, so a handler is one pointer; its memory Asio uses again and again.
class asio_executor final : public weir::executor {
public:
    explicit asio_executor(asio::io_context& threads) noexcept : threads_{threads} {}
    void post(weir::job& work) noexcept override {
        asio::post(threads_, [&work] {
            weir::resume_loop loop;
            loop.run([&work] { work.run(); });
        });
    }

private:
    asio::io_context& threads_;
};

// A wheel has no clock of its own: a timer of Asio's turns it every millisecond, which is then its precision.
void turn(weir::timer_wheel& wheel, asio::steady_timer& tick) {
    tick.expires_after(1ms);
    tick.async_wait([&](boost::system::error_code stopped) {
        if (stopped) return;
        wheel.advance(weir::clock::now());
        turn(wheel, tick);
    });
}

// Runs `fn`, a task, on another executor, and comes back.
template <class F>
weir::task<> run_on(weir::executor_ref there, F fn) {
    weir::context elsewhere = co_await weir::this_task();
    elsewhere.executor = there;
    weir::scope children{elsewhere};
    children.spawn(std::move(fn));
    co_await weir::scope::join(children); // ends on one of their threads
    co_await weir::yield();               // and this is posted to our own executor
    children.rethrow_first();
}

// Awaits an operation of Asio's: the handler sends what the task receives, or after a stop finds nobody to send to.
weir::task<weir::result<std::string>> load(asio::io_context& threads, std::string const& path) {
    asio::steady_timer disk{threads, 200ms};
    auto [sender, answer] = weir::oneshot<std::string>();
    disk.async_wait([reply = std::move(sender), path](boost::system::error_code) mutable {
        static_cast<void>(reply.send("the page of " + path));
    });
    co_return co_await answer.recv();
}

} // namespace

int main() {
    asio::io_context threads;
    asio_executor executor{threads};
    weir::timer_wheel wheel{weir::clock::now()};
    asio::steady_timer tick{threads};
    turn(wheel, tick);
    auto const serve = [&] {
        weir::frame_pool_guard const frames; // without it frames come from malloc
        weir::current_guard<weir::timer_wheel> const timers{&wheel};
        threads.run();
    };
    std::thread first{serve};
    std::thread second{serve};

    weir::coalescer<std::string, std::string> pages{[&](std::string const& path) { return load(threads, path); }};
    weir::mutex lock;
    int served = 0; // guarded by lock
    auto const visitor = [&]() -> weir::task<> {
        auto const page = co_await pages.get("/");
        auto const held = co_await lock.lock();
        served += page && **page == "the page of /";
    };
    auto const visitors = [&](weir::scope& all) -> weir::task<> {
        for (int n = 0; n < 8; ++n) all.spawn(visitor);
        co_return;
    };
    weir::sync_wait(run_on(executor, [&]() -> weir::task<> {
        co_await weir::in_scope(visitors);
        std::printf("%d visitors served, pages loaded: %d\n", served, static_cast<int>(pages.figures().leads));
        auto const page = co_await weir::timeout(pages.get("/"), 20ms);
        std::printf("one who waits for 20 ms: %s\n", page ? "served" : page.error().message().c_str());
        co_await pages.close();
    }));
    threads.stop();
    first.join();
    second.join();
}
