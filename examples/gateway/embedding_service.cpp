// examples/gateway/embedding_service.cpp: a coalescer over a batcher over the model.
#include "embedding_service.hpp"

#include <weir/coro/when_all.hpp>

#include <utility>

namespace gateway {

namespace {

constexpr std::size_t most_in_batch = 256;

weir::batcher_options batch_options(weir::executor_ref where) {
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

embedding_service::embedding_service(weir::executor_ref where)
    : batches_{[this](std::span<std::string> texts, weir::replies<embedding>& replies) {
                   return run_batch(texts, replies);
               },
               batch_options(where)},
      flights_{[this](std::string const& text) -> weir::task<weir::result<embedding>> {
                   co_return co_await batches_.submit(text);
               },
               flight_options(where)} {}

weir::task<> embedding_service::run_batch(std::span<std::string> texts, weir::replies<embedding>& replies) {
    batch_sizes_.record(texts.size());
    std::vector<embedding> vectors(texts.size());
    model_.embed(texts, vectors);
    for (std::size_t i = 0; i < vectors.size(); ++i) replies.set(i, vectors[i]);
    co_return;
}

weir::task<weir::result<std::vector<embedding>>> embedding_service::embed(std::span<std::string const> texts) {
    using found = weir::result<weir::shared_value<embedding>>;
    auto const one = [](embeddings& from, std::string const& text) -> weir::task<found> { co_return co_await from.get(text); };
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
