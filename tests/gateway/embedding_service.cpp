// tests/gateway/embedding_service.cpp: POST /v1/embeddings over real sockets.
#include "http/serving.hpp"

#include <gateway/embedding_service.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace http_test;
using nlohmann::json;

namespace {

// The service alone, on each backend in turn.
class embedding_stage {
public:
    explicit embedding_stage(gateway::embedding_service::elsewhere look = {})
        : at{http::server_options{}, 2, [this](http::exchange& one) { return service_->answer(one); }},
          service_{std::make_unique<gateway::embedding_service>(at.runtime().get_executor(), std::move(look))} {}
    ~embedding_stage() {
        at.end();
        at.runtime().block_on([](gateway::embedding_service* of) { return of->close(); }, service_.get());
    }

    static std::string request(std::string const& body) {
        return post("/v1/embeddings", "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
    }

    serving at;

private:
    std::unique_ptr<gateway::embedding_service> service_;
};

std::vector<float> vector_of(std::string const& text) {
    gateway::embedding made{};
    std::string const texts[] = {text};
    gateway::embedding_model{}.embed(texts, std::span{&made, 1});
    return {made.begin(), made.end()};
}

} // namespace

TEST_CASE("an answer holds the model's vectors in the order of the inputs") {
    embedding_stage on;
    caller one{on.at};
    auto const got = one.ask(embedding_stage::request(R"({"model":"weir-ngram-384","input":["a","b c","a"]})"));
    CHECK(got.status == 200);
    CHECK(got.header("Content-Type") == "application/json");
    auto const body = json::parse(got.body);
    REQUIRE(body["data"].size() == 3);
    CHECK(body["data"][0]["embedding"].get<std::vector<float>>() == vector_of("a"));
    CHECK(body["data"][1]["embedding"].get<std::vector<float>>() == vector_of("b c"));
    CHECK(body["data"][2]["embedding"] == body["data"][0]["embedding"]);
    auto const packed = one.ask(embedding_stage::request(R"({"model":"weir-ngram-384","input":"a","encoding_format":"base64"})"));
    CHECK(json::parse(packed.body)["data"][0]["embedding"].get<std::string>().size() == 2048);
}

TEST_CASE("as much as a request may ask for comes in parts, whole and in order") {
    embedding_stage on;
    caller one{on.at};
    std::vector<std::string> inputs;
    for (int i = 0; i < 2048; ++i) inputs.push_back("text " + std::to_string(i % 700) + std::string(400, 'x'));
    auto const got = one.ask(embedding_stage::request(json{{"model", "weir-ngram-384"}, {"input", inputs}}.dump()));
    REQUIRE(got.status == 200);
    auto const body = json::parse(got.body);
    REQUIRE(body["data"].size() == 2048);
    for (std::size_t i = 0; i < 2048; i += 97) {
        CHECK(body["data"][i]["index"] == i);
        CHECK(body["data"][i]["embedding"].get<std::vector<float>>() == vector_of(inputs[i]));
    }
}

TEST_CASE("what is wrong with a request is said with its status, also where the body is long") {
    embedding_stage on;
    caller one{on.at};
    CHECK(one.ask(embedding_stage::request("{")).status == 400);
    CHECK(one.ask(embedding_stage::request(std::string(200'000, '['))).status == 400);
    CHECK(one.ask(embedding_stage::request(R"({"model":"gpt","input":"a"})")).status == 404);
}

TEST_CASE("what is found elsewhere is not computed, and what is not found there is computed through it") {
    weir::atomic<int> computed{0};
    embedding_stage on{[&](std::string const& text, gateway::embedding_service::computing compute)
                           -> weir::task<weir::result<gateway::embedding>> {
        if (text == "known") {
            gateway::embedding made{};
            made[0] = 7.0F;
            co_return made;
        }
        computed.fetch_add(1, weir::relaxed); // a tally
        co_return co_await compute();
    }};
    caller one{on.at};
    auto const got = one.ask(embedding_stage::request(R"({"model":"weir-ngram-384","input":["known","other"]})"));
    auto const body = json::parse(got.body);
    CHECK(body["data"][0]["embedding"][0] == 7.0);
    CHECK(body["data"][1]["embedding"].get<std::vector<float>>() == vector_of("other"));
    CHECK(computed.load(weir::relaxed) == 1);
}
