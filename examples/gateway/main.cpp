// examples/gateway/main.cpp: the command line of the gateway.
#include "gateway.hpp"
#include "keys.hpp"

#include <http/run.hpp>
#include <http/server.hpp>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

namespace {

// From the command line, a file and the environment; where there is none, a new one, which is printed.
gateway::keys collect_keys(std::vector<std::string> const& given, std::string const& file) {
    gateway::keys keys;
    for (auto const& key : given) keys.add(key, "--api-key");
    if (!file.empty()) keys.add_file(file);
    if (char const* const list = std::getenv(gateway::keys::environment_variable))
        keys.add_list(list, gateway::keys::environment_variable);
    if (keys.size() == 0) {
        auto const key = gateway::keys::random();
        keys.add(key, "the random key");
        std::printf("no API keys are configured; this one is for trying out: %s\n", key.c_str());
    }
    return keys;
}

int run(int argc, char** argv) {
    CLI::App app{"A gateway before model servers that speak the OpenAI HTTP API."};
    http::run_options options;
    std::vector<std::string> keys;
    std::string key_file;
    options.add_to(app);
    app.add_option("--api-key", keys, "a key that is accepted; may be given several times")->take_all();
    app.add_option("--api-key-file", key_file, "a file of keys, one a line; # begins a comment");
    app.footer("Keys are also read from the environment variable WEIR_GATEWAY_KEYS, separated by commas.\n"
               "SIGINT and SIGTERM end the server when the requests that have begun are answered.");
    CLI11_PARSE(app, argc, argv);

    auto accepted = collect_keys(keys, key_file);
    weir::io::signal_set signals{SIGINT, SIGTERM}; // before there are threads
    weir::runtime runtime{options.runtime()};
    gateway::gateway gateway{std::move(accepted), runtime.get_executor()};
    http::server server{http::server_options{}, [&](http::exchange& one) { return gateway.handle(one); }};
    auto const observed = gateway.observe(server);
    return http::run_until_signalled(runtime, server, options, signals, [&] { return gateway.close(); });
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (std::exception const& error) {
        std::fprintf(stderr, "weir-gateway: %s\n", error.what());
        return 1;
    }
}
