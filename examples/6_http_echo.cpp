// examples/6_http_echo.cpp: an HTTP server that answers any method and path with the request's body.
// One idea: a handler is a coroutine that fills in a response; the rest of a server is in examples/http.
#include <http/run.hpp>
#include <http/server.hpp>

#include <CLI/CLI.hpp>
#include <csignal>

namespace {

weir::task<> echo(http::exchange& one) {
    if (auto const type = one.request.header("Content-Type"); !type || !one.response.set_content_type(*type))
        static_cast<void>(one.response.set_content_type("application/octet-stream"));
    one.response.body() = one.request.body();
    co_return;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Answers any HTTP request with its own body."};
    http::run_options options;
    options.add_to(app);
    CLI11_PARSE(app, argc, argv);

    weir::io::signal_set signals{SIGINT, SIGTERM}; // before there are threads
    weir::runtime runtime{options.runtime()};
    http::server server{http::server_options{}, echo};
    return http::run_until_signalled(runtime, server, options, signals);
}
