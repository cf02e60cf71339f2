// examples/gateway/search/search_json.hpp: the JSON of /v1/collections.
//     {"points":[{"id":"a","vector":[...]},{"id":"b","text":"...","payload":{"lang":"de"}}]}
//     {"ids":["a","b"]}
//     {"text":"...","top_k":3,"filter":{"lang":"de"},"score_threshold":0.2,"with_payload":false}
//     {"hits":[{"id":"b","score":0.93,"payload":{"lang":"de"}}]}
// A filter's members are texts, numbers, true, false or null; a point fits whose payload has them all. 1 equals 1.0.
#pragma once

#include "../api_error.hpp"
#include "point.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gateway {

struct search_limits {
    static constexpr std::size_t most_points = 1000; // of one request; also ids
    static constexpr std::size_t most_dimensions = 4096;
    static constexpr std::size_t most_id_bytes = 128;
    static constexpr std::size_t most_text_bytes = 32 * 1024;
    static constexpr std::size_t most_payload_bytes = 8 * 1024;
    static constexpr std::size_t most_hits = 1000;
    static constexpr std::size_t most_facts = 16;
    static constexpr std::size_t most_name_bytes = 64;
};

// Texts stand where vectors are yet to be made.
struct upsert_request {
    std::vector<point> points;       // at least one; those given as a text have no vector
    std::vector<std::string> texts;  // of those, in their order
};

struct search_request {
    query asked;      // without a vector if there is a text
    std::string text;
};

struct collection_card {
    std::string name;
    std::size_t dimensions = 0;
    std::size_t points = 0;
    std::size_t bytes = 0;
};

// Each gives the body of a request, or why it is refused, naming the field.
std::variant<upsert_request, api_error> parse_upsert_request(std::string_view body);
std::variant<std::vector<std::string>, api_error> parse_remove_request(std::string_view body);
std::variant<search_request, api_error> parse_search_request(std::string_view body);
// Whether it is one: 1 to 64 letters, digits or "-", "_" and ".".
bool is_collection_name(std::string_view name) noexcept;

api_error invalid_field(std::string param, std::string message, std::string code = {});

void append_hits(std::string& out, hits const& found);
std::string collection_json(collection_card const& one);
std::string collection_list_json(std::span<collection_card const> all);

} // namespace gateway
