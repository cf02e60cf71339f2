// tests/redis/models.cpp: the models of an upstream, which one node asks for on behalf of all.
#include "gateway/fake_upstream.hpp"
#include "redis_server.hpp"

#include <gateway/cache/far_cache.hpp>

#include <nlohmann/json.hpp>

using namespace gateway_test;
using nlohmann::json;
using weir::test::redis_server;

namespace {

// A node of a gateway as far as its models go; `behind` is the upstream of all.
class node {
public:
    node(serving& at, std::string const& upstream, std::string const& redis, std::string const& key = "sk")
        : at_{at}, shared{redis, at.runtime().get_executor()}, to_{options(upstream, key)},
          models{at.runtime().get_executor(), {gateway::embedding_model_card()}, &to_, short_lived(),
                 shared.models(upstream, key)} {}
    ~node() {
        at_.runtime().block_on([](node* self) -> weir::task<> {
            co_await self->models.close();
            co_await self->shared.close();
            co_await self->to_.close();
        }, this);
    }

private:
    static gateway::upstream_options options(std::string const& url, std::string const& key) {
        gateway::upstream_options made;
        made.url = url;
        made.key = key;
        made.attempts = 1;
        return made;
    }
    // Of that a node itself keeps an answer for 3 seconds.
    static gateway::model_options short_lived() {
        gateway::model_options made;
        made.time_to_live = 30s;
        return made;
    }

    serving& at_;

public:
    gateway::far_cache shared;

private:
    gateway::upstream to_;

public:
    gateway::model_service models;
};

// The nodes behind one server, which the first segment of a path chooses.
class nodes {
public:
    nodes() : at{http::server_options{}, 2, [this](http::exchange& one) { return route(one); }}, behind{at.runtime()} {
        behind.models = [](std::string_view path) -> std::string {
            if (path == "/v1/models") return R"({"data":[{"id":"a"}]})";
            return R"({"id":"a","x":1})";
        };
    }
    void add(std::string const& redis, std::string const& key = "sk") {
        all_.push_back(std::make_unique<node>(at, behind.url(), redis, key));
    }
    ~nodes() {
        at.end();
        all_.clear();
    }
    int asked() const { return behind.requests.load(weir::relaxed); }

    serving at;
    fake_upstream behind;

private:
    weir::task<> route(http::exchange& one) {
        auto& models = all_.at(static_cast<std::size_t>(one.request.path()[1] - '0'))->models;
        if (one.request.path().ends_with("/models")) co_await models.list(one);
        else co_await retrieve(one, models);
    }
    weir::task<> retrieve(http::exchange& one, gateway::model_service& models) {
        http::router<int> routes;
        routes.add("GET", "/{node}/models/{id}", 0);
        one.parameters = routes.find("GET", one.request.path()).parameters;
        co_await models.retrieve(one);
    }

    std::vector<std::unique_ptr<node>> all_;
};

} // namespace

TEST_CASE("what one node has heard of the upstream's models the others need not ask for") {
    redis_server server;
    nodes on;
    for (int n = 0; n < 2; ++n) on.add(server.by_socket());
    on.add(server.by_socket(), "sk-of-another");
    caller one{on.at};
    for (auto const* const node : {"/0", "/1", "/0"}) {
        auto const list = one.ask(get(std::string{node} + "/models"));
        CHECK(list.status == 200);
        CHECK(json::parse(list.body)["data"].size() == 2);
        CHECK(json::parse(one.ask(get(std::string{node} + "/models/a")).body) == json{{"id", "a"}, {"x", 1}});
    }
    CHECK(on.asked() == 2);
    CHECK(one.ask(get("/2/models")).status == 200); // with another key, which may see other models
    CHECK(on.asked() == 3);
}

TEST_CASE("that there is no such model is not shared, so that each node hears soon when it has appeared") {
    redis_server server;
    nodes on;
    for (int n = 0; n < 2; ++n) on.add(server.by_socket());
    caller one{on.at};
    on.behind.models_status.store(404, weir::relaxed); // before the request
    CHECK(one.ask(get("/0/models/a")).status == 404);
    CHECK(one.ask(get("/0/models/a")).status == 404);
    CHECK(on.asked() == 1);
    on.behind.models_status.store(200, weir::relaxed); // the same
    CHECK(one.ask(get("/1/models/a")).status == 200);
    CHECK(on.asked() == 2);
}

TEST_CASE("without Redis each node asks for itself, and what is no good answer there is not believed") {
    redis_server server;
    nodes on;
    for (int n = 0; n < 3; ++n) on.add(server.by_socket());
    caller one{on.at};
    CHECK(one.ask(get("/0/models")).status == 200);
    redis::client writes{on.at.runtime().get_executor(), redis::location::parse(server.by_socket()).value()};
    auto const spoilt = on.at.runtime().block_on([](redis::client* of) -> weir::task<bool> {
        auto const keys = co_await of->command("KEYS", "*models*");
        if (!keys || keys->elements().size() != 1) co_return false;
        auto const name = keys->elements()[0].string();
        auto const kept = co_await of->command("SET", name, "<p>welcome to our hotel");
        co_return kept.has_value();
    }, &writes);
    on.at.runtime().block_on([](redis::client* of) { return of->close(); }, &writes);
    CHECK(spoilt);
    CHECK(json::parse(one.ask(get("/1/models")).body)["data"].size() == 2);
    CHECK(on.asked() == 2);
    server.kill();
    CHECK(json::parse(one.ask(get("/2/models")).body)["data"].size() == 2);
    CHECK(on.asked() == 3);
}
