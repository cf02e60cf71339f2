// tests/gateway/model_service.cpp: which models there are, and what is said when the upstream does not say.
#include "fake_upstream.hpp"

#include <nlohmann/json.hpp>

#include <vector>

using namespace gateway_test;
using nlohmann::json;

namespace {

// A clock that stands still between two calls of `pass`.
weir::atomic<weir::clock::rep> now_in_ticks{0};
weir::time_point told_time() noexcept { return weir::time_point{weir::duration{now_in_ticks.load(weir::relaxed)}}; }
void pass(weir::duration length) { now_in_ticks.fetch_add(length.count(), weir::relaxed); } // between requests

gateway::model_options with_told_time() {
    gateway::model_options options;
    options.now = told_time;
    options.jitter = 0;
    options.time_to_live = 60s;
    options.unknown_time_to_live = 5s;
    options.stale_if_error = 600s;
    return options;
}

gateway::upstream_options once() {
    gateway::upstream_options options;
    options.attempts = 1;
    return options;
}

std::vector<std::string> ids(reply const& got) {
    auto const body = json::parse(got.body);
    std::vector<std::string> all;
    for (auto const& each : body["data"]) all.push_back(each["id"]);
    return all;
}

std::string code_of(reply const& got) { return json::parse(got.body)["error"]["code"].get<std::string>(); }

constexpr auto list = R"({"object":"list","data":[{"id":"a","object":"model","extra":[1]},{"id":"weir-ngram-384","owned_by":"x"}]})";

} // namespace

TEST_CASE("the upstream's models stand behind our own, which hide theirs, and keep fields that we do not know") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view) { return list; };
    caller one{on.at};
    auto const got = one.ask(get("/v1/models"));
    CHECK(got.status == 200);
    CHECK(got.header("Content-Type") == "application/json");
    CHECK(ids(got) == std::vector<std::string>{"weir-ngram-384", "a"});
    CHECK(json::parse(got.body)["data"][0]["owned_by"] == "weir");
    CHECK(json::parse(got.body)["data"][1]["extra"] == json{1});
    CHECK(on.behind.last().find("\nAuthorization: Bearer sk-upstream\n") != std::string::npos);
}

TEST_CASE("callers share one request to the upstream, and what it brings until its time is over") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view) { return list; };
    {
        std::vector<std::unique_ptr<caller>> all;
        for (int i = 0; i < 10; ++i) all.push_back(std::make_unique<caller>(on.at));
        for (auto& each : all) CHECK(each->send(get("/v1/models")));
        for (auto& each : all) CHECK(each->receive().status == 200);
    }
    CHECK(on.behind.requests.load(weir::relaxed) == 1);
    CHECK(on.models.figures().joins + on.models.figures().hits == 9);
    caller one{on.at};
    pass(59s);
    CHECK(one.ask(get("/v1/models")).status == 200);
    CHECK(on.behind.requests.load(weir::relaxed) == 1);
    pass(2s);
    on.behind.models = [](std::string_view) { return R"({"data":[{"id":"b"}]})"; };
    CHECK(ids(one.ask(get("/v1/models"))) == std::vector<std::string>{"weir-ngram-384", "b"});
    CHECK(on.behind.requests.load(weir::relaxed) == 2);
}

TEST_CASE("what is kept stands in for an upstream that fails, for so long") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view) { return list; };
    caller one{on.at};
    CHECK(one.ask(get("/v1/models")).status == 200);
    pass(61s);
    for (int const status : {500, 503, 401, 404}) {
        on.behind.models_status.store(status, weir::relaxed); // before the request
        CHECK(ids(one.ask(get("/v1/models"))).size() == 2);
    }
    on.behind.models_status.store(200, weir::relaxed); // the same
    on.behind.models = [](std::string_view) { return "<p>welcome to our hotel"; };
    CHECK(ids(one.ask(get("/v1/models"))).size() == 2);
    CHECK(on.behind.requests.load(weir::relaxed) == 6);
    pass(700s);
    auto const got = one.ask(get("/v1/models"));
    CHECK(got.status == 502);
    CHECK(code_of(got) == "bad_gateway");
    CHECK(got.body.find("hotel") == std::string::npos);
    on.behind.models_status.store(503, weir::relaxed); // before the request
    auto const busy = one.ask(get("/v1/models"));
    CHECK(busy.status == 503);
    CHECK(busy.header("Retry-After") == "1");
}

TEST_CASE("an upstream that is away with nothing kept is a bad gateway") {
    auto options = once();
    {
        auto const closed = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
        options.url = "http://" + closed.local().value().to_string();
    }
    stage on{options, with_told_time()};
    caller one{on.at};
    for (auto const* path : {"/v1/models", "/v1/models/a"}) {
        auto const got = one.ask(get(path));
        CHECK(got.status == 502);
        CHECK(code_of(got) == "bad_gateway");
    }
    CHECK(one.ask(get("/v1/models/weir-ngram-384")).status == 200); // which is our own
}

TEST_CASE("one model is our own, or the upstream's under the name that was asked for") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view path) { return R"({"id":")" + std::string{path} + R"(","x":1})"; };
    caller one{on.at};
    auto const own = one.ask(get("/v1/models/weir%2Dngram-384"));
    CHECK(json::parse(own.body)["owned_by"] == "weir");
    CHECK(on.behind.requests.load(weir::relaxed) == 0);
    for (int i = 0; i < 2; ++i) {
        auto const theirs = one.ask(get("/v1/models/org%2Fmodel"));
        CHECK(json::parse(theirs.body) == json{{"id", "/v1/models/org%2Fmodel"}, {"x", 1}});
    }
    CHECK(on.behind.requests.load(weir::relaxed) == 1);
}

TEST_CASE("a name that could lead elsewhere on the upstream is never asked for") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view) { return R"({"id":"x"})"; };
    caller one{on.at};
    for (auto const* name : {"..", ".", "%2e%2E", "..%2Fkeys", "a%2F..%2F..%2Fkeys", "a%5C..%5Ckeys", "a%2F.", "%zz", "a%2"}) {
        CAPTURE(name);
        auto const got = one.ask(get("/v1/models/" + std::string{name}));
        CHECK(got.status == 404);
        CHECK(code_of(got) == "model_not_found");
    }
    CHECK(on.behind.requests.load(weir::relaxed) == 0);
}

TEST_CASE("that the upstream knows no such model is kept for a shorter time, and counts for more than an older answer") {
    stage on{once(), with_told_time()};
    on.behind.models = [](std::string_view) { return R"({"id":"x"})"; };
    on.behind.models_status.store(404, weir::relaxed); // before the request
    caller one{on.at};
    for (int i = 0; i < 3; ++i) CHECK(code_of(one.ask(get("/v1/models/new"))) == "model_not_found");
    CHECK(on.behind.requests.load(weir::relaxed) == 1);
    pass(5s);
    on.behind.models_status.store(200, weir::relaxed); // the same
    CHECK(one.ask(get("/v1/models/new")).status == 200);
    CHECK(on.behind.requests.load(weir::relaxed) == 2);
    pass(61s);
    on.behind.models_status.store(404, weir::relaxed); // the same
    CHECK(one.ask(get("/v1/models/new")).status == 404);
}

TEST_CASE("without an upstream there are the models that are built in") {
    std::unique_ptr<gateway::model_service> models;
    http::router<http::handler> routes;
    routes.add("GET", "/v1/models", [&](http::exchange& one) { return models->list(one); });
    routes.add("GET", "/v1/models/{id}", [&](http::exchange& one) { return models->retrieve(one); });
    serving at{http::server_options{}, 1, [&](http::exchange& one) -> weir::task<> {
        auto const found = routes.find(one.request.method(), one.request.path());
        one.parameters = found.parameters;
        co_await (*found.handler)(one);
    }};
    std::vector<gateway::model_card> const own{gateway::embedding_model_card(), gateway::echo_model_card()};
    models = std::make_unique<gateway::model_service>(at.runtime().get_executor(), own);
    {
        caller one{at};
        CHECK(ids(one.ask(get("/v1/models"))) == std::vector<std::string>{"weir-ngram-384", "weir-echo"});
        CHECK(json::parse(one.ask(get("/v1/models/weir-echo")).body)["object"] == "model");
        CHECK(one.ask(get("/v1/models/gpt")).status == 404);
    }
    at.end();
    at.runtime().block_on([](gateway::model_service* of) { return of->close(); }, models.get());
}
