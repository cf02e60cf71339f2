// tests/gateway/actions.cpp: what scripts see of a request, what they may say about it, and what becomes of their errors.
// Built where CMake finds QuickJS.
#if defined(WEIR_GATEWAY_ACTIONS)

#include "actions_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <stdexcept>

using namespace gateway::test;
using gateway::verdict;

namespace {

// What the constructor of actions says.
std::string refusal(std::vector<std::string> const& sources) {
    try {
        acting const unexpected{sources};
    } catch (std::runtime_error const& error) { return error.what(); }
    return {};
}

std::string text_of(std::vector<gateway::header> const& headers) {
    std::string text;
    for (auto const& each : headers) text += each.name + "=" + each.value + ";";
    return text;
}

} // namespace

TEST_CASE("a script sees the request: its line, headers, body, peer and the name of the key") {
    request const post{"POST /v1/x?a=b", "X-One: 1\r\nAccept: a\r\nAccept:  b \r\n", "{\"n\": [1, 2]}"};
    auto view = post.view();
    view.peer = "10.0.0.1:99";
    auto const see = [&](char const* what) {
        acting one{{telling(what)}};
        return got(one.ask(view));
    };
    CHECK(see("[request.method, request.path, request.query, request.peer, request.key]") ==
          "POST,/v1/x,a=b,10.0.0.1:99,");
    CHECK(see("request.key === null") == "true");
    CHECK(see("request.headers['x-one'] + request.headers.accept + request.headers.toString") == "1a, bundefined");
    CHECK(see("request.text") == "{\"n\": [1, 2]}");
    CHECK(see("request.json.n[1]") == "2");
    CHECK(see("request.json === request.json && request.text === request.text") == "true");
    view.key = "team-blue";
    CHECK(see("request.key") == "team-blue");
}

TEST_CASE("a body that is no JSON is undefined as JSON, and no error") {
    acting one{{telling("request.json")}};
    CHECK(got(one.ask()) == "undefined");
    for (std::string const body : {"{\"a\":", "nothing", "[1] 2", "\xff", "{'a': 1}"})
        CHECK(got(one.ask(request{"POST /", "", body})) == "undefined");
    CHECK(got(one.ask(request{"POST /", "", std::string(300'000, '[')})) == "undefined");
    CHECK(got(one.ask(request{"POST /", "", "null"})) == "null");
    CHECK(one.get().engines().made == 1);
}

TEST_CASE("a header whose name means something to JavaScript is a header like others") {
    acting one{{telling("request.headers['__proto__'] + request.headers.constructor")}};
    CHECK(got(one.ask(request{"GET /", "__proto__: p\r\nConstructor: c\r\n"})) == "pc");
}

TEST_CASE("a script that says nothing lets the request pass, and one may refuse it") {
    acting silent{{giving("undefined")}};
    CHECK(silent.ask().allowed());
    acting refusing{{giving("{ reject: { status: 403, code: 'not_yours', message: 'for the team only' } }")}};
    auto const said = refusing.ask();
    CHECK(said.status == 403);
    CHECK(said.code == "not_yours");
    CHECK(said.message == "for the team only");
    CHECK(refusing.take_log().empty());
    acting short_one{{giving("{ reject: { status: 429, message: 'later' }, response: { 'Retry-After': '3' } }")}};
    CHECK(short_one.ask().code == "rejected");
    CHECK(text_of(short_one.ask().response_headers) == "retry-after=3;");
}

TEST_CASE("scripts run in their order: headers add up, a later one sees them, and the first refusal is the last word") {
    acting three{{
        giving("{ request: { 'X-Team': 'blue', 'x-a': '1' }, response: { 'x-r': 'first' } }"),
        giving("{ request: { 'x-a': request.headers['x-a'] + '2' }, response: { 'x-r': request.headers['x-team'] } }"),
        giving("request.path === '/no' ? { reject: { status: 400, message: 'no' } } : undefined"),
        giving("request.path === '/no' ? notReached() : { response: { 'x-last': '' } }"),
    }};
    request const spoofing{"GET /", "X-Team: red\r\n"}; // what the client says of itself does not count
    auto const said = three.ask(spoofing);
    CHECK(said.allowed());
    CHECK(text_of(said.request_headers) == "x-team=blue;x-a=12;");
    CHECK(text_of(said.response_headers) == "x-r=blue;x-last=;");
    auto const refused = three.ask(request{"GET /no"});
    CHECK(refused.status == 400);
    CHECK(refused.message == "no");
    CHECK(three.take_log().empty());
}

TEST_CASE("an answer that cannot be done is refused with the name of what is wrong, and nobody passes") {
    struct sample {
        char const* answer;
        char const* why;
    };
    sample const samples[] = {
        {"true", "what an action returns must be an object"},
        {"null", "what an action returns must be an object"},
        {"[]", "what an action returns must be an object"},
        {"{ rejct: {} }", "an answer has no part \"rejct\""},
        {"{ reject: {} }", "\"reject.status\" is missing"},
        {"{ reject: { status: 403 } }", "\"reject.message\" is missing"},
        {"{ reject: { status: 200, message: 'x' } }", "\"reject.status\" must be a whole number from 400 to 599"},
        {"{ reject: { status: 600, message: 'x' } }", "\"reject.status\" must be a whole number"},
        {"{ reject: { status: 403.5, message: 'x' } }", "\"reject.status\" must be a whole number"},
        {"{ reject: { status: NaN, message: 'x' } }", "\"reject.status\" must be a whole number"},
        {"{ reject: { status: '403', message: 'x' } }", "\"reject.status\" must be a whole number"},
        {"{ reject: { status: 403, message: 5 } }", "\"reject.message\" must be a string"},
        {"{ reject: { status: 403, message: 'x', code: 'a b' } }", "\"reject.code\" must be 1 to 64"},
        {"{ reject: { status: 403, message: 'x', reason: 'y' } }", "\"reject\" has no part \"reason\""},
        {"{ reject: { status: 403, message: 'x'.repeat(1025) } }", "\"reject.message\" is longer than 1024 bytes"},
        {"{ response: { 'x-a': 'one\\r\\nx-b: two' } }", "the response's header \"x-a\" has a value with a line break"},
        {"{ request: { 'x-a': 'one\\0' } }", "the request's header \"x-a\" has a value with a line break"},
        {"{ request: { 'x a': '' } }", "the request's header \"x a\" has a name that no header can have"},
        {"{ request: { 'x\\r\\na': '' } }", "the request's header \"x??a\" has a name"},
        {"{ request: { '': '' } }", "the request's header \"\" has a name"},
        {"{ request: { 'x-a': 5 } }", "the request's header \"x-a\" must be a string"},
        {"{ response: { 'Content-Length': '5' } }", "the response's header \"Content-Length\" is the server's own"},
        {"{ request: { 'Transfer-Encoding': 'x' } }", "the request's header \"Transfer-Encoding\" is the server's own"},
        {"{ response: ['x'] }", "\"response\" must be an object"},
        {"{ response: { 'x-a': 'y'.repeat(4097) } }", "the response's header \"x-a\" is longer than 4096 bytes"},
        {"{ response: Object.fromEntries(Array(65).fill(0).map((_, n) => ['x' + n, ''])) }", "more than 64 headers"},
    };
    for (auto const& [answer, why] : samples) {
        acting one{{giving(answer)}};
        auto const said = one.ask();
        CHECK(said.status == 500);
        CHECK(said.code == "action_failed");
        CHECK(said.response_headers.empty()); // an answer counts whole or not at all
        auto const log = one.take_log();
        REQUIRE(log.size() == 1);
        INFO(log[0].text);
        CHECK(log[0].failure);
        CHECK(log[0].text.starts_with(why));
    }
}

TEST_CASE("what is wrong with a script is told when it is loaded, with its place") {
    CHECK(refusal({giving("1"), "export default () => {\n  return 1 +;\n}"}).starts_with("2.js:2:13: SyntaxError: "));
    CHECK(refusal({"const wanted = 1;"}) == "1.js: it exports no function by default");
    CHECK(refusal({"export default 5;"}) == "1.js: it exports no function by default");
    CHECK(refusal({"\nconst a = null.x; export default () => {};"}).starts_with("1.js:2:15: TypeError: "));
    CHECK(refusal({"await new Promise(() => {}); export default () => {};"})
              .starts_with("1.js: its promise is never settled"));
    CHECK(refusal({"import fs from 'fs'; export default () => {};"}).find("could not load module") != std::string::npos);
    CHECK(refusal({"for (;;) {} export default () => {};"}) == "1.js: it was interrupted");
    CHECK_THROWS_AS(gateway::read_script("/nonexistent/policy.js"), std::runtime_error);
    CHECK(refusal({"const text = await Promise.resolve('ready'); export default () => {};"}).empty());
}

TEST_CASE("a script that throws is a 500 that tells the client nothing and the log its place") {
    acting one{{giving("undefined"), "export default (request) => {\n  let secret = null;\n  return secret.field;\n};"}};
    auto const said = one.ask();
    CHECK(said.status == 500);
    CHECK(said.code == "action_failed");
    CHECK(said.message == "an action of this server failed");
    auto const log = one.take_log();
    REQUIRE(log.size() == 1);
    CHECK(log[0].script == "2.js");
    CHECK(log[0].text == "2.js:3:16: TypeError: cannot read property 'field' of null");
    for (auto const what : {"'just text'", "undefined", "{ toString() { throw 1 } }", "new Error('a\\nb')"}) {
        acting other{{"export default () => { throw " + std::string{what} + "; };"}};
        CHECK(other.ask().status == 500);
        auto const lines = other.take_log();
        REQUIRE(lines.size() == 1);
        CHECK(lines[0].text.find('\n') == std::string::npos);
    }
}

TEST_CASE("async functions work, and a promise that fails or never settles is an error that says so") {
    auto const ask = [](char const* body) {
        acting one{{"export default async function (request) {" + std::string{body} + "}"}};
        auto const said = one.ask();
        auto const log = one.take_log();
        return said.allowed() ? got(said) : std::to_string(said.status) + " " + log.at(0).text;
    };
    CHECK(ask("const n = await Promise.all([1, (async () => { await null; return 2; })()]);"
              "return { response: { 'x-got': String(n) } };") == "1,2");
    CHECK(ask("for await (const n of (async function* () { yield 7; })()) return { response: { 'x-got': '' + n } };") ==
          "7");
    CHECK(ask("try { await Promise.reject(new Error('e')); }"
              "catch (e) { return { response: { 'x-got': e.message } }; }") == "e");
    CHECK(ask("await null; throw new TypeError('too bad');").ends_with("TypeError: too bad"));
    CHECK(ask("await new Promise(() => {});") == "500 its promise is never settled: it awaits what nobody resolves");
    // A check that nobody awaits would let everybody pass.
    CHECK(ask("(async () => { await null; throw new Error('forgotten'); })();").ends_with("Error: forgotten"));
    CHECK(ask("const p = Promise.reject(1); await null; p.catch(() => {});"
              "return { response: { 'x-got': 'ok' } };") == "ok");
}

TEST_CASE("what one request leaves behind no other sees, on the same engine") {
    acting one{{R"(
        let count = 0;
        const kept = [];
        export default function (request) {
            const seen = [typeof globalThis.secret, ({}).polluted, [].polluted, Array.prototype.map === globalThis.was,
                          JSON.stringify({a: 1}), ++count, kept.length, typeof Math.max, Symbol.for('s').description,
                          Object.isFrozen(Object.prototype), typeof Promise.prototype.then, /x/.polluted,
                          Object.getPrototypeOf(async () => {}).polluted, Object.getPrototypeOf([].values()).polluted,
                          console.log === globalThis.was, typeof console.secret].join();
            kept.push(request.text);
            globalThis.secret = request.text;
            globalThis.was = console.log;
            console.secret = 1;
            Object.prototype.polluted = Array.prototype.polluted = RegExp.prototype.polluted = request.text;
            Object.getPrototypeOf(async () => {}).polluted = Object.getPrototypeOf([].values()).polluted = 1;
            Array.prototype.map = null;
            JSON.stringify = () => request.text;
            delete Math.max;
            Promise.prototype.then = null;
            Object.freeze(Object.prototype);
            return { response: { 'x-got': seen } };
        })"}};
    auto const first = got(one.ask(request{"POST /", "", "secret"}));
    CHECK(first == "undefined,,,false,{\"a\":1},1,0,function,s,false,function,,,,false,undefined");
    for (int n = 0; n < 50; ++n) CHECK(got(one.ask(request{"POST /", "", "other"})) == first);
    CHECK(one.get().engines().made == 1);
    CHECK(one.get().engines().reused == 50);
}

TEST_CASE("a request is over when its jobs are, so that none of them meets the next one") {
    acting one{{R"(export default function (request) {
        let turns = 0;
        const step = () => { if (++turns < 100) return Promise.resolve().then(step); console.log('through'); };
        Promise.resolve().then(step);
    })"}};
    CHECK(one.ask().allowed());
    auto const log = one.take_log();
    REQUIRE(log.size() == 1);
    CHECK(log[0].text == "through");
    CHECK(one.ask().allowed());
    CHECK(one.get().engines().reused == 1);
}

TEST_CASE("a script has the language and console.log, and nothing that reaches outside") {
    acting one{{telling("[typeof std, typeof os, typeof print, typeof require, typeof fetch, typeof setTimeout,"
                        "typeof WeakRef]")}};
    CHECK(got(one.ask()) == "undefined,undefined,undefined,undefined,undefined,undefined,undefined");
    for (auto const what : {"eval('1')", "new Function('return 1')()", "(() => {}).constructor('return 1')()"}) {
        acting other{{giving(what)}};
        CHECK(other.ask().status == 500);
        CHECK(other.take_log().at(0).text.ends_with("TypeError: eval is not supported"));
    }
    acting dynamic{{"export default async () => { await import('os'); };"}};
    CHECK(dynamic.ask().status == 500);
    acting date{{telling("new Date(0).toISOString() + (Date.now() > 1e12)")}};
    CHECK(got(date.ask()) == "1970-01-01T00:00:00.000Ztrue");
}

TEST_CASE("what scripts print is logged in clean lines, a few of them") {
    acting one{{"export default () => { console.log('a\\nb', 1, {c: [2]}, null); console.log('x'.repeat(5000)); };"}};
    CHECK(one.ask().allowed());
    auto const log = one.take_log();
    REQUIRE(log.size() == 2);
    CHECK(log[0].script == "1.js");
    CHECK(log[0].text == "a b 1 {\"c\":[2]} null");
    CHECK_FALSE(log[0].failure);
    CHECK(log[1].text.size() == 1024);
    acting many{{"export default () => { for (let n = 0; n < 1000; ++n) console.log(n); };"}};
    CHECK(many.ask().allowed());
    auto const lines = many.take_log();
    REQUIRE(lines.size() == 17);
    CHECK(lines[15].text == "15");
    CHECK(lines[16].text == "and more, which is not shown");
}

TEST_CASE("the example of an action does what it says") {
    auto const here = std::filesystem::path{__FILE__}.parent_path();
    auto const example = gateway::read_script((here / "../../examples/gateway/actions/policy.js").string());
    acting one{{example.source}};
    CHECK(one.ask(request{"GET /"}).code == "no_user_agent");
    CHECK(text_of(one.ask(request{"GET /", "User-Agent: t\r\n"}).response_headers).empty());
    auto const ask = [&](std::string const& body, std::string_view key) {
        request const post{"POST /v1/embeddings", "User-Agent: t\r\nX-Team: spoofed\r\n", body};
        auto view = post.view();
        view.key = key;
        return one.ask(view);
    };
    CHECK(text_of(ask("{\"input\": [\"a\"]}", "blue").request_headers) == "x-team=blue;");
    CHECK(text_of(ask("no JSON", "").request_headers) == "x-team=nobody;");
    CHECK(text_of(ask("{}", "").response_headers) == "x-policy=1;");
    std::string many = "{\"input\": [0";
    for (int n = 0; n < 64; ++n) many += ",0";
    CHECK(ask(many + "]}", "blue").status == 413);
    CHECK(ask(many + "]}", "blue").message == "at most 64 texts in a request");
}

#endif
