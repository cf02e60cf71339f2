// tests/gateway/openai_chat.cpp: what is read of requests for chat completions, and what the echo model makes of them.
#include <gateway/echo_model.hpp>
#include <gateway/openai_chat.hpp>
#include <gateway/openai_chat_answer.hpp>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

using nlohmann::json;

namespace {

// A body with a user's message of that text, and more fields.
std::string body_with(std::string_view fields, std::string_view text = "one two three") {
    return R"({"model":"weir-echo","messages":[{"role":"system","content":"be brief"},{"role":"user","content":)" +
           json(text).dump() + "}]" + (fields.empty() ? "" : ",") + std::string{fields} + "}";
}

gateway::chat_request accepts(std::string_view body) {
    CAPTURE(body);
    auto result = gateway::parse_chat_request(body);
    if (auto* const error = std::get_if<gateway::api_error>(&result)) FAIL(error->param + ": " + error->message);
    return std::get<0>(result);
}

void is_refused(std::variant<gateway::chat_request, gateway::api_error> const& result, std::string_view param,
                std::string_view part) {
    REQUIRE(std::holds_alternative<gateway::api_error>(result));
    auto const& error = std::get<gateway::api_error>(result);
    CAPTURE(error.message);
    CHECK(error.status == 400);
    CHECK(error.param == param);
    CHECK(error.message.find(part) != std::string::npos);
}

void refuses(std::string_view fields, std::string_view param, std::string_view part) {
    CAPTURE(fields);
    is_refused(gateway::parse_chat_request(body_with(fields)), param, part);
}

// The error of the outline; empty where there is none.
std::string outline_fault(std::string_view body) {
    auto const result = gateway::parse_chat_outline(body);
    auto const* const error = std::get_if<gateway::api_error>(&result);
    return error ? error->param + "|" + error->message : "";
}

std::vector<std::string> tokens_of(gateway::echo_reply const& reply) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < reply.size(); ++i) all.emplace_back(reply.token(i));
    return all;
}

} // namespace

TEST_CASE("the outline is the model and the stream flag of the outermost object, whatever else is in it") {
    auto const result = gateway::parse_chat_outline(
        R"({"tools":[{"model":3,"stream":"x","messages":1}],"messages":[{"role":"user","model":1}],"x":{"model":[]},)"
        R"("model":"m","temperature":[[["deep"]]],"stream":true})");
    REQUIRE(std::holds_alternative<gateway::chat_outline>(result));
    CHECK(std::get<0>(result).model == "m");
    CHECK(std::get<0>(result).stream);
    CHECK(outline_fault(R"({"model":"m","messages":["whatever"],"stream":null})").empty());
    CHECK(outline_fault(R"({"model":"m","messages":[[]]})").empty());
}

TEST_CASE("an outline that lacks what passing on needs is refused, and the field is named") {
    CHECK(outline_fault("").starts_with("|The body is not valid JSON"));
    CHECK(outline_fault(R"({"model":"m","messages":[1]}x)").find("byte 29") != std::string::npos);
    CHECK(outline_fault("[1]").find("not a JSON object") != std::string::npos);
    CHECK(outline_fault("3").find("not a JSON object") != std::string::npos);
    CHECK(outline_fault(std::string(300'000, '[')).find("not a JSON object") != std::string::npos);
    CHECK(outline_fault(R"({"messages":[1]})").starts_with("model|'model' is missing"));
    CHECK(outline_fault(R"({"model":"m"})").starts_with("messages|'messages' is missing"));
    CHECK(outline_fault(R"({"model":"m","messages":[]})").starts_with("messages|'messages' is an empty"));
    CHECK(outline_fault(R"({"model":"m","messages":{"a":1}})").starts_with("messages|'messages' must be an array"));
    CHECK(outline_fault(R"({"model":["m"],"messages":[1]})").starts_with("model|'model' must be a string"));
    CHECK(outline_fault(R"({"model":"m","messages":[1],"stream":"true"})").starts_with("stream|"));
    CHECK(outline_fault(R"({"model":"m","messages":[1],"stream":1})").starts_with("stream|"));
    CHECK(outline_fault(R"({"x":{"model":"m","messages":[1]}})").starts_with("model|"));
}

TEST_CASE("a request is read in full") {
    auto const asked = accepts(body_with(
        R"("n":3,"max_tokens":7,"stop":["a","b"],"stream":true,"stream_options":{"include_usage":true},"temperature":0.5,)"
        R"("logprobs":false,"response_format":{"type":"text"},"modalities":["text"],"tools":null,"user":"u")"));
    CHECK(asked.model == "weir-echo");
    REQUIRE(asked.messages.size() == 2);
    CHECK(asked.messages[1].role == "user");
    CHECK(asked.messages[1].text == "one two three");
    CHECK(asked.choices == 3);
    CHECK(asked.most_tokens == 7);
    CHECK(asked.stops == std::vector<std::string>{"a", "b"});
    CHECK(asked.stream);
    CHECK(asked.include_usage);
    CHECK(accepts(body_with(R"("stop":"x","max_completion_tokens":1)")).stops == std::vector<std::string>{"x"});
    auto const parts = accepts(R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a "},)"
                               R"({"type":"text","text":"b"}]},{"role":"assistant","content":null}]})");
    CHECK(parts.messages[0].text == "a b");
    CHECK(parts.messages[1].text.empty());
}

TEST_CASE("a field that is wrong, or asks for what this model cannot, is refused by its name") {
    refuses(R"("n":0)", "n", "at least 1");
    refuses(R"("n":9)", "n", "at most 8");
    refuses(R"("n":1.5)", "n", "whole number");
    refuses(R"("max_tokens":-1)", "max_tokens", "whole number");
    refuses(R"("stop":"")", "stop", "empty");
    refuses(R"("stop":["a","b","c","d","e"])", "stop", "at most 4");
    refuses(R"("stop":[1])", "stop", "string");
    refuses(R"("stream":"yes")", "stream", "boolean");
    refuses(R"("stream_options":{"include_usage":true})", "stream_options", "streamed");
    refuses(R"("stream_options":{"other":1})", "stream_options.other", "not a field");
    refuses(R"("tools":[])", "tools", "not supported");
    refuses(R"("logprobs":true)", "logprobs", "false");
    refuses(R"("response_format":{"type":"json_object"})", "response_format", "text");
    refuses(R"("modalities":["audio"])", "modalities", "text");
    refuses(R"("temprature":1)", "temprature", "not a field");
    refuses(R"("messages":[])", "messages", "empty");
    refuses(R"("messages":[1])", "messages[0]", "object");
    refuses(R"("messages":[{"content":"a"}])", "messages[0].role", "missing");
    refuses(R"("messages":[{"role":"user","content":3}])", "messages[0].content", "string");
    refuses(R"("messages":[{"role":"user","content":[{"type":"image_url"}]}])", "messages[0].content[0].type", "text");
    refuses(R"("messages":[{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text", "missing");
    is_refused(gateway::parse_chat_request("{"), "", "byte");
    is_refused(gateway::parse_chat_request("[]"), "", "object");
    is_refused(gateway::parse_chat_request(R"({"messages":[{"role":"user"}]})"), "model", "missing");
}

TEST_CASE("the echo is the last message of the user, cut to words with the blanks before them") {
    gateway::echo_reply const reply{accepts(body_with("", "  hello big\n\nworld "))};
    CHECK(tokens_of(reply) == std::vector<std::string>{"  hello", " big", "\n\nworld", " "});
    CHECK(reply.text() == "  hello big\n\nworld ");
    CHECK(std::string_view{reply.finish_reason()} == "stop");
    CHECK(reply.prompt_tokens() == 2 + 4);
    CHECK(gateway::echo_reply{accepts(body_with("", ""))}.size() == 0);
}

TEST_CASE("the echo ends before the first stop, and at the most tokens, and says which") {
    gateway::echo_reply const stopped{accepts(body_with(R"("stop":["three","two"])"))};
    CHECK(stopped.text() == "one ");
    CHECK(std::string_view{stopped.finish_reason()} == "stop");
    gateway::echo_reply const cut{accepts(body_with(R"("max_tokens":2)"))};
    CHECK(cut.text() == "one two");
    CHECK(std::string_view{cut.finish_reason()} == "length");
    gateway::echo_reply const exact{accepts(body_with(R"("max_tokens":3)"))};
    CHECK(std::string_view{exact.finish_reason()} == "stop");
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "w ";
    CHECK(gateway::echo_reply{accepts(body_with("", many))}.size() == gateway::echo_reply::most_tokens);
}

TEST_CASE("a long word is cut, but not inside of a character") {
    std::string word;
    for (int i = 0; i < 100; ++i) word += "ä";
    gateway::echo_reply const reply{accepts(body_with("", "x" + word))};
    auto const tokens = tokens_of(reply);
    CHECK(tokens.size() == 4);
    std::string whole;
    for (auto const& each : tokens) {
        CHECK(each.size() <= 64);
        CHECK((static_cast<unsigned char>(each[0]) & 0xc0) != 0x80);
        whole += each;
    }
    CHECK(whole == "x" + word);
}

TEST_CASE("an answer has the members that clients read, whole and in chunks") {
    gateway::chat_answer_writer::heading heading;
    heading.id = "chatcmpl-1";
    heading.created = 7;
    heading.model = "m\"";
    gateway::chat_answer_writer const writer{heading};
    auto const whole = json::parse(writer.whole("a\xff\"", "stop", 2, gateway::chat_usage{3, 4}));
    CHECK(whole["object"] == "chat.completion");
    CHECK(whole["model"] == "m\"");
    CHECK(whole["created"] == 7);
    REQUIRE(whole["choices"].size() == 2);
    CHECK(whole["choices"][1] == json{{"index", 1},
                                      {"message", {{"role", "assistant"}, {"content", "a\xEF\xBF\xBD\""}, {"refusal", nullptr}}},
                                      {"logprobs", nullptr},
                                      {"finish_reason", "stop"}});
    CHECK(whole["usage"] == json{{"prompt_tokens", 3}, {"completion_tokens", 4}, {"total_tokens", 7}});

    auto const opening = json::parse(writer.opening(1));
    CHECK(opening["object"] == "chat.completion.chunk");
    CHECK(opening["choices"][0]["index"] == 1);
    CHECK(opening["choices"][0]["delta"] == json{{"role", "assistant"}, {"content", ""}});
    CHECK_FALSE(opening.contains("usage"));
    CHECK(json::parse(writer.token(0, "x"))["choices"][0]["delta"] == json{{"content", "x"}});
    CHECK(json::parse(writer.token(0, "x"))["choices"][0]["finish_reason"].is_null());
    auto const closing = json::parse(writer.closing(0, "length"))["choices"][0];
    CHECK(closing["delta"] == json::object());
    CHECK(closing["finish_reason"] == "length");

    heading.usage_follows = true;
    gateway::chat_answer_writer const counting{heading};
    CHECK(json::parse(counting.token(0, "x"))["usage"].is_null());
    auto const last = json::parse(counting.usage(gateway::chat_usage{1, 2}));
    CHECK(last["choices"].empty());
    CHECK(last["usage"]["total_tokens"] == 3);
}
