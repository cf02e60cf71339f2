// examples/gateway/parts.cpp: made from the options, measured, and closed from the front to the back.
#include "parts.hpp"

#include "store/database.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

namespace gateway {
namespace {

audit_log_options audit_options(log& to) {
    audit_log_options made;
    made.say = [&to](std::string_view text) { to.say(log_level::warning, text); };
    return made;
}

search_options collection_options(options const& from) {
    search_options made;
    made.most_points = from.search_points;
    made.most_bytes = from.search_memory << 20;
    return made;
}

#ifdef WEIR_GATEWAY_ACTIONS
actions_options action_options(options const& from, log& to) {
    actions_options made;
    for (auto const& path : from.scripts) made.scripts.push_back(read_script(path));
    made.deadline = from.action_deadline;
    made.memory = from.action_memory << 20;
    made.threads = from.action_threads;
    made.queue_limit = from.action_queue;
    made.log = [&to](script_line const& line) {
        to.say(line.failure ? log_level::warning : log_level::info, "action",
               {{"script", line.script}, {"text", line.text}});
    };
    return made;
}
#endif

} // namespace

parts::parts(options const& with, log& to, weir::executor_ref where)
    : shared{with.redis.empty() ? nullptr : std::make_unique<far_cache>(with.redis, where)},
      embeddings{where, shared ? shared->embeddings() : embedding_service::elsewhere{}, with.embedding_batch},
      collections{embeddings, where, collection_options(with)},
      options_{with},
      log_{to},
      accepted_{std::make_shared<keys const>(read_keys(with))} {
    if (with.database != "none") {
        try {
            kept = open_database(with.database, where);
        } catch (std::invalid_argument const& error) { // whose text has no more of the URL than may be shown
            throw std::invalid_argument("--database: " + std::string{error.what()});
        }
        stored_keys.emplace(*kept, where);
    }
#ifdef WEIR_GATEWAY_ACTIONS
    if (!with.scripts.empty()) scripts.emplace(action_options(with, to));
#endif
    if (!with.files.empty()) {
        auto opened = http::static_files::at(with.files);
        if (!opened) throw std::invalid_argument("--files " + with.files + ": " + opened.error().message());
        files.emplace(std::move(*opened));
    }
    reach_upstream(with);
    auto* const from = behind ? &*behind : nullptr;
    std::vector<model_card> own{embedding_model_card()};
    if (!from) own.push_back(echo_model_card());
    model_options kept_models;
    kept_models.time_to_live = with.models_time_to_live;
    auto look = shared && from ? shared->models(with.upstream, with.upstream_key) : model_service::elsewhere{};
    models.emplace(where, std::move(own), from, kept_models, std::move(look));
    chat.emplace(from);
    if (kept) audit.emplace(*kept, where, audit_options(to)); // the last: it is at work from here on, and must be closed
}

void parts::reach_upstream(options const& with) {
    if (with.upstream.empty()) return;
    upstream_options made;
    made.url = with.upstream;
    made.key = with.upstream_key;
    made.client.connect_time = with.upstream_connect;
    made.first_byte = with.upstream_first_byte;
    made.idle = with.upstream_idle;
    made.attempts = with.upstream_attempts;
#ifdef WEIR_GATEWAY_TLS
    to_upstream.emplace(tls::client_options{});
    made.client.layers = &*to_upstream;
#endif
    behind.emplace(std::move(made));
}

keys parts::read_keys(options const& from) {
    keys made;
    for (auto const& key : from.api_keys) made.add(key, "--api-key");
    if (!from.api_key_file.empty()) made.add_file(from.api_key_file);
    if (char const* const list = std::getenv(keys::environment_variable))
        made.add_list(list, keys::environment_variable);
    return made;
}

std::shared_ptr<keys const> parts::accepted() const {
    std::lock_guard const locked{mutex_};
    return accepted_;
}

void parts::reload_keys() {
    auto made = std::make_shared<keys const>(read_keys(options_));
    std::lock_guard const locked{mutex_};
    accepted_.swap(made);
    if (stored_keys) stored_keys->forget();
}

weir::registration parts::register_metrics(weir::registry& with) {
    auto all = embeddings.register_metrics(with);
    all += collections.register_metrics(with);
    all += models->register_metrics(with);
    all += chat->register_metrics(with);
    if (shared) all += shared->register_metrics(with);
    if (behind) all += behind->register_metrics(with);
    all += log_.register_metrics(with);
#ifdef WEIR_GATEWAY_ACTIONS
    if (scripts) all += scripts->register_metrics(with);
#endif
    if (!kept) return all;
    auto const counter = [&](char const* name, char const* help, auto read) {
        all += with.add_counter({.name = name, .help = help}, std::move(read)).value();
    };
    counter("gateway_key_lookups_total", "Look-ups of keys in the database.",
            [this] { return stored_keys->figures().leads; });
    counter("gateway_key_lookups_shared_total", "Requests that waited for one that was under way.",
            [this] { return stored_keys->figures().joins; });
    counter("gateway_audit_written_total", "Rows that the database has.", [this] { return audit->figures().written; });
    counter("gateway_audit_lost_total", "Rows that it will never have.", [this] { return audit->figures().lost; });
    counter("gateway_audit_attempts_failed_total", "Batches of rows that were tried again.",
            [this] { return audit->figures().attempts; });
    all += with.add_gauge({.name = "gateway_audit_waiting", .help = "Rows that the database does not have yet."},
                          [this] { return audit->figures().waiting; })
               .value();
    return all;
}

weir::task<> parts::close() {
    co_await models->close();
    co_await collections.close();
    co_await embeddings.close();
    if (shared) co_await shared->close();
    if (behind) co_await behind->close();
    if (!kept) co_return;
    co_await stored_keys->close();
    co_await audit->close(options_.audit_patience);
    auto const rows = audit->figures();
    log_.say(rows.lost ? log_level::warning : log_level::info, "audit closed",
             {{"written", std::to_string(rows.written)}, {"lost", std::to_string(rows.lost)}});
    co_await kept->close();
}

} // namespace gateway
