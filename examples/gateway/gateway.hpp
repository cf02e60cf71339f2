// examples/gateway/gateway.hpp: what the gateway answers, and to whom.
//     GET  /health          {"status":"ok"}
//     GET  /metrics         text for Prometheus
//     GET  /v1/models       with a key: the models
//     POST /v1/embeddings   with a key: the embeddings of one text or many
#pragma once

#include "embedding_service.hpp"
#include "keys.hpp"
#include "openai.hpp"

#include <http/exchange.hpp>
#include <http/router.hpp>
#include <http/server.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/registry.hpp>

#include <string>
#include <vector>

namespace gateway {

class gateway {
public:
    gateway(keys accepted, weir::executor_ref where);

    // Answers one request, whatever it is.
    weir::task<> handle(http::exchange& one);
    // Shows the figures of the server that it is the handler of, for as long as the registration lives.
    weir::registration observe(http::server const& server);
    weir::task<> close() { return embeddings_.close(); }

private:
    // One route: its handler, and how long it takes.
    struct route {
        weir::task<> (gateway::*answer)(http::exchange&);
        bool needs_key;
        weir::histogram* seconds;
    };

    void add(std::string method, std::string path, weir::task<> (gateway::*answer)(http::exchange&), bool needs_key);
    bool admitted(http::request const& request, http::response& response) const;

    weir::task<> health(http::exchange& one);
    weir::task<> metrics(http::exchange& one);
    weir::task<> list_models(http::exchange& one);
    weir::task<> embed(http::exchange& one);

    keys const keys_;
    std::vector<model_card> const models_;
    std::string const model_list_; // as JSON
    weir::registry registry_;
    embedding_service embeddings_;
    http::router<route> routes_;
    weir::registration registered_;
};

} // namespace gateway
