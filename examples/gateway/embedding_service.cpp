// examples/gateway/embedding_service.cpp: a coalescer over a batcher over the model.
#include "embedding_service.hpp"

#include "openai_body.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>

#include <utility>
#include <variant>

namespace gateway {

namespace {

constexpr std::size_t most_bytes_at_once = 64 * 1024; // of texts: about a millisecond for the model
constexpr std::size_t most_vectors_at_once = 64;      // as text: about a millisecond, too

weir::batcher_options batch_options(weir::executor_ref where, std::size_t most_in_batch) {
    weir::batcher_options options;
    options.max_items = most_in_batch;
    options.executor = where;
    return options;
}

weir::coalescer_options flight_options(weir::executor_ref where) {
    weir::coalescer_options options;
    options.executor = where;
    return options;
}

} // namespace

embedding_service::embedding_service(weir::executor_ref where, elsewhere look, std::size_t most_in_batch)
    : look_{std::move(look)},
      batches_{[this](std::span<std::string> texts, weir::replies<embedding>& replies) {
                   return run_batch(texts, replies);
               },
               batch_options(where, most_in_batch)},
      flights_{[this](std::string const& text) { return load(text); }, flight_options(where)} {}

weir::task<weir::result<embedding>> embedding_service::load(std::string const& text) {
    if (!look_) co_return co_await batches_.submit(text);
    computing const compute = [this, &text]() -> weir::task<weir::result<embedding>> {
        co_return co_await batches_.submit(text);
    };
    co_return co_await look_(text, compute);
}

weir::task<> embedding_service::run_batch(std::span<std::string> texts, weir::replies<embedding>& replies) {
    batch_sizes_.record(texts.size());
    std::vector<embedding> vectors(texts.size());
    for (std::size_t begin = 0; begin < texts.size();) {
        std::size_t end = begin;
        std::size_t bytes = 0;
        do bytes += texts[end++].size();
        while (end < texts.size() && bytes + texts[end].size() <= most_bytes_at_once);
        model_.embed(texts.subspan(begin, end - begin), std::span{vectors}.subspan(begin, end - begin));
        begin = end;
        if (begin < texts.size()) co_await weir::yield();
    }
    for (std::size_t i = 0; i < vectors.size(); ++i) replies.set(i, vectors[i]);
}

weir::task<> embedding_service::answer(http::exchange& one) {
    auto const read = co_await read_body(&parse_embeddings_request, one.request.body(), std::span{models_});
    if (!read) co_return fill(one.response, unavailable("the request could not be read", read.error()));
    if (auto const* const error = std::get_if<api_error>(&*read)) co_return fill(one.response, *error);
    auto const& asked = std::get<embeddings_request>(*read);
    auto const vectors = co_await embed(asked.inputs);
    if (!vectors)
        co_return fill(one.response, unavailable("the embedding could not be computed", vectors.error()));
    std::size_t tokens = 0;
    for (auto const& input : asked.inputs) tokens += approximate_tokens(input);
    embeddings_writer writer{one.response.body(), asked.format};
    for (std::size_t i = 0; i < vectors->size(); ++i) {
        if (i > 0 && i % most_vectors_at_once == 0) co_await weir::yield();
        writer.add((*vectors)[i]);
    }
    writer.finish(asked.model, tokens);
    static_cast<void>(one.response.set_content_type("application/json")); // a literal, always valid
}

weir::task<weir::result<std::vector<embedding>>> embedding_service::embed(std::span<std::string const> texts) {
    using found = weir::result<weir::shared_value<embedding>>;
    auto const one = [](embeddings& from, std::string const& text) -> weir::task<found> {
        co_return co_await from.get(text);
    };
    std::vector<weir::task<found>> asked;
    asked.reserve(texts.size());
    for (auto const& text : texts) asked.push_back(one(flights_, text));
    auto const answers = co_await weir::when_all(std::move(asked));
    std::vector<embedding> vectors;
    vectors.reserve(answers.size());
    for (auto const& answer : answers) {
        if (!answer) co_return answer.error();
        vectors.push_back(**answer);
    }
    co_return vectors;
}

weir::task<> embedding_service::close() {
    co_await flights_.close();
    co_await batches_.close();
}

weir::registration embedding_service::register_metrics(weir::registry& with) const {
    auto all = with.add({.name = "gateway_embedding_batch_size", .help = "Texts in one call of the model."}, batch_sizes_,
                        weir::summary_options{.unit = weir::recorded::numbers})
                   .value();
    all += with.add_counter({.name = "gateway_embedding_flights_total", .help = "Texts that were computed."},
                            [this] { return flights_.figures().leads; })
               .value();
    all += with.add_counter({.name = "gateway_embedding_coalesced_total",
                             .help = "Texts that were asked for while the same was being computed."},
                            [this] { return flights_.figures().joins; })
               .value();
    return all;
}

} // namespace gateway
