// examples/http/run.cpp: options, signals and the order of the end.
#include "run.hpp"

#include "service_manager.hpp"

#include <weir/coro/scope.hpp>
#include <weir/io/backend.hpp>
#include <weir/net/address.hpp>
#include <weir/net/tcp.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sys/resource.h>

namespace http {

namespace {

// Drains the server at the first signal; a second one in the meantime ends the process by its default action.
weir::task<> drain_at_signal(weir::io::signal_set* signals, server* one) {
    auto const number = co_await signals->next();
    if (!number) co_return;
    std::printf("signal %d: draining\n", *number);
    std::fflush(stdout);
    tell_manager("STOPPING=1");
    signals->give_back();
    one->drain();
}

weir::task<> serve(weir::scope& tasks, server* one, server::listener_type* listener, weir::io::signal_set* signals) {
    tasks.spawn(&drain_at_signal, signals, one);
    co_await one->run(*listener);
    tasks.request_stop();
}

// Says why there is none.
weir::result<server::listener_type> bind(run_options const& options) {
    auto const at = weir::net::address::parse(options.host + ':' + std::to_string(options.port));
    if (!at) {
        std::fprintf(stderr, "--host %s: not an IPv4 address, nor an IPv6 address in brackets\n", options.host.c_str());
        return at.error();
    }
    auto listener = weir::net::tcp_listener::bind(*at);
    if (listener) return std::move(*listener);
    std::fprintf(stderr, "cannot listen on %s: %s\n", at->to_string().c_str(), listener.error().message().c_str());
    return listener.error();
}

} // namespace

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit); // refused, the server takes fewer connections at a time
}

weir::result<server::listener_type> listen(run_options const& options) {
    auto listener = inherited_listener();
    if (listener) return listener;
    if (listener.error() == weir::errc::unsupported) return bind(options);
    std::fprintf(stderr, "cannot use the inherited socket: %s\n", listener.error().message().c_str());
    return listener.error();
}

void run_options::add_to(CLI::App& app) {
    app.add_option("--host", host, "address to listen on: an IPv4 address, or an IPv6 address in [brackets]")
        ->capture_default_str();
    app.add_option("--port", port, "port to listen on; 0 takes one that is free")->capture_default_str();
    app.add_option("--backend", backend, "how to reach the kernel: io_uring where it is allowed, else epoll; or one of them")
        ->check(CLI::IsMember({"auto", "io_uring", "epoll"}))
        ->capture_default_str();
    app.add_option("--workers", workers, "threads; 0: as many as this process may use")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
}

weir::runtime_options run_options::runtime() const {
    weir::runtime_options options;
    options.workers = workers;
    options.backend = weir::io::parse_backend(backend).value_or(weir::io::backend_choice::automatic);
    return options;
}

int run_until_signalled(weir::runtime& on, server& one, run_options const& options, weir::io::signal_set& signals,
                        std::function<weir::task<>()> closing) {
    raise_descriptor_limit();
    auto listener = listen(options);
    if (!listener) return 1;
    if (!on.backend_refusal().empty())
        std::fprintf(stderr, "io_uring is refused (%s); using epoll\n", on.backend_refusal().c_str());
    std::printf("listening on http://%s (%s, %u workers)\n", listener->local().value().to_string().c_str(),
                std::string{weir::io::name_of(on.backend())}.c_str(), on.workers());
    std::fflush(stdout);
    tell_manager("READY=1");
    on.block_on([](server* served, server::listener_type* from, weir::io::signal_set* numbers) -> weir::task<> {
        co_await weir::in_scope(&serve, served, from, numbers);
    }, &one, &*listener, &signals);
    if (closing) on.block_on(closing);
    on.shutdown();
    return 0;
}

} // namespace http
