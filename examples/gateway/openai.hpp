// examples/gateway/openai.hpp: the JSON of /v1/embeddings and /v1/models.
// Source:   platform.openai.com, "API reference".
#pragma once

#include "api_error.hpp"
#include "embedding_model.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gateway {

struct model_card {
    std::string id;
    std::int64_t created = 0; // seconds of the Unix clock
    std::string owned_by;
};

// What the gateway has built in: the model of embeddings, and the one that chats where there is no upstream.
model_card embedding_model_card();
model_card echo_model_card();

api_error model_not_found(std::string_view id);

// {"object":"list","data":[{"id","object":"model","created","owned_by"}]}
std::string model_list_json(std::span<model_card const> models);
std::string model_json(model_card const& model);

enum class vector_format { numbers, base64 }; // base64: of little-endian floats, as the API's own clients ask for

struct embeddings_request {
    static constexpr std::size_t most_inputs = 2048;
    static constexpr std::size_t most_bytes = 32 * 1024; // of one input: about 8192 tokens

    std::string model;
    std::vector<std::string> inputs; // 1 to most_inputs, none of them empty
    vector_format format = vector_format::numbers;
};

// The body of POST /v1/embeddings, or why it is refused, naming the field. `models` are those that can be asked for.
std::variant<embeddings_request, api_error> parse_embeddings_request(std::string_view body,
                                                                     std::span<model_card const> models);

// About how many tokens a model of the usual kind would see in a text: one for every four bytes begun.
std::size_t approximate_tokens(std::string_view text) noexcept;

// Writes the answer piece by piece, since thousands of vectors take a while. A number is the shortest decimal that reads
// back as the same float.
class embeddings_writer {
public:
    // Appends to `out`, which outlives the writer.
    explicit embeddings_writer(std::string& out, vector_format format = vector_format::numbers);

    // The vector of the next input.
    void add(embedding const& vector);
    // Once, and last.
    void finish(std::string_view model, std::size_t prompt_tokens);

private:
    std::string& out_;
    vector_format const format_;
    std::size_t count_ = 0;
};

} // namespace gateway
