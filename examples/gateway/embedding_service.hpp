// examples/gateway/embedding_service.hpp: the embeddings of texts, for many callers at once.
// Equal texts that are asked for at the same time are computed once (coalescer); different ones go to the model together
// (batcher): it gets what has gathered while it was busy.
#pragma once

#include "embedding_model.hpp"

#include <weir/flow/batcher.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>

#include <span>
#include <string>
#include <vector>

namespace gateway {

// Threads: any, for every function.
class embedding_service {
public:
    explicit embedding_service(weir::executor_ref where);

    // The embeddings of `texts`, in their order.
    // Errors: errc::closed, errc::overloaded.  Cancel: leaves; what others wait for goes on.
    weir::task<weir::result<std::vector<embedding>>> embed(std::span<std::string const> texts);
    // Ends what is under way. To be awaited before the end of the service.
    weir::task<> close();

    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    using embeddings = weir::coalescer<std::string, embedding>;

    weir::task<> run_batch(std::span<std::string> texts, weir::replies<embedding>& replies);

    embedding_model const model_{};
    weir::histogram batch_sizes_;
    weir::batcher<std::string, embedding> batches_;
    embeddings flights_;
};

} // namespace gateway
