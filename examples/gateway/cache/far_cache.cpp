// examples/gateway/cache/far_cache.cpp: a client, a cache over it, and vectors in that.
#include "far_cache.hpp"

#include "../store/key_digest.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gateway {
namespace {

redis::location parse(std::string const& url) {
    auto found = redis::location::parse(url);
    if (!found) throw std::invalid_argument("--redis: " + found.error().message());
    return std::move(*found);
}

weir::task<weir::result<std::vector<float>>> numbers_of(embedding_service::computing const* compute) {
    auto const made = co_await (*compute)();
    if (!made) co_return made.error();
    co_return std::vector<float>(made->begin(), made->end());
}

} // namespace

far_cache::far_cache(std::string const& url, weir::executor_ref where)
    : client_{where, parse(url)}, shared_{client_, where}, embeddings_{shared_, "weir-ngram-384.1"} {}

embedding_service::elsewhere far_cache::embeddings() {
    return [this](std::string const& text, embedding_service::computing compute) {
        return find(text, std::move(compute));
    };
}

weir::task<weir::result<embedding>> far_cache::find(std::string const& text, embedding_service::computing compute) {
    embedding_cache::computing const numbers = [from = &compute] { return numbers_of(from); };
    auto const kept = co_await embeddings_.get(text, numbers);
    if (!kept) co_return kept.error();
    if (kept->size() != embedding_model::dimensions) { // somebody else has written there
        auto made = co_await compute();
        co_return made;
    }
    embedding vector;
    std::copy(kept->begin(), kept->end(), vector.begin());
    co_return vector;
}

model_service::elsewhere far_cache::models(std::string const& upstream, std::string const& key) {
    auto const whose = key_digest::of(upstream + '\n' + key).text(); // so that the key stays here
    return [this, prefix = "models1:" + whose + ':'](std::string path, weir::duration lasts,
                                                     model_service::computing compute) {
        return shared_.get(prefix + path, lasts, std::move(compute));
    };
}

weir::registration far_cache::register_metrics(weir::registry& with) const {
    auto all = shared_.register_metrics(with);
    all += client_.register_metrics(with);
    return all;
}

weir::task<> far_cache::close() {
    co_await shared_.close();
    co_await client_.close();
}

} // namespace gateway
