// examples/gateway/gateway_routes.cpp: which service answers what, and the figures of it all.
#include "gateway.hpp"

#include <utility>

namespace gateway {
namespace {

constexpr std::string_view json = "application/json";

weir::concurrency_options limit_options(options const& from) {
    weir::concurrency_options made;
    made.slots = from.concurrency;
    // A batch takes longer than a single text, and is the better for it: so the limit falls no further than that.
    made.gradient.least = static_cast<double>(from.concurrency);
    made.gradient.most = static_cast<double>(std::max(from.concurrency, from.most_concurrency));
    made.max_waiting = from.waiting;
    made.queue.target = from.target_wait;
    return made;
}

} // namespace

gateway::gateway(options const& with, log& to, weir::runtime& on, worker_clocks const& clocks)
    : options_{with}, log_{to}, parts_{with, to, on.get_executor()}, page_{on, figures(clocks)} {
    compression_.least = with.compress_above;
    add_routes();
    add_metrics();
}

gateway::route& gateway::add(std::string method, std::string path, verb answer) {
    auto& made = make(std::move(method), std::move(path), std::move(answer));
    routes_.add(made.method, made.path, &made);
    return made;
}

gateway::route& gateway::make(std::string method, std::string path, verb answer) {
    auto& made = *all_.emplace_back(std::make_unique<route>());
    made.answer = std::move(answer);
    made.method = std::move(method);
    made.path = std::move(path);
    weir::metric_labels const labels{{"method", made.method}, {"route", made.path}};
    made.seconds = registry_
                       .histogram_of({.name = "gateway_request_seconds",
                                      .help = "From a whole request to its response, in seconds.",
                                      .labels = labels})
                       .value();
    char const* const outcomes[] = {"ok", "refused", "failed", "broken_off"};
    for (std::size_t n = 0; n < made.answered.size(); ++n) {
        auto with_outcome = labels;
        with_outcome.emplace_back("outcome", outcomes[n]);
        made.answered[n] = registry_
                               .counter_of({.name = "gateway_answers_total",
                                            .help = "Answers: refused are 400 to 499, failed from 500 on.",
                                            .labels = with_outcome})
                               .value();
    }
    return made;
}

void gateway::add_keyed(std::string method, std::string path, verb answer) {
    auto& made = add(std::move(method), std::move(path), std::move(answer));
    made.limit = std::make_unique<weir::concurrency_limit>(limit_options(options_));
    auto const* const limit = made.limit.get();
    weir::metric_labels const labels{{"method", made.method}, {"route", made.path}};
    auto const gauge = [&](char const* name, char const* help, auto pick) {
        registered_ += registry_
                           .add_gauge({.name = name, .help = help, .labels = labels},
                                      [limit, pick] { return pick(limit->figures()); })
                           .value();
    };
    using figures = weir::concurrency_figures const&;
    gauge("gateway_places", "Requests that may be served at once.", [](figures now) { return now.slots; });
    gauge("gateway_places_taken", "Requests that are being served.", [](figures now) { return now.in_flight; });
    gauge("gateway_places_awaited", "Requests that wait for a place.", [](figures now) { return now.waiting; });
    registered_ += registry_
                       .add_counter({.name = "gateway_shed_total",
                                     .help = "Requests that were sent away because of the others.",
                                     .labels = labels},
                                    [limit] { return limit->figures().shed; })
                       .value();
}

void gateway::add_routes() {
    auto const of = [](auto& service, auto answer) {
        return [&service, answer](http::exchange& one, caller const&) { return (service.*answer)(one); };
    };
    add("GET", "/health", of(*this, &gateway::health)).probe = true;
    add("GET", "/metrics", of(*this, &gateway::metrics)).probe = true;
    add("GET", "/", of(page_, &live_page::show));
    add("GET", "/live", of(page_, &live_page::events));
    add_keyed("GET", "/v1/models", of(*parts_.models, &model_service::list));
    add_keyed("GET", "/v1/models/{id}", of(*parts_.models, &model_service::retrieve));
    add_keyed("POST", "/v1/embeddings", of(parts_.embeddings, &embedding_service::answer));
    auto& search = parts_.collections;
    add_keyed("GET", "/v1/collections", of(search, &search_service::list));
    add_keyed("GET", "/v1/collections/{name}", of(search, &search_service::describe));
    add_keyed("DELETE", "/v1/collections/{name}", of(search, &search_service::drop));
    add_keyed("POST", "/v1/collections/{name}/points", of(search, &search_service::upsert));
    add_keyed("DELETE", "/v1/collections/{name}/points", of(search, &search_service::remove));
    add_keyed("POST", "/v1/collections/{name}/search", of(search, &search_service::search));
    add_keyed("POST", "/v1/chat/completions",
              [this](http::exchange& one, caller const& by) { return parts_.chat->complete(one, by); });
    if (parts_.files) add_files();
}

// The router knows no paths of any depth: what it does not find is looked for here.
void gateway::add_files() {
    files_path_ = options_.files_path;
    while (files_path_.ends_with('/')) files_path_.pop_back();
    files_path_ += '/';
    files_ = &make("GET", files_path_ + "*", [this](http::exchange& one, caller const&) {
        return parts_.files->serve(one, one.request.path().substr(files_path_.size() - 1));
    });
}

std::uint64_t gateway::total(std::size_t outcome) const {
    std::uint64_t sum = 0;
    for (auto const& each : all_) sum += each->answered[outcome]->value();
    return sum;
}

live_figures gateway::figures(worker_clocks const& clocks) {
    auto const of_limits = [this](auto pick) {
        return [this, pick] {
            double sum = 0;
            for (auto const& each : all_)
                if (each->limit) sum += static_cast<double>(pick(each->limit->figures()));
            return sum;
        };
    };
    using limit = weir::concurrency_figures const&;
    live_figures made;
    made.rate("requests", [this] { return total(0) + total(1) + total(2) + total(3); });
    made.rate("refused", [this] { return total(1); });
    made.rate("errors", [this] { return total(2); });
    made.rate("limited", [this] { return limited_.value(); });
    made.rate("shed",
              [read = of_limits([](limit now) { return now.shed; })] { return static_cast<std::uint64_t>(read()); });
    auto const coalesced = [this](auto pick) {
        return [this, pick] { return pick(parts_.models->figures()) + pick(parts_.embeddings.figures()); };
    };
    using flights = weir::coalescer_figures const&;
    made.rate("leads", coalesced([](flights now) { return now.leads; }));
    made.rate("joins", coalesced([](flights now) { return now.joins; }));
    made.rate("hits", coalesced([](flights now) { return now.hits; }));
    made.rate("batches", [this] { return parts_.embeddings.batches().batches; });
    made.sizes("batch", parts_.embeddings.batch_sizes());
    made.queue("embedding batcher", [this] { return static_cast<double>(parts_.embeddings.batches().pending); });
    made.level("inside", of_limits([](limit now) { return now.in_flight; }));
    made.level("limit", of_limits([](limit now) { return now.slots; }));
    made.level("connections", [this] {
        double sum = 0;
        for (auto const* const each : servers_) sum += static_cast<double>(each->counts().open.value());
        return sum;
    });
    made.queue("requests that wait for a place", of_limits([](limit now) { return now.waiting; }));
    if (parts_.audit) made.queue("audit rows", [this] { return static_cast<double>(parts_.audit->figures().waiting); });
    made.times("latency", latency_);
    made.workers(clocks);
    return made;
}

weir::task<> gateway::close() {
    co_await page_.close();
    co_await parts_.close();
}

void gateway::add_metrics() {
    registered_ += parts_.register_metrics(registry_);
    registered_ += page_.register_metrics(registry_);
    registered_ +=
        registry_.add({.name = "gateway_limited_total", .help = "Requests refused by the rate of their key."}, limited_)
            .value();
    registered_ += registry_
                       .add_gauge({.name = "gateway_keys_active", .help = "Keys with a rate that have asked lately."},
                                  [this] { return rates_.active(); })
                       .value();
}

weir::registration gateway::observe(http::server const& server, std::string const& name) {
    auto const& counts = server.counts();
    servers_.push_back(&server);
    weir::registration all;
    weir::metric_labels labels;
    if (!name.empty()) labels.emplace_back("listener", name);
    auto const counter = [&](char const* called, char const* help, weir::counter const& from) {
        all += registry_.add({.name = called, .help = help, .labels = labels}, from).value();
    };
    counter("gateway_connections_total", "Connections accepted.", counts.connections);
    counter("gateway_requests_total", "Requests answered, refused ones included.", counts.requests);
    counter("gateway_requests_refused_total", "Requests that were not well formed.", counts.refused);
    counter("gateway_connections_timed_out_total", "Connections closed because something took too long.",
            counts.timed_out);
    counter("gateway_responses_broken_off_total", "Streamed responses that ended in the middle.", counts.broken_off);
    all +=
        registry_
            .add({.name = "gateway_connections", .help = "Connections that are open.", .labels = labels}, counts.open)
            .value();
    return all;
}

std::string gateway::cut_off() const {
    std::string text;
    for (auto const& each : all_)
        if (auto const count = each->cut.value(); count > 0)
            text += (text.empty() ? "" : ", ") + each->method + ' ' + each->path + " (" + std::to_string(count) + ')';
    return text;
}

weir::task<> gateway::health(http::exchange& one) {
    static_cast<void>(one.response.set_content_type(json));
    one.response.body() = R"({"status":"ok"})";
    co_return;
}

weir::task<> gateway::metrics(http::exchange& one) {
    static_cast<void>(one.response.set_content_type(weir::prometheus::content_type));
    registry_.write(one.response.body());
    co_return;
}

} // namespace gateway
