// tests/gateway/search_json.cpp: what requests say, and which field is named where they are wrong.
#include <gateway/search/search_json.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

// The field that an error names; "ok" where there is none.
template <class T>
std::string field_of(std::variant<T, gateway::api_error> const& parsed) {
    auto const* const error = std::get_if<gateway::api_error>(&parsed);
    if (!error) return "ok";
    CHECK(error->status == 400);
    CHECK_FALSE(error->message.empty());
    return error->param.empty() ? error->code : error->param;
}
std::string upsert_field(std::string_view body) { return field_of(gateway::parse_upsert_request(body)); }
std::string point_field(std::string const& inside) { return upsert_field(R"({"points":[{"id":"a",)" + inside + "}]}"); }
std::string search_field(std::string const& inside) {
    return field_of(gateway::parse_search_request(R"({"vector":[1,2],)" + inside + "}"));
}

std::vector<std::string> facts_of(std::string const& filter) {
    auto const parsed = gateway::parse_search_request(R"({"vector":[1],"filter":)" + filter + "}");
    return std::get<gateway::search_request>(parsed).asked.facts;
}

} // namespace

TEST_CASE("points have an id, a vector or a text, and what the client keeps with them") {
    auto const parsed = gateway::parse_upsert_request(
        R"({"points":[{"id":"a","vector":[1,-2.5]},{"id":"b","text":"hello","payload":{"z":[1],"lang":"de","n":1.0}}]})");
    auto const& request = std::get<gateway::upsert_request>(parsed);
    REQUIRE(request.points.size() == 2);
    CHECK(request.points[0].vector == std::vector<float>{1.0F, -2.5F});
    CHECK(request.points[0].about == nullptr);
    CHECK(request.points[1].vector.empty());
    CHECK(request.texts == std::vector<std::string>{"hello"});
    auto const& about = *request.points[1].about;
    CHECK(about.json() == R"({"z":[1],"lang":"de","n":1.0})");
    CHECK(about.has(R"("lang":"de")"));
    CHECK(about.has(R"("n":1)"));
    CHECK_FALSE(about.has(R"("z":[1])"));
}

TEST_CASE("a fact of a filter is the same text as that of a payload, however a number is written") {
    CHECK(facts_of(R"({"n":1.0})") == facts_of(R"({"n":1})"));
    CHECK(facts_of(R"({"n":1e3})") == facts_of(R"({"n":1000})"));
    CHECK(facts_of(R"({"n":-0.0})") == facts_of(R"({"n":0})"));
    CHECK(facts_of(R"({"n":"1"})") != facts_of(R"({"n":1})"));
    CHECK(facts_of(R"({"n":1.5})") != facts_of(R"({"n":1})"));
    CHECK(facts_of(R"({"a":true,"b":null})") == std::vector<std::string>{R"("a":true)", R"("b":null)"});
    CHECK(facts_of(R"({"a\":1":2})") != facts_of(R"({"a":"1:2"})"));
}

TEST_CASE("what is wrong with a point is named by its place") {
    CHECK(upsert_field("{") == "invalid_json");
    CHECK(upsert_field("[]") == "invalid_json");
    CHECK(upsert_field("{}") == "points");
    CHECK(upsert_field(R"({"points":{}})") == "points");
    CHECK(upsert_field(R"({"points":[]})") == "points");
    CHECK(upsert_field(R"({"points":[],"more":1})") == "more");
    CHECK(upsert_field(R"({"points":[1]})") == "points[0]");
    CHECK(upsert_field(R"({"points":[{"vector":[1]}]})") == "points[0].id");
    CHECK(upsert_field(R"({"points":[{"id":7,"vector":[1]}]})") == "points[0].id");
    CHECK(upsert_field(R"({"points":[{"id":"","vector":[1]}]})") == "points[0].id");
    CHECK(upsert_field(R"({"points":[{"id":")" + std::string(129, 'x') + R"(","vector":[1]}]})") == "points[0].id");
    CHECK(upsert_field(R"({"points":[{"id":"a","vector":[1]},{"id":"a","vector":[1]}]})") == "points[1].id");
    CHECK(point_field(R"("payload":{})") == "points[0].vector");
    CHECK(point_field(R"("vector":[1],"text":"x")") == "points[0].text");
    CHECK(point_field(R"("vector":"x")") == "points[0].vector");
    CHECK(point_field(R"("vector":[])") == "points[0].vector");
    CHECK(point_field(R"("vector":[0,-0.0])") == "points[0].vector");
    CHECK(point_field(R"("vector":[1,"2"])") == "points[0].vector[1]");
    CHECK(point_field(R"("vector":[1,1e39])") == "points[0].vector[1]");
    CHECK(point_field(R"("text":"")") == "points[0].text");
    CHECK(point_field(R"("text":"x","payload":[])") == "points[0].payload");
    CHECK(point_field(R"("text":"x","payload":{"a":")" + std::string(8192, 'x') + "\"}") == "points[0].payload");
    CHECK(point_field(R"("text":"x","colour":1)") == "points[0].colour");
    std::string many = R"({"points":[)";
    for (int n = 0; n <= 1000; ++n) many += (n ? "," : "") + (R"({"id":")" + std::to_string(n) + R"(","vector":[1]})");
    CHECK(upsert_field(many + "]}") == "points");
}

TEST_CASE("a search says what it looks for and how many it wants") {
    auto const parsed = gateway::parse_search_request(
        R"({"text":"hi","top_k":3,"filter":{"lang":"de"},"score_threshold":0.5,"with_payload":false})");
    auto const& request = std::get<gateway::search_request>(parsed);
    CHECK(request.text == "hi");
    CHECK(request.asked.most == 3);
    CHECK(request.asked.least == 0.5);
    CHECK_FALSE(request.asked.with_payload);
    CHECK(request.asked.facts == std::vector<std::string>{R"("lang":"de")"});
    CHECK(field_of(gateway::parse_search_request("{}")) == "vector");
    CHECK(search_field(R"("text":"x")") == "text");
    CHECK(search_field(R"("top_k":0)") == "top_k");
    CHECK(search_field(R"("top_k":1001)") == "top_k");
    CHECK(search_field(R"("top_k":1.5)") == "top_k");
    CHECK(search_field(R"("top_k":-1)") == "top_k");
    CHECK(search_field(R"("filter":[])") == "filter");
    CHECK(search_field(R"("filter":{"a":[1]})") == "filter.a");
    CHECK(search_field(R"("score_threshold":"x")") == "score_threshold");
    CHECK(search_field(R"("with_payload":1)") == "with_payload");
    CHECK(search_field(R"("limit":1)") == "limit");
}

TEST_CASE("ids to be removed are texts, each once") {
    CHECK(field_of(gateway::parse_remove_request(R"({"ids":["a","b"]})")) == "ok");
    CHECK(field_of(gateway::parse_remove_request(R"({"ids":"a"})")) == "ids");
    CHECK(field_of(gateway::parse_remove_request(R"({"ids":["a",1]})")) == "ids[1]");
    CHECK(field_of(gateway::parse_remove_request(R"({"ids":["a","a"]})")) == "ids[1]");
}

TEST_CASE("hits are written with the payload as it was given, and ids that need it are escaped") {
    gateway::hits found(2);
    found[0].id = "a\"b";
    found[0].score = 0.5;
    found[0].about = std::make_shared<gateway::payload const>(R"({"x":1.0})", std::vector<std::string>{});
    found[1].id = "c";
    found[1].score = -1;
    std::string out;
    gateway::append_hits(out, found);
    CHECK(out == R"({"hits":[{"id":"a\"b","score":0.5,"payload":{"x":1.0}},{"id":"c","score":-1}]})");
}

TEST_CASE("a name of a collection fits into a path") {
    CHECK(gateway::is_collection_name("My-notes_2.0"));
    std::vector<std::string> const all{"", "a b", "a/b", "a%20", std::string(65, 'x')};
    for (auto const& wrong : all)
        CHECK_FALSE(gateway::is_collection_name(wrong));
}
