// examples/gateway/serving.cpp: listeners, signals, and the order of the end.
#include "serving.hpp"

#include "debug/dump_signal.hpp"

#include <http/service_manager.hpp>
#include <weir/io/backend.hpp>

#include <cstdio>
#include <utility>

namespace gateway {

serving::serving(weir::runtime& on, options const& with, gateway& to, log& tells)
    : runtime_{on}, options_{with}, gateway_{to}, log_{tells}, reload_{tells} {
    reload_.add("keys", [this] { gateway_.its().reload_keys(); });
    reload_.add("log", [this] {
        if (auto const opened = log_.reopen(); !opened) throw std::system_error(opened.error());
    });
#ifdef WEIR_GATEWAY_TLS
    if (!with.tls_certificate.empty()) {
        certificates_.emplace(tls::certificate_files{with.tls_certificate, with.tls_key});
        for (auto const& warning : certificates_->warnings()) log_.say(log_level::warning, warning);
        reload_.add_task("certificates", [this]() -> weir::task<std::string> {
            auto const report = co_await certificates_->reload();
            co_return report.done ? std::string{} : report.text;
        });
        bool const alone = with.tls_port == 0;
        if (!alone) open("http", with.listen.port, nullptr);
        open("https", alone ? with.listen.port : with.tls_port, &*certificates_);
        doors_.back().observed += certificates_->register_metrics(gateway_.registry());
        return;
    }
#endif
    open("http", with.listen.port, nullptr);
}

void serving::open(std::string scheme, std::uint16_t port, http::layer_maker* layers) {
    door made;
    made.scheme = std::move(scheme);
    made.at = options_.listen;
    made.at.port = port;
    auto how = options_.server;
    how.layers = layers;
    made.server = std::make_unique<http::server>(how, [this](http::exchange& one) { return gateway_.handle(one); });
    made.observed = gateway_.observe(*made.server, doors_.empty() ? std::string{} : made.scheme);
    doors_.push_back(std::move(made));
}

bool serving::listen() {
    http::raise_descriptor_limit();
    for (auto& each : doors_) {
        auto listener = http::listen(each.at);
        if (!listener) return false;
        each.listener = std::move(*listener);
    }
    if (!runtime_.backend_refusal().empty())
        std::fprintf(stderr, "io_uring is refused (%s); using epoll\n", runtime_.backend_refusal().c_str());
    for (auto const& each : doors_)
        std::printf("listening on %s://%s (%s, %u workers)\n", each.scheme.c_str(),
                    each.listener.local().value().to_string().c_str(),
                    std::string{weir::io::name_of(runtime_.backend())}.c_str(), runtime_.workers());
    std::fflush(stdout);
    return true;
}

int serving::run(process_signals& signals) {
    if (!listen()) return 1;
    if (options_.debug_port != 0) debug_.emplace(runtime_, gateway_.registry(), options_.debug_port);
    http::tell_manager("READY=1");
    runtime_.block_on(
        [](serving* self, process_signals* by) -> weir::task<> {
            co_await weir::in_scope(
                [](weir::scope& tasks, serving* its, process_signals* from) { return its->serve(tasks, from); }, self,
                by);
        },
        this, &signals);
    if (auto const cut = gateway_.cut_off(); !cut.empty())
        log_.say(log_level::warning, "requests were broken off by the end", {{"requests", cut}});
    return 0;
}

weir::task<> serving::serve(weir::scope& tasks, process_signals* signals) {
    tasks.spawn(&drain_at_signal, this, &signals->ends);
    tasks.spawn(&dump_at_signal, &signals->questions, &runtime_, &log_);
    if (debug_) tasks.spawn([](debug_port* port) { return port->run(); }, &*debug_);
    tasks.spawn([](reload* again, weir::io::signal_set* from) { return again->watch(*from); }, &reload_,
                &signals->hangups);
    co_await weir::in_scope(
        [](weir::scope& all, serving* self) -> weir::task<> {
            for (auto& each : self->doors_) all.spawn([](door* one) { return one->server->run(one->listener); }, &each);
            co_return;
        },
        this);
    tasks.request_stop();
}

// Drains at the first signal; a second one in the meantime ends the process by its default action.
weir::task<> serving::drain_at_signal(serving* self, weir::io::signal_set* ends) {
    auto const number = co_await ends->next();
    if (!number) co_return;
    std::printf("signal %d: draining\n", *number);
    std::fflush(stdout);
    http::tell_manager("STOPPING=1");
    ends->give_back();
    self->gateway_.drain_begins();
    for (auto& each : self->doors_) each.server->drain();
    if (self->debug_) self->debug_->drain();
}

} // namespace gateway
