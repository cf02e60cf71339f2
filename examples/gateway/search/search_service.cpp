// examples/gateway/search/search_service.cpp: from a request to a collection and back.
#include "search_service.hpp"

#include <weir/coro/context.hpp>
#include <weir/runtime/blocking.hpp>

#include <algorithm>
#include <utility>

namespace gateway {
namespace {

constexpr char const* cannot = "the request could not be served";
constexpr std::size_t large = 16 * 1024; // a body that takes about a millisecond to read

void fill(http::response& response, std::string body) {
    static_cast<void>(response.set_content_type("application/json")); // a literal, always valid
    response.body() = std::move(body);
}

api_error no_such(std::string const& name) {
    return {404, "The collection '" + name + "' does not exist.", "invalid_request_error", "name",
            "collection_not_found"};
}

api_error wrong_dimensions(std::string const& field, std::size_t has, std::size_t wants) {
    return invalid_field(field, "'" + field + "' has " + std::to_string(has) + " dimensions; the collection has " +
                                    std::to_string(wants) + ".", "wrong_dimensions");
}

api_error full(std::string field, std::string code, std::string message) {
    return {507, std::move(message), "server_error", std::move(field), std::move(code)};
}

std::string name_in(http::exchange const& one) { return std::string{one.parameters["name"]}; }

// Reads a body without keeping the worker: a large one on a thread that may be kept.
template <class T>
weir::task<std::variant<T, api_error>> read(std::variant<T, api_error> (*parse)(std::string_view),
                                            std::string_view body) {
    if (body.size() <= large) co_return parse(body);
    auto parsed = co_await weir::blocking(parse, body);
    if (!parsed) co_return unavailable(cannot, parsed.error());
    co_return std::move(*parsed);
}

} // namespace

search_service::search_service(embedding_service& texts, weir::executor_ref where, search_options options)
    : texts_{texts}, where_{where}, options_{options}, room_{options.most_bytes} {}

collection_card search_service::card(std::string name, collection const& of) {
    collection_card made;
    made.name = std::move(name);
    made.dimensions = of.dimensions();
    made.points = of.points();
    made.bytes = of.bytes();
    return made;
}

weir::task<search_service::found> search_service::find(std::string name) {
    auto const alone = co_await naming_.lock();
    if (!alone) co_return unavailable(cannot, alone.error());
    auto const at = collections_.find(name);
    if (at == collections_.end()) co_return no_such(name);
    co_return at->second;
}

weir::task<search_service::found> search_service::find_or_make(std::string name, std::size_t dimensions) {
    if (!is_collection_name(name))
        co_return invalid_field("name", "A collection's name must be 1 to 64 letters, digits or characters of -_.");
    auto const alone = co_await naming_.lock();
    if (!alone) co_return unavailable(cannot, alone.error());
    if (closed_) co_return unavailable(cannot, make_error_code(weir::errc::closed));
    if (auto const at = collections_.find(name); at != collections_.end()) co_return at->second;
    if (collections_.size() >= options_.most_collections)
        co_return full("name", "too_many_collections",
                       "There are " + std::to_string(options_.most_collections) + " collections, and more are not kept.");
    auto made = std::make_shared<collection>(dimensions, options_, room_, where_, batch_sizes_);
    collections_.emplace(std::move(name), made);
    co_return made;
}

weir::task<> search_service::list(http::exchange& one) {
    std::vector<collection_card> cards;
    {
        auto const alone = co_await naming_.lock();
        if (!alone) {
            fill(one.response, unavailable(cannot, alone.error()));
            co_return;
        }
        for (auto const& [name, each] : collections_) cards.push_back(card(name, *each));
    }
    fill(one.response, collection_list_json(cards));
}

weir::task<> search_service::describe(http::exchange& one) {
    auto const name = name_in(one);
    auto const in = co_await find(name);
    if (auto const* const error = std::get_if<api_error>(&in)) fill(one.response, *error);
    else fill(one.response, collection_json(card(name, *std::get<collection_ref>(in))));
}

weir::task<> search_service::drop(http::exchange& one) {
    auto const name = name_in(one);
    collection_ref gone;
    {
        auto const alone = co_await naming_.lock();
        if (!alone) {
            fill(one.response, unavailable(cannot, alone.error()));
            co_return;
        }
        auto const at = collections_.find(name);
        if (at == collections_.end()) {
            fill(one.response, no_such(name));
            co_return;
        }
        gone = std::move(at->second);
        collections_.erase(at);
    }
    co_await gone->close();
    fill(one.response, R"({"deleted":true})");
}

weir::task<std::variant<std::vector<embedding>, api_error>> search_service::embed(std::span<std::string const> texts) {
    auto made = co_await texts_.embed(texts);
    if (!made) co_return unavailable(cannot, made.error());
    co_return std::move(*made);
}

weir::task<std::variant<std::monostate, api_error>> search_service::fill_vectors(upsert_request& request) {
    if (!request.texts.empty()) {
        auto const made = co_await embed(request.texts);
        if (auto const* const error = std::get_if<api_error>(&made)) co_return *error;
        auto next = std::get<0>(made).begin();
        for (auto& each : request.points) {
            if (!each.vector.empty()) continue;
            each.vector.assign(next->begin(), next->end());
            ++next;
        }
    }
    co_return std::monostate{};
}

weir::task<> search_service::upsert(http::exchange& one) {
    auto parsed = co_await read(&parse_upsert_request, one.request.body());
    if (auto const* const error = std::get_if<api_error>(&parsed)) co_return fill(one.response, *error);
    auto& request = std::get<upsert_request>(parsed);
    auto const filled = co_await fill_vectors(request);
    if (auto const* const error = std::get_if<api_error>(&filled)) co_return fill(one.response, *error);

    auto const in = co_await find_or_make(name_in(one), request.points.front().vector.size());
    if (auto const* const error = std::get_if<api_error>(&in)) co_return fill(one.response, *error);
    auto& into = *std::get<collection_ref>(in);
    for (std::size_t n = 0; n < request.points.size(); ++n)
        if (auto const has = request.points[n].vector.size(); has != into.dimensions())
            co_return fill(one.response, wrong_dimensions("points[" + std::to_string(n) + "]", has, into.dimensions()));
    auto const count = request.points.size();
    auto const became = co_await into.upsert(std::move(request.points));
    switch (became) {
    case written::done: co_return fill(one.response, R"({"upserted":)" + std::to_string(count) + "}");
    case written::too_many_points:
        co_return fill(one.response, full("points", "too_many_points",
                                          "'points' would make more than " + std::to_string(options_.most_points) +
                                              " points in this collection."));
    case written::no_space:
        co_return fill(one.response, full("points", "no_space",
                                          "'points' would make all collections larger than " +
                                              std::to_string(options_.most_bytes) + " bytes."));
    case written::closed: co_return fill(one.response, no_such(name_in(one)));
    }
}

weir::task<> search_service::remove(http::exchange& one) {
    auto parsed = co_await read(&parse_remove_request, one.request.body());
    if (auto const* const error = std::get_if<api_error>(&parsed)) co_return fill(one.response, *error);
    auto const in = co_await find(name_in(one));
    if (auto const* const error = std::get_if<api_error>(&in)) co_return fill(one.response, *error);
    auto const removed = co_await std::get<collection_ref>(in)->remove(std::move(std::get<0>(parsed)));
    if (!removed) co_return fill(one.response, no_such(name_in(one)));
    fill(one.response, R"({"deleted":)" + std::to_string(*removed) + "}");
}

weir::task<> search_service::search(http::exchange& one) {
    auto parsed = co_await read(&parse_search_request, one.request.body());
    if (auto const* const error = std::get_if<api_error>(&parsed)) co_return fill(one.response, *error);
    auto& request = std::get<search_request>(parsed);
    auto const in = co_await find(name_in(one));
    if (auto const* const error = std::get_if<api_error>(&in)) co_return fill(one.response, *error);
    auto& from = *std::get<collection_ref>(in);
    bool const by_text = !request.text.empty();
    if (by_text) {
        auto const made = co_await embed(std::span{&request.text, 1});
        if (auto const* const error = std::get_if<api_error>(&made)) co_return fill(one.response, *error);
        request.asked.vector.assign(std::get<0>(made)[0].begin(), std::get<0>(made)[0].end());
    }
    if (auto const has = request.asked.vector.size(); has != from.dimensions())
        co_return fill(one.response, wrong_dimensions(by_text ? "text" : "vector", has, from.dimensions()));
    auto const best = co_await from.search(std::move(request.asked));
    if (!best) {
        bool const gone = best.error() == weir::errc::closed;
        co_return fill(one.response, gone ? no_such(name_in(one)) : unavailable(cannot, best.error()));
    }
    static_cast<void>(one.response.set_content_type("application/json"));
    append_hits(one.response.body(), *best);
}

weir::task<> search_service::close() {
    weir::context const& above = co_await weir::this_task();
    weir::context const patient = above.with_stop({}); // what is under way uses the collections
    co_await weir::use_context(patient);
    auto const alone = co_await naming_.lock();
    closed_ = true;
    for (auto const& [_, each] : collections_) co_await each->close();
    collections_.clear();
}

weir::registration search_service::register_metrics(weir::registry& with) const {
    auto all = with.add({.name = "gateway_search_batch_size", .help = "Searches that one pass over a collection served."},
                        batch_sizes_, weir::summary_options{.unit = weir::recorded::numbers})
                   .value();
    all += with.add_gauge({.name = "gateway_search_bytes", .help = "What all collections take."},
                          [this] { return static_cast<double>(room_.taken()); })
               .value();
    return all;
}

} // namespace gateway
