// examples/gateway/page/live_sampler.cpp: two looks and what is between them.
#include "live_sampler.hpp"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <time.h>
#include <utility>

namespace gateway {

namespace {

using nlohmann::json;

double per_second(std::uint64_t now, std::uint64_t before, double seconds) {
    return static_cast<double>(now - std::min(before, now)) / seconds; // figures are read a moment apart
}

json quantiles(weir::distribution const& all, double unit) {
    auto const in_unit = [unit](std::uint64_t value) { return static_cast<double>(value) / unit; };
    return {{"count", all.count()},
            {"mean", all.mean() / unit},
            {"p50", in_unit(all.quantile(0.5))},
            {"p99", in_unit(all.quantile(0.99))},
            {"max", in_unit(all.max())}};
}

std::chrono::nanoseconds process_time() noexcept {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

double share(std::chrono::nanoseconds now, std::chrono::nanoseconds before, double seconds) {
    return std::max(std::chrono::duration<double>{now - before}.count(), 0.0) / seconds;
}

} // namespace

live_sampler::live_sampler(live_figures const& figures, weir::runtime& of, weir::time_point server_began)
    : figures_{figures}, runtime_{of}, began_{server_began}, last_{take(weir::clock::now(), of.figures())} {}

live_sampler::look live_sampler::take(weir::time_point now, weir::runtime_figures const& of) const {
    look taken;
    taken.at = now;
    taken.cpu = process_time();
    for (auto const& [name, read] : figures_.rates_) taken.totals.push_back(read());
    for (auto const& [name, from] : figures_.times_) taken.times.push_back(from->snapshot());
    for (auto const& [name, from] : figures_.sizes_) taken.sizes.push_back(from->snapshot());
    taken.workers = of.workers;
    for (std::size_t n = 0; figures_.clocks_ && n < of.workers.size(); ++n) {
        auto const used = figures_.clocks_->cpu_time(n);
        if (!used) break;
        taken.worker_times.push_back(*used);
    }
    return taken;
}

std::string live_sampler::next(weir::time_point now) {
    auto const running = runtime_.figures();
    auto seen = take(now, running);
    double const seconds = std::max(std::chrono::duration<double>{now - last_.at}.count(), 0.001);
    json all{{"seconds", seconds},
             {"uptime", std::chrono::duration<double>{now - began_}.count()},
             {"cpu", share(seen.cpu, last_.cpu, seconds)},
             {"tasks", running.tasks_live},
             {"queued", running.all.queued},
             {"blocking",
              {{"threads", running.blocking.threads},
               {"busy", running.blocking.threads - std::min(running.blocking.idle, running.blocking.threads)},
               {"queued", running.blocking.queued}}}};
    for (auto const* const group : {"rates", "levels", "queues", "times", "sizes"}) all[group] = json::object();
    for (std::size_t n = 0; n < seen.totals.size(); ++n)
        all["rates"][figures_.rates_[n].first] = per_second(seen.totals[n], last_.totals[n], seconds);
    for (auto const& [name, read] : figures_.levels_) all["levels"][name] = read();
    for (auto const& [name, read] : figures_.queues_) all["queues"][name] = read();
    for (std::size_t n = 0; n < seen.times.size(); ++n)
        all["times"][figures_.times_[n].first] = quantiles(seen.times[n].since(last_.times[n]), 1e9);
    for (std::size_t n = 0; n < seen.sizes.size(); ++n)
        all["sizes"][figures_.sizes_[n].first] = quantiles(seen.sizes[n].since(last_.sizes[n]), 1);
    all["workers"] = json::array();
    for (std::size_t n = 0; n < std::min(seen.workers.size(), last_.workers.size()); ++n) {
        auto const& is = seen.workers[n];
        auto const& was = last_.workers[n];
        json one{{"turns", per_second(is.turns, was.turns, seconds)},
                 {"parks", per_second(is.parks, was.parks, seconds)},
                 {"steals", per_second(is.stolen, was.stolen, seconds)}};
        if (n < std::min(seen.worker_times.size(), last_.worker_times.size()))
            one["busy"] = std::min(share(seen.worker_times[n], last_.worker_times[n], seconds), 1.0);
        all["workers"].push_back(std::move(one));
    }
    last_ = std::move(seen);
    return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace gateway
