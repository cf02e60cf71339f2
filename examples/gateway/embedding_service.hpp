// examples/gateway/embedding_service.hpp: the embeddings of texts, for many callers at once, and POST /v1/embeddings.
// Equal texts that are asked for at the same time are computed once (coalescer); different ones go to the model together
// (batcher): it gets what has gathered while it was busy. Nothing holds a worker for long: thousands of texts are read on
// a blocking thread, and computed and written a part at a time.
#pragma once

#include "embedding_model.hpp"
#include "openai.hpp"

#include <http/exchange.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gateway {

// Threads: any, for every function.
class embedding_service {
public:
    using computing = std::function<weir::task<weir::result<embedding>>()>;
    // Where else an embedding may be found, a cache of many nodes for instance: gives it, or awaits what `compute` gives.
    using elsewhere = std::function<weir::task<weir::result<embedding>>(std::string const& text, computing compute)>;

    static constexpr std::size_t usual_batch = 256;

    // At most `most_in_batch` texts go to the model together.  Needs: most_in_batch >= 1.
    explicit embedding_service(weir::executor_ref where, elsewhere look = {}, std::size_t most_in_batch = usual_batch);

    // POST /v1/embeddings
    weir::task<> answer(http::exchange& one);
    // The embeddings of `texts`, in their order.
    // Errors: errc::closed, errc::overloaded.  Cancel: leaves; what others wait for goes on.
    weir::task<weir::result<std::vector<embedding>>> embed(std::span<std::string const> texts);
    // Ends what is under way. To be awaited before the end of the service.
    weir::task<> close();

    // What was computed and what was not; how many texts went to the model together; how many wait to.
    weir::coalescer_figures figures() const { return flights_.figures(); }
    weir::histogram const& batch_sizes() const noexcept { return batch_sizes_; }
    weir::batcher_figures batches() const { return batches_.figures(); }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    using embeddings = weir::coalescer<std::string, embedding>;

    weir::task<weir::result<embedding>> load(std::string const& text);
    weir::task<> run_batch(std::span<std::string> texts, weir::replies<embedding>& replies);

    embedding_model const model_{};
    std::vector<model_card> const models_{embedding_model_card()}; // that can be asked for
    elsewhere const look_;
    weir::histogram batch_sizes_;
    weir::batcher<std::string, embedding> batches_;
    embeddings flights_;
};

} // namespace gateway
