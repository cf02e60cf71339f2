// tests/gateway/openai.cpp: the JSON that clients of the OpenAI API send and read.
#include <gateway/base64.hpp>
#include <gateway/openai.hpp>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <span>

using nlohmann::json;

namespace {

std::vector<gateway::model_card> const models{{"weir-ngram-384", 1700000000, "weir"}, {"b\"c", 1, "x"}};

gateway::embeddings_request accepts(std::string_view body) {
    CAPTURE(body);
    auto result = gateway::parse_embeddings_request(body, models);
    if (auto* const error = std::get_if<gateway::api_error>(&result)) FAIL(error->message);
    return std::get<0>(result);
}

void refuses(std::string_view body, int status, std::string_view param, std::string_view part) {
    CAPTURE(body);
    auto const result = gateway::parse_embeddings_request(body, models);
    REQUIRE(std::holds_alternative<gateway::api_error>(result));
    auto const& error = std::get<gateway::api_error>(result);
    CAPTURE(error.message);
    CHECK(error.status == status);
    CHECK(error.param == param);
    CHECK(error.message.find(part) != std::string::npos);
}

std::string with(std::string_view fields) { return R"({"model":"weir-ngram-384",)" + std::string(fields) + "}"; }

} // namespace

TEST_CASE("an input is a string or an array of strings") {
    CHECK(accepts(with(R"("input":"a")")).inputs == std::vector<std::string>{"a"});
    CHECK(accepts(with(R"("input":["a","\u00e4","c"])")).inputs == std::vector<std::string>{"a", "ä", "c"});
    CHECK(accepts(with(R"("input":" ","encoding_format":"float","dimensions":384,"user":"u")")).model ==
          "weir-ngram-384");
    CHECK(accepts(with(R"("input":"a")")).format == gateway::vector_format::numbers);
    CHECK(accepts(with(R"("input":"a","encoding_format":"base64")")).format == gateway::vector_format::base64);
    std::vector<std::string> const many(2048, "x");
    CHECK(accepts(json{{"model", "weir-ngram-384"}, {"input", many}}.dump()).inputs == many);
    CHECK(accepts(with("\"input\":\"" + std::string(32768, 'x') + "\"")).inputs[0].size() == 32768);
}

TEST_CASE("a field that is wrong is named") {
    refuses(with(R"("input":"")"), 400, "input", "empty");
    refuses(with(R"("input":[])"), 400, "input", "empty");
    refuses(with(R"("input":["a",""])"), 400, "input", "input[1]");
    refuses(with(R"("input":[1,2])"), 400, "input", "tokens");
    refuses(with(R"("input":[[1,2]])"), 400, "input", "tokens");
    refuses(with(R"("input":["a",null])"), 400, "input", "input[1]");
    refuses(with(R"("input":{"a":1})"), 400, "input", "string");
    refuses(with(R"("input":3)"), 400, "input", "string");
    refuses(with(R"("user":"u")"), 400, "input", "missing");
    refuses(with("\"input\":\"" + std::string(32769, 'x') + "\""), 400, "input", "longer");
    refuses(with(R"("input":"a","encoding_format":"hex")"), 400, "encoding_format", "base64");
    refuses(with(R"("input":"a","encoding_format":1)"), 400, "encoding_format", "float");
    refuses(with(R"("input":"a","dimensions":3)"), 400, "dimensions", "384");
    refuses(with(R"("input":"a","user":3)"), 400, "user", "string");
    refuses(with(R"("input":"a","inputs":"a")"), 400, "inputs", "'inputs'");
    refuses(R"({"input":"a"})", 400, "model", "missing");
    refuses(R"({"input":"a","model":3})", 400, "model", "string");
    refuses(R"({"input":"a","model":"gpt"})", 404, "model", "gpt");
    std::vector<std::string> const many(2049, "x");
    refuses(json{{"model", "weir-ngram-384"}, {"input", many}}.dump(), 400, "input", "2049");
}

TEST_CASE("a body that is not a JSON object is refused with the place of the fault") {
    refuses("", 400, "", "byte");
    refuses(R"({"model":})", 400, "", "byte 10");
    refuses(R"({"model":"a"}x)", 400, "", "byte");
    refuses("[1]", 400, "", "object");
    refuses("\"\xff\"", 400, "", "byte");
    refuses(std::string(500'000, '['), 400, "", "byte");
    refuses(with("\"input\":" + std::string(300'000, '[') + std::string(300'000, ']')), 400, "input", "tokens");
}

TEST_CASE("an answer holds the vectors in order, and each number reads back as the same float") {
    std::mt19937 random{7};
    std::uniform_real_distribution<float> values{-1.0F, 1.0F};
    std::vector<gateway::embedding> vectors(3);
    for (auto& vector : vectors)
        for (auto& x : vector) x = values(random);
    vectors[0][0] = 0.0F;
    vectors[0][1] = -1.17549435e-38F;
    vectors[0][2] = 1e-45F;
    vectors[0][3] = -3.4028235e38F;
    vectors[0][4] = -1.2345678e-30F;
    std::string out = "x";
    gateway::embeddings_writer writer{out};
    for (auto const& vector : vectors) writer.add(vector);
    writer.finish("b\"c", 12);
    auto const body = json::parse(out.substr(1));
    CHECK(body["object"] == "list");
    CHECK(body["model"] == "b\"c");
    CHECK(body["usage"] == json{{"prompt_tokens", 12}, {"total_tokens", 12}});
    REQUIRE(body["data"].size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(body["data"][i]["object"] == "embedding");
        CHECK(body["data"][i]["index"] == i);
        auto const& numbers = body["data"][i]["embedding"];
        REQUIRE(numbers.size() == 384);
        bool same = true;
        for (std::size_t k = 0; k < 384; ++k) same = same && numbers[k].get<float>() == vectors[i][k];
        CHECK(same);
    }
}

TEST_CASE("a vector as base64 holds its floats, the lowest byte first") {
    gateway::embedding vector{};
    vector[0] = 1.0F;                // 00 00 80 3f
    vector[1] = -2.5F;               // 00 00 20 c0
    vector[383] = 1.17549435e-38F;   // 00 00 80 00
    std::string out;
    gateway::embeddings_writer writer{out, gateway::vector_format::base64};
    writer.add(vector);
    writer.add(vector);
    writer.finish("m", 1);
    auto const body = json::parse(out);
    auto const text = body["data"][1]["embedding"].get<std::string>();
    REQUIRE(text.size() == 384 * 4 / 3 * 4);
    CHECK(text.substr(0, 11) == "AACAPwAAIMA");
    CHECK(text.substr(11, 1000) == std::string(1000, 'A'));
    CHECK(text.substr(2040) == "AAAAAIAA");
}

TEST_CASE("base64 pads what is no multiple of three bytes") {
    auto const encoded = [](std::string_view text) {
        std::string out = ">";
        gateway::append_base64(out, std::as_bytes(std::span{text}));
        return out;
    };
    // RFC 4648, section 10
    CHECK(encoded("") == ">");
    CHECK(encoded("f") == ">Zg==");
    CHECK(encoded("fo") == ">Zm8=");
    CHECK(encoded("foo") == ">Zm9v");
    CHECK(encoded("foob") == ">Zm9vYg==");
    CHECK(encoded("fooba") == ">Zm9vYmE=");
    CHECK(encoded("foobar") == ">Zm9vYmFy");
    CHECK(encoded("\xff\xfe\xfb") == ">//77");
}

TEST_CASE("models are listed as cards") {
    auto const list = json::parse(gateway::model_list_json(models));
    CHECK(list["object"] == "list");
    REQUIRE(list["data"].size() == 2);
    CHECK(list["data"][0] ==
          json{{"id", "weir-ngram-384"}, {"object", "model"}, {"created", 1700000000}, {"owned_by", "weir"}});
    CHECK(json::parse(gateway::model_json(models[1]))["id"] == "b\"c");
}

TEST_CASE("an error has the four members that clients read, absent ones null") {
    auto const full = json::parse(gateway::to_json({400, "m\xff", "t", "p", "c"}));
    CHECK(full == json{{"error", {{"message", "m\xEF\xBF\xBD"}, {"type", "t"}, {"param", "p"}, {"code", "c"}}}});
    auto const bare = json::parse(gateway::to_json(gateway::unauthorized(false)));
    CHECK(bare["error"]["param"].is_null());
    CHECK(bare["error"]["code"] == "missing_api_key");
    CHECK(gateway::unauthorized(true).status == 401);
    CHECK(gateway::unauthorized(true).code == "invalid_api_key");
}

TEST_CASE("tokens are counted by four bytes begun") {
    CHECK(gateway::approximate_tokens("a") == 1);
    CHECK(gateway::approximate_tokens("abcd") == 1);
    CHECK(gateway::approximate_tokens("abcde") == 2);
}
