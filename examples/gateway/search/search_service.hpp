// examples/gateway/search/search_service.hpp: collections of points, over HTTP.
//     GET    /v1/collections                the collections
//     GET    /v1/collections/{name}         one of them
//     DELETE /v1/collections/{name}         ends it
//     POST   /v1/collections/{name}/points  adds points or replaces them; the first ones make the collection
//     DELETE /v1/collections/{name}/points  takes points out
//     POST   /v1/collections/{name}/search  the points nearest to a vector or a text
// A text is embedded by the built-in model. Large bodies are read on a blocking thread.
#pragma once

#include "../embedding_service.hpp"
#include "collection.hpp"
#include "search_json.hpp"

#include <http/exchange.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/sync/mutex.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace gateway {

// Threads: any, for every function.
class search_service {
public:
    // Needs: `texts` to outlive this.
    search_service(embedding_service& texts, weir::executor_ref where, search_options options = {});

    // Each answers a request, whose parameter {name} is the collection.
    weir::task<> list(http::exchange& one);
    weir::task<> describe(http::exchange& one);
    weir::task<> drop(http::exchange& one);
    weir::task<> upsert(http::exchange& one);
    weir::task<> remove(http::exchange& one);
    weir::task<> search(http::exchange& one);

    // Ends all collections. To be awaited before the end of the service, and before that of the embedding service.
    weir::task<> close();
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    using collection_ref = std::shared_ptr<collection>;
    using found = std::variant<collection_ref, api_error>;

    weir::task<found> find(std::string name);
    weir::task<found> find_or_make(std::string name, std::size_t dimensions);
    // Makes the vectors of `texts`.
    weir::task<std::variant<std::vector<embedding>, api_error>> embed(std::span<std::string const> texts);
    weir::task<std::variant<std::monostate, api_error>> fill_vectors(upsert_request& request);
    static collection_card card(std::string name, collection const& of);

    embedding_service& texts_;
    weir::executor_ref const where_;
    search_options const options_;
    space room_;
    weir::histogram batch_sizes_;
    weir::mutex naming_;
    std::map<std::string, collection_ref, std::less<>> collections_; // guarded by naming_
    bool closed_ = false;                                            // guarded by naming_
};

} // namespace gateway
