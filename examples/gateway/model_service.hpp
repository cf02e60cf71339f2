// examples/gateway/model_service.hpp: GET /v1/models and /v1/models/{id}: the models built in, and those of an upstream.
// What the upstream says is kept for a while, and longer where it fails later; callers share one request. That it does
// not know a model is an answer like any other, but is kept for a shorter time, since models appear.
// Where nodes share a cache it is one of them that asks, and each keeps the answer only for a tenth of its time, so that
// it is hardly older than it would be without.
#pragma once

#include "openai.hpp"
#include "upstream.hpp"

#include <http/exchange.hpp>
#include <weir/coro/executor.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/metrics/registry.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
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
    using computing = std::function<weir::task<weir::result<weir::bytes>>()>;
    // Where else an answer of the upstream to a path may be found, a cache of many nodes for instance: gives it, or
    // awaits what `compute` gives and keeps that for about `lasts`.
    using elsewhere =
        std::function<weir::task<weir::result<weir::bytes>>(std::string path, weir::duration lasts, computing compute)>;

    // `own` come first, and hide an upstream's of the same name. `from`, which may be null, outlives the service.
    model_service(weir::executor_ref where, std::vector<model_card> own, upstream* from = nullptr,
                  model_options options = {}, elsewhere look = {});

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
    // The upstream's text, which is good; empty where it knows no such model.
    weir::task<weir::result<weir::bytes>> ask(std::string const& path);
    // The same, or what another node has asked for.
    weir::task<weir::result<weir::bytes>> find(std::string const& path);
    // What clients are told; nothing where `text` is no good answer.
    std::optional<std::string> checked(std::string const& path, std::string_view text) const;

    std::vector<model_card> const own_;
    std::string const own_list_; // as JSON
    upstream* const from_;
    model_options const options_;
    elsewhere const look_;
    answers answers_; // by what stands in the path
};

} // namespace gateway
