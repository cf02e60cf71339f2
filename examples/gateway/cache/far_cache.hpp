// examples/gateway/cache/far_cache.hpp: what a gateway's nodes share in a Redis: embeddings, and the upstream's models.
// Redis away means slower, not down: each node then computes and asks for itself.
#pragma once

#include "embedding_cache.hpp"
#include "shared_cache.hpp"

#include "../embedding_service.hpp"
#include "../model_service.hpp"

#include <redis/client.hpp>
#include <redis/location.hpp>
#include <weir/base/immovable.hpp>
#include <weir/metrics/registry.hpp>

#include <string>

namespace gateway {

// Threads: any, for every function.
class far_cache : weir::immovable {
public:
    // Errors: std::invalid_argument, without the URL, which may hold a password.
    far_cache(std::string const& url, weir::executor_ref where);

    // For an embedding service, which ends first.
    embedding_service::elsewhere embeddings();

    // For a model service, which ends first. `upstream` and `key` are its upstream's: nodes that ask another one, or with
    // another key, see other models, and share nothing with these.  Errors: std::system_error, when OpenSSL cannot.
    model_service::elsewhere models(std::string const& upstream, std::string const& key);

    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;
    // To be awaited before the end, when nobody looks any more.
    weir::task<> close();

private:
    weir::task<weir::result<embedding>> find(std::string const& text, embedding_service::computing compute);

    redis::client client_;
    shared_cache shared_;
    embedding_cache embeddings_;
};

} // namespace gateway
