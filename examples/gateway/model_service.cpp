// examples/gateway/model_service.cpp: joining two lists of models, and which names are asked for.
#include "model_service.hpp"

#include <http/ascii.hpp>
#include <weir/timer/timeout.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace gateway {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_answer = 4 * 1024 * 1024;
constexpr std::string_view list_path = "/models";

weir::coalescer_options coalescer_options(weir::executor_ref where, model_options const& from, bool shared) {
    weir::coalescer_options options;
    options.executor = where;
    options.finishes_abandoned = true;
    options.time_to_live = shared ? from.time_to_live / 10 : from.time_to_live;
    options.jitter = from.jitter;
    options.stale_if_error = from.stale_if_error;
    options.max_entries = from.most_kept;
    options.now = from.now;
    return options;
}

// Nothing where a percent sign is not followed by two digits.
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char code = static_cast<unsigned char>(text[i]);
        if (text[i] == '%') {
            auto const digits = text.substr(i + 1, 2);
            auto const* const end = digits.data() + digits.size();
            if (digits.size() < 2 || std::from_chars(digits.data(), end, code, 16).ptr != end) return std::nullopt;
            i += 2;
        }
        out.push_back(static_cast<char>(code));
    }
    return out;
}

// Whether a server could take a part of it for a step up, and so the whole for the path of something else.
bool climbs(std::string_view id) {
    for (;;) {
        auto const end = std::min(id.find_first_of("/\\"), id.size());
        if (id.substr(0, end) == "." || id.substr(0, end) == "..") return true;
        if (end == id.size()) return false;
        id.remove_prefix(end + 1);
    }
}

std::string dump(json const& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// The list of an upstream behind our own; nothing where it is none.
std::optional<std::string> joined(std::string_view own_list, std::string_view theirs) {
    auto const answer = json::parse(theirs, nullptr, false);
    if (!answer.is_object() || !answer.contains("data") || !answer["data"].is_array()) return std::nullopt;
    auto all = json::parse(own_list);
    auto& data = all["data"];
    auto const own = data.size();
    for (auto const& model : answer["data"]) {
        if (!model.is_object() || !model.contains("id") || !model["id"].is_string()) return std::nullopt;
        bool const hidden = std::any_of(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(own),
                                        [&](json const& each) { return each["id"] == model["id"]; });
        if (!hidden) data.push_back(model);
    }
    return dump(all);
}

std::optional<std::string> checked_card(std::string_view theirs) {
    auto const card = json::parse(theirs, nullptr, false);
    if (!card.is_object() || !card.contains("id")) return std::nullopt;
    return dump(card);
}

void refuse(http::response& response, std::error_code why) {
    auto const error = upstream_error(why);
    fill(response, error);
    if (error.status == 503) static_cast<void>(response.add_header("Retry-After", "1")); // a literal, always valid
}

void answer_json(http::response& response, std::string body) {
    static_cast<void>(response.set_content_type("application/json")); // a literal, always valid
    response.body() = std::move(body);
}

} // namespace

model_service::model_service(weir::executor_ref where, std::vector<model_card> own, upstream* from, model_options options,
                             elsewhere look)
    : own_{std::move(own)}, own_list_{model_list_json(own_)}, from_{from}, options_{options}, look_{std::move(look)},
      answers_{[this](std::string const& key) { return load(key); },
               coalescer_options(where, options, static_cast<bool>(look_))} {}

weir::task<weir::result<model_service::kept_answer>> model_service::load(std::string const& key) {
    auto const path = std::string{list_path} + (key.empty() ? "" : "/" + key);
    auto text = co_await weir::timeout(find(path), options_.patience);
    if (!text) co_return text.error();
    kept_answer kept;
    kept.since = options_.now();
    if (text->empty()) co_return kept;
    auto told = checked(path, text->view());
    if (!told) { // somebody else has written where the nodes keep theirs
        text = co_await weir::timeout(ask(path), options_.patience);
        if (!text) co_return text.error();
        told = checked(path, text->view());
    }
    kept.json = std::move(told).value_or(std::string{});
    co_return kept;
}

weir::task<weir::result<weir::bytes>> model_service::find(std::string const& path) {
    if (!look_) co_return co_await ask(path);
    bool unknown = false;
    // That there is no such model is no answer to be kept elsewhere: each node hears soon when it has appeared.
    computing const compute = [this, &path, &unknown]() -> weir::task<weir::result<weir::bytes>> {
        auto text = co_await ask(path);
        unknown = text && text->empty();
        if (unknown) co_return std::make_error_code(std::errc::no_such_file_or_directory);
        co_return text;
    };
    auto found = co_await look_(path, options_.time_to_live, compute);
    if (unknown) co_return weir::bytes{};
    co_return found;
}

weir::task<weir::result<weir::bytes>> model_service::ask(std::string const& path) {
    auto const what = from_->request("GET", path);
    if (!what) co_return what.error();
    auto answer = co_await from_->send(*what);
    if (!answer) co_return answer.error();
    auto const text = co_await from_->read_all(*answer, longest_answer);
    if (!text) co_return text.error();
    if (answer->status() == 404 && path != list_path) co_return weir::bytes{};
    if (answer->status() == 429 || answer->status() == 503) co_return weir::errc::overloaded;
    if (answer->status() != 200 || !checked(path, *text)) co_return std::make_error_code(std::errc::bad_message);
    co_return weir::bytes::copy_of(*text);
}

std::optional<std::string> model_service::checked(std::string const& path, std::string_view text) const {
    return path == list_path ? joined(own_list_, text) : checked_card(text);
}

weir::task<> model_service::list(http::exchange& one) {
    if (!from_) co_return answer_json(one.response, own_list_);
    auto const got = co_await answers_.get(std::string{});
    if (!got) co_return refuse(one.response, got.error());
    answer_json(one.response, (*got)->json);
}

weir::task<> model_service::retrieve(http::exchange& one) {
    auto const key = one.parameters["id"];
    auto const id = decoded(key);
    auto const unknown = [&] { fill(one.response, model_not_found(id ? *id : std::string{key})); };
    if (!id) co_return unknown();
    for (auto const& each : own_)
        if (each.id == *id) co_return answer_json(one.response, model_json(each));
    if (!from_ || climbs(*id)) co_return unknown();
    std::string const asked{key};
    auto got = co_await answers_.get(asked);
    if (got && (*got)->json.empty() && options_.now() - (*got)->since >= options_.unknown_time_to_live)
        got = co_await answers_.refresh(asked);
    if (!got) co_return refuse(one.response, got.error());
    if ((*got)->json.empty()) co_return unknown();
    answer_json(one.response, (*got)->json);
}

weir::registration model_service::register_metrics(weir::registry& with) const {
    weir::registration all;
    auto const counter = [&](char const* name, char const* help, auto read) {
        all += with.add_counter({.name = name, .help = help}, [this, read] { return read(answers_.figures()); }).value();
    };
    counter("gateway_models_loads_total", "Times the upstream was asked for models.",
            [](weir::coalescer_figures const& of) { return of.leads; });
    counter("gateway_models_joins_total", "Requests for models that shared such an answer on its way.",
            [](weir::coalescer_figures const& of) { return of.joins; });
    counter("gateway_models_hits_total", "Requests for models that found a kept answer.",
            [](weir::coalescer_figures const& of) { return of.hits; });
    counter("gateway_models_stale_total", "Of these: past its time, because the upstream failed.",
            [](weir::coalescer_figures const& of) { return of.stale_hits; });
    return all;
}

} // namespace gateway
