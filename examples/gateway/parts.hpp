// examples/gateway/parts.hpp: what the gateway is made of, and the order in which it is closed.
// The parts do not know each other, but for those that are handed to a constructor.
#pragma once

#include "cache/far_cache.hpp"
#include "chat_service.hpp"
#include "embedding_service.hpp"
#include "keys.hpp"
#include "log.hpp"
#include "model_service.hpp"
#include "options.hpp"
#include "search/search_service.hpp"
#include "store/audit_log.hpp"
#include "store/key_store.hpp"
#include "upstream.hpp"

#ifdef WEIR_GATEWAY_ACTIONS
#include "actions/actions.hpp"
#endif
#ifdef WEIR_GATEWAY_TLS
#include <tls/client_layers.hpp>
#endif

#include <http/static_files.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/task.hpp>
#include <weir/metrics/registry.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace gateway {

class parts : weir::immovable {
public:
    // Errors: std::exception, for what the options name and cannot be had.
    parts(options const& with, log& to, weir::executor_ref where);

    // The configured keys, as they are now.
    std::shared_ptr<keys const> accepted() const;
    // Reads the file of keys again; requests that have begun keep what they saw.
    // Errors: those of keys; then nothing changes.
    void reload_keys();

    weir::registration register_metrics(weir::registry& with);
    weir::task<> close();

    std::unique_ptr<database> kept; // null: neither keys nor audit are
    std::optional<key_store> stored_keys;
    std::optional<audit_log> audit;
#ifdef WEIR_GATEWAY_ACTIONS
    std::optional<actions> scripts;
#endif
    std::unique_ptr<far_cache> shared; // null: each node for itself
    embedding_service embeddings;
    search_service collections; // over embeddings
#ifdef WEIR_GATEWAY_TLS
    std::optional<tls::client_layers> to_upstream;
#endif
    std::optional<upstream> behind; // none: the built-in models alone
    std::optional<model_service> models;
    std::optional<chat_service> chat;
    std::optional<http::static_files> files;

private:
    static keys read_keys(options const& from);
    void reach_upstream(options const& with);

    options const& options_;
    log& log_;
    mutable std::mutex mutex_; // guards accepted_, for the length of a copy
    std::shared_ptr<keys const> accepted_;
};

} // namespace gateway
