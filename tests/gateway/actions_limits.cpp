// tests/gateway/actions_limits.cpp: scripts that never end or want everything are stopped, and their thread serves on.
// Built where CMake finds QuickJS.
#if defined(WEIR_GATEWAY_ACTIONS)

#include "actions_support.hpp"
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace gateway::test;
using namespace std::chrono_literals;
using gateway::actions_options;
using gateway::verdict;
using weir::test::sanitized;

namespace {

// Runs the body of an (async) function for a POST and answers {x-got: "ok"} to a GET.
std::string for_posts(std::string const& body, std::string const& kind = "function") {
    return "export default " + kind + " (request) { if (request.method === 'POST') {" + body +
           "} return { response: { 'x-got': 'ok' } }; }";
}

// At some time, for on a busy machine even a short script may meet a short deadline.
bool serves_on(acting& one) {
    for (int n = 0; n < 50; ++n)
        if (got(one.ask()) == "ok") return true;
    return false;
}

std::string figure(weir::registry const& of, std::string const& name) {
    std::string text;
    of.write(text);
    auto const at = text.find("\n" + name + " ");
    return at == text.npos ? "none" : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
}

} // namespace

TEST_CASE("a script that never ends is answered with 503 at its deadline, and its thread serves the next request") {
    weir::test::watchdog const watched{100};
    char const* const endless[] = {
        "while (true) {}",
        "for (;;) { try { for (;;); } catch (e) {} finally { for (;;); } }",
        "function f() { try { f(); } finally { f(); } } f();",
        "/(a+)+$/.test('a'.repeat(40) + 'b');",
        "for (;;) { try { /(a+)+$/.test('a'.repeat(40) + 'b'); } catch {} }",
        "[3, 2, 1].sort(() => { for (;;); });",
        "JSON.stringify({ toJSON() { for (;;); } });",
        "for (;;) { try { JSON.parse('[1]', () => { for (;;); }); } catch {} }",
        "return { get reject() { for (;;); } };",
        // Here an interrupt becomes a promise's rejection, and the next one too.
        "(async () => { for (;;); })();",
        "for (;;) { try { new Promise(() => { for (;;); }); } catch {} }",
        "for (;;) { try { (async () => { for (;;); })(); } catch {} }",
        "for (;;) { try { (async () => { for (;;) { new Promise(() => { for (;;); }); } })(); } catch {} }",
        "const next = () => Promise.resolve().then(next); next();",
        "Promise.resolve().then(() => { for (;;); }).catch(() => { for (;;); }).finally(() => { for (;;); });",
        "const again = () => Promise.resolve().then(() => { for (;;); }).catch(again); again();",
    };
    for (auto const what : endless) {
        for (auto const kind : {"function", "async function"}) {
            INFO(kind << ": " << what);
            actions_options options;
            options.threads = 1;
            acting one{{for_posts(what, kind)}, options};
            auto least = weir::duration::max(); // the machine may be busy with others: what counts is how soon it can be
            for (int n = 0; n < 3; ++n) {
                auto const begun = weir::clock::now();
                auto const said = one.ask(request{"POST /"});
                least = std::min(least, weir::clock::now() - begun);
                CHECK(said.status == 503);
                CHECK(said.code == "action_timeout");
                CHECK(serves_on(one));
            }
            CHECK(least >= 50ms);
            CHECK(least < (sanitized ? 1000ms : 200ms));
            CHECK(one.get().engines().discarded >= 3);
            CHECK(one.get().threads().started == 1);
            CHECK(one.take_log().at(0).text == "it was interrupted");
        }
    }
}

TEST_CASE("the deadline is one for all scripts of a request") {
    weir::test::watchdog const watched{60};
    std::string const slow = "export default () => { const end = Date.now() + 300; while (Date.now() < end); };";
    acting both{{slow, slow}};
    CHECK(both.ask().allowed());
    actions_options hurried = acting::one_thread();
    hurried.deadline = 400ms;
    acting two{{slow, slow}, hurried};
    CHECK(two.ask().code == "action_timeout");
}

TEST_CASE("a script that allocates without end is answered with 503, and the next request has a new engine") {
    weir::test::watchdog const watched{60};
    for (auto const what : {
             "const all = []; for (;;) all.push(new Array(100).fill(1));",
             "const all = []; for (;;) { try { for (;;) all.push([1]); } catch {} }", // and cannot catch that
             "const all = []; for (;;) new Promise(() => { for (;;) all.push([1]); });",
             "const all = []; const f = () => { try { null.x; } catch (e) { all.push(e); f(); } };"
             "for (;;) { try { f(); } catch {} }",
             "let all = ['x']; for (;;) all = all.concat(all);",
             "const all = new Map(); for (let n = 0;; ++n) all.set(n, 'x' + n);",
             "let text = 'x'; for (;;) text = [text, text].join('');",
             "new Array(1e9).fill(0);",
             "console.log({ toJSON() { const all = []; for (;;) all.push([1]); } });",
             "throw { toString() { const all = []; for (;;) all.push([1]); } };",
             "return { get reject() { const all = []; for (;;) all.push([1]); } };",
         }) {
        INFO(what);
        acting one{{for_posts(what)}};
        for (std::uint64_t n = 1; n <= 3; ++n) {
            auto const said = one.ask(request{"POST /"});
            CHECK(said.status == 503);
            CHECK(said.code == "action_memory");
            CHECK(got(one.ask()) == "ok");
            CHECK(one.get().engines().discarded == n);
        }
        CHECK(one.take_log().at(0).text == "it wants more memory than it may have");
    }
}

TEST_CASE("a body that is larger than the engine's memory is a 503") {
    actions_options options = acting::one_thread();
    options.memory = gateway::vm::least_memory;
    acting one{{for_posts("request.text.length;")}, options};
    CHECK(one.ask(request{"POST /", "", std::string(300'000, 'x')}).code == "action_memory");
    CHECK(got(one.ask(request{"POST /", "", "x"})) == "ok");
    acting parsing{{for_posts("request.json;")}, options};
    std::string numbers = "[0";
    for (int n = 1; n < 50'000; ++n) numbers += ",1";
    CHECK(parsing.ask(request{"POST /", "", numbers + "]"}).code == "action_memory");
}

TEST_CASE("a recursion without end is an error that a script may catch") {
    acting one{{for_posts("function f() { return 1 + f(); } f();")}};
    CHECK(one.ask(request{"POST /"}).code == "action_failed");
    CHECK(one.take_log().at(0).text.ends_with("InternalError: stack overflow"));
    acting caught{{for_posts("function f() { return 1 + f(); } try { f(); } catch {}")}};
    CHECK(got(caught.ask(request{"POST /"})) == "ok");
    CHECK(got(caught.ask()) == "ok");
    CHECK(caught.get().engines().reused == 1);
}

TEST_CASE("when all threads are busy and the queue is full, who comes is told so at once") {
    weir::test::watchdog const watched{60};
    actions_options options = acting::one_thread();
    options.queue_limit = 1;
    options.deadline = 500ms;
    acting one{{for_posts("for (;;);")}, options};
    request const endless{"POST /"};
    std::atomic<int> timeouts{0};
    auto const wait_for = [&](std::size_t queued) {
        while (one.get().threads().threads == 0 || one.get().threads().queued != queued) std::this_thread::yield();
    };
    std::thread first{[&] { timeouts += one.ask(endless).code == "action_timeout"; }};
    wait_for(0);
    std::thread second{[&] { timeouts += one.ask(endless).code == "action_timeout"; }};
    wait_for(1);
    auto const begun = weir::clock::now();
    auto const said = one.ask();
    CHECK(weir::clock::now() - begun < 400ms);
    CHECK(said.status == 503);
    CHECK(said.code == "overloaded");
    CHECK(said.message.find("busy with the actions of other requests") != std::string::npos);
    first.join();
    second.join();
    CHECK(timeouts == 2);
    CHECK(serves_on(one));
    CHECK(one.get().threads().refused == 1);
}

TEST_CASE("a request that is given up interrupts its scripts") {
    weir::test::watchdog const watched{60};
    actions_options options = acting::one_thread();
    options.deadline = 1h;
    acting one{{for_posts("console.log('begun'); for (;;);")}, options};
    request const endless{"POST /"};
    weir::stop_source stop;
    std::thread stopper{[&] {
        while (one.get().threads().threads == 0 || one.get().threads().queued != 0) std::this_thread::yield();
        std::this_thread::sleep_for(5ms);
        stop.request_stop();
    }};
    auto const ask = [](gateway::actions& of, gateway::request_view seen, weir::stop_token token)
        -> weir::task<weir::result<verdict>> {
        weir::context const narrower = (co_await weir::this_task()).with_stop(token);
        co_await weir::use_context(narrower);
        co_return co_await of.run(seen);
    };
    auto const said = weir::sync_wait(ask(one.get(), endless.view(), stop.token()));
    stopper.join();
    REQUIRE_FALSE(said.has_value());
    CHECK(said.error() == weir::errc::cancelled);
    CHECK(got(one.ask()) == "ok");
}

TEST_CASE("many requests on several threads each get their own answer, from few engines") {
    weir::test::watchdog const watched{100};
    actions_options options;
    options.threads = 3;
    options.deadline = 20s;
    acting one{{"export default async (request) => { globalThis.mine = request.text; await null;"
                " return { request: { 'x-mine': globalThis.mine } }; };",
                "export default (request) => { globalThis.other = [request.text];"
                " return { response: { 'x-got': request.headers['x-mine'] + globalThis.other[0] } }; };"},
               options};
    auto const each = weir::test::scaled(1000);
    std::atomic<int> wrong{0};
    std::vector<std::thread> clients;
    for (int client = 0; client < 4; ++client)
        clients.emplace_back([&, client] {
            for (std::size_t n = 0; n < each; ++n) {
                auto const text = std::to_string(client) + ":" + std::to_string(n);
                wrong += got(one.ask(request{"POST /", "", text})) != text + text;
            }
        });
    for (auto& client : clients) client.join();
    CHECK(wrong == 0);
    auto const engines = one.get().engines();
    CHECK(engines.made <= 3);
    CHECK(engines.reused == 4 * each - engines.made);
    CHECK(engines.discarded == 0);
}

TEST_CASE("the figures tell what the actions did") {
    weir::registry numbers;
    actions_options options = acting::one_thread();
    options.deadline = 500ms;
    acting one{{for_posts("for (;;);"),
                giving("request.path === '/no' ? { reject: { status: 403, message: 'no' } } : undefined")},
               options};
    auto const kept = one.get().register_metrics(numbers);
    for (int n = 0; n < 5; ++n) one.ask();
    one.ask(request{"GET /no"});
    one.ask(request{"POST /"});
    CHECK(figure(numbers, "gateway_actions_seconds_count") == "7");
    CHECK(figure(numbers, "gateway_actions_refused_total") == "2");
    CHECK(figure(numbers, "gateway_actions_failed_total") == "1");
    CHECK(figure(numbers, "gateway_actions_interrupted_total") == "1");
    CHECK(figure(numbers, "gateway_actions_overloaded_total") == "0");
    CHECK(figure(numbers, "gateway_actions_engines_made_total") == "1");
    CHECK(figure(numbers, "gateway_actions_engines_reused_total") == "6");
    CHECK(figure(numbers, "gateway_actions_engines_discarded_total") == "1");
    CHECK(figure(numbers, "gateway_actions_threads") == "1");
    CHECK(figure(numbers, "gateway_actions_queued") == "0");
    CHECK(std::stod(figure(numbers, "gateway_actions_seconds{quantile=\"0.99\"}")) > 0.49);
    CHECK(std::stod(figure(numbers, "gateway_actions_seconds{quantile=\"0.5\"}")) < 0.49);
}

TEST_CASE("an option that makes no sense is named") {
    auto const refused = [](auto change) {
        actions_options options;
        change(options);
        try {
            gateway::actions const unexpected{options};
        } catch (std::invalid_argument const& error) { return std::string{error.what()}; }
        return std::string{};
    };
    CHECK(refused([](actions_options& o) { o.deadline = 0ms; }) == "actions: the deadline must be longer than nothing");
    CHECK(refused([](actions_options& o) { o.memory = 1; }).starts_with("actions: the memory of an engine must be"));
    CHECK(refused([](actions_options& o) { o.threads = 0; }) == "actions: there must be at least one thread");
    CHECK(refused([](actions_options&) {}).empty());
}

TEST_CASE("without scripts every request passes, and there is no thread") {
    acting none{{}};
    CHECK(none.ask().allowed());
    CHECK(none.get().threads().started == 0);
}

#endif
