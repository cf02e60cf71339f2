// examples/gateway/model_service.hpp: GET /v1/models and /v1/models/{id}: the models built in, and those of an upstream.
// What the upstream says is kept for a while, and longer where it fails later; callers share one request. That it does
// not know a model is an answer like any other, but is kept for a shorter time, since models appear.
#pragma once

#include "openai.hpp"
#include "upstream.hpp"

#include <http/exchange.hpp>
#include <weir/coro/executor.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/metrics/registry.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

class model_options {
public:
    model_options() noexcept {}
    weir::duration time_to_live = std::chrono::seconds{60};
    weir::duration unknown_time_to_live = std::chrono::seconds{5}; // of a model that the upstream does not know
    weir::duration stale_if_error = std::chrono::hours{1};
    double jitter = 0.1;
    weir::duration patience = std::chrono::seconds{10}; // for one answer of the upstream
    std::size_t most_kept = 1024;                       // answers
    weir::time_point (*now)() noexcept = weir::clock::now;
};

// Threads: any, for every function.
class model_service {
public:
    // `own` come first, and hide an upstream's of the same name. `from`, which may be null, outlives the service.
    model_service(weir::executor_ref where, std::vector<model_card> own, upstream* from = nullptr,
                  model_options options = {});

    weir::task<> list(http::exchange& one);
    // Of the path's parameter "id".
    weir::task<> retrieve(http::exchange& one);
    // Ends what is under way. To be awaited before the end of the service.
    weir::task<> close() { return answers_.close(); }

    weir::coalescer_figures figures() const noexcept { return answers_.figures(); }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    struct kept_answer {
        std::string json; // empty: there is no such model
        weir::time_point since{};
    };
    using answers = weir::coalescer<std::string, kept_answer>;

    // What the upstream has at /models, or /models/{key} where the key is not empty.
    weir::task<weir::result<kept_answer>> load(std::string const& key);
    weir::task<weir::result<kept_answer>> ask(std::string const& key);

    std::vector<model_card> const own_;
    std::string const own_list_; // as JSON
    upstream* const from_;
    model_options const options_;
    answers answers_; // by what stands in the path
};

} // namespace gateway
