// examples/gateway/openai_chat_answer.cpp: texts put between the fixed parts of an answer.
#include "openai_chat_answer.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace gateway {

namespace {

std::string json_text(std::string_view text) {
    using json = nlohmann::json;
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text_of(chat_usage usage) {
    return R"({"prompt_tokens":)" + std::to_string(usage.prompt_tokens) + R"(,"completion_tokens":)" +
           std::to_string(usage.completion_tokens) + R"(,"total_tokens":)" +
           std::to_string(usage.prompt_tokens + usage.completion_tokens) + "}";
}

std::string head(chat_answer_writer::heading const& of, std::string_view object) {
    return R"({"id":)" + json_text(of.id) + R"(,"object":)" + json_text(object) + R"(,"created":)" +
           std::to_string(of.created) + R"(,"model":)" + json_text(of.model) + R"(,"choices":[)";
}

std::string choice_of(std::size_t index, std::string_view kind, std::string_view content, std::string_view reason) {
    return R"({"index":)" + std::to_string(index) + ",\"" + std::string{kind} + "\":{" + std::string{content} +
           R"(},"logprobs":null,"finish_reason":)" + (reason.empty() ? "null" : json_text(reason)) + "}";
}

} // namespace

chat_answer_writer::chat_answer_writer(heading of) : of_{std::move(of)}, begin_{head(of_, "chat.completion.chunk")} {}

std::string chat_answer_writer::whole(std::string_view text, std::string_view finish_reason, std::size_t choices,
                                      chat_usage usage) const {
    auto const message = R"("role":"assistant","content":)" + json_text(text) + R"(,"refusal":null)";
    auto out = head(of_, "chat.completion");
    for (std::size_t i = 0; i < choices; ++i)
        out.append(i == 0 ? "" : ",").append(choice_of(i, "message", message, finish_reason));
    return out + R"(],"usage":)" + text_of(usage) + "}";
}

std::string chat_answer_writer::chunk(std::string_view choices, std::string_view usage) const {
    auto out = begin_;
    out.append(choices).append("]");
    if (of_.usage_follows) out.append(R"(,"usage":)").append(usage);
    return out + "}";
}

std::string chat_answer_writer::opening(std::size_t choice) const {
    return chunk(choice_of(choice, "delta", R"("role":"assistant","content":"")", ""), "null");
}

std::string chat_answer_writer::token(std::size_t choice, std::string_view text) const {
    return chunk(choice_of(choice, "delta", R"("content":)" + json_text(text), ""), "null");
}

std::string chat_answer_writer::closing(std::size_t choice, std::string_view finish_reason) const {
    return chunk(choice_of(choice, "delta", "", finish_reason), "null");
}

std::string chat_answer_writer::usage(chat_usage of) const { return chunk("", text_of(of)); }

} // namespace gateway
