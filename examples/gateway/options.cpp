// examples/gateway/options.cpp: the flags, what they mean, and their bounds.
#include "options.hpp"

#include "keys.hpp"
#include "option_sources.hpp"

#include <weir/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>

namespace gateway {
namespace {

constexpr char const* prefix = "WEIR_GATEWAY_";

constexpr char const* about =
    "A gateway before model servers that speak the OpenAI HTTP API: one address, keys, limits, an audit, search.\n"
    "Without a flag it serves its built-in models on http://127.0.0.1:8080, and keeps keys and audit in a file.";

constexpr char const* more =
    "Each flag is also a variable of the environment (--max-body: WEIR_GATEWAY_MAX_BODY) and a line of the file of\n"
    "--config (max-body = 4096; lists as [a, b]; # begins a comment). A flag goes before the environment, and that\n"
    "before the file. Secrets belong into the environment or a file: others can read a command line.\n"
    "Keys add up: those of --api-key, of its file, of WEIR_GATEWAY_KEYS (with commas between them) and of the database\n"
    "are all good. SIGTERM and SIGINT end the server when the requests that have begun are answered, or after\n"
    "--drain-timeout; a second one ends it at once. SIGHUP reads the files of keys and of certificates again; SIGUSR1\n"
    "logs what the tasks wait for, where there is a --debug-port.";

// A setting that is a time, as a whole number of its unit.
template <class Unit>
CLI::Option* add_time(CLI::App& app, char const* flag, Unit& into, std::int64_t least, char const* help) {
    return app
        .add_option_function<std::int64_t>(
            flag, [&into](std::int64_t const& count) { into = Unit{count}; }, help)
        ->check(CLI::Range(least, std::int64_t{86'400'000}))
        ->default_str(std::to_string(into.count()))
        ->type_name(std::is_same_v<Unit, std::chrono::seconds> ? "SECONDS" : "MILLISECONDS");
}

template <class Number>
CLI::Option* add_count(CLI::App& app, char const* flag, Number& into, std::int64_t least, std::int64_t most,
                       char const* help) {
    return app.add_option(flag, into, help)->check(CLI::Range(least, most))->capture_default_str()->type_name("NUMBER");
}

CLI::Option* add_text(CLI::App& app, char const* flag, std::string& into, char const* what, char const* help) {
    return app.add_option(flag, into, help)->capture_default_str()->type_name(what);
}

// The path of a folder, as a request names it.
std::string is_path(std::string const& text) {
    bool const good = text.starts_with('/') && text.find_first_of("?#%") == std::string::npos;
    return good ? std::string{} : "a path begins with a slash, and has neither a ? nor a # nor a %";
}

// Puts what `add` adds into one group of the help.
template <class Add>
void in_group(CLI::App& app, char const* group, Add add) {
    app.option_defaults()->group(group);
    add();
}

void add_listening(CLI::App& app, options& to) {
    to.listen.add_to(app);
#ifdef WEIR_GATEWAY_TLS
    add_text(app, "--tls-certificate", to.tls_certificate, "FILE",
             "certificate chain in PEM; with it the port speaks TLS");
    add_text(app, "--tls-key", to.tls_key, "FILE", "the certificate's private key in PEM");
    add_count(app, "--tls-port", to.tls_port, 0, 65535,
              "port for TLS, besides --port, which then speaks plain HTTP; 0: --port");
#endif
}

void add_keys(CLI::App& app, options& to) {
    app.add_option("--api-key", to.api_keys, "a key that is accepted; may be given several times")
        ->take_all()
        ->type_name("KEY");
    add_text(app, "--api-key-file", to.api_key_file, "FILE", "a file of keys, one a line; # begins a comment");
    add_text(
        app, "--database", to.database, "WHERE",
        "keys and audit: the path of an SQLite file, or postgresql://USER:PASSWORD@HOST/NAME; none: neither is kept");
    add_time(app, "--audit-patience", to.audit_patience, 0, "how long the end waits for the audit's last rows");
    app.add_flag("--audit-probes", to.audit_probes,
                 "every request leaves a row in the audit, but for /health and /metrics, which machines ask for every "
                 "few seconds; with this these do, too");
    app.add_option("--add-key", to.key_name, "makes a key of that name in the database, prints it, and ends")
        ->configurable(false)
        ->type_name("NAME")
        ->excludes(app.add_flag_callback(
                          "--revoke-key", [&to] { to.what = options::deed::revoke_key; },
                          "reads a key from the standard input, disables it in the database, and ends")
                       ->configurable(false));
    add_count(app, "--key-rate-limit", to.key_rate_limit, 0, 1'000'000'000,
              "of the key of --add-key; 0: as --rate-limit")
        ->configurable(false);
}

void add_services(CLI::App& app, options& to) {
    add_text(app, "--upstream", to.upstream, "URL",
             "a server of the OpenAI API behind this one, as https://models.example/v1; none: the built-in models");
    add_text(app, "--upstream-key", to.upstream_key, "KEY", "the gateway's own key there");
    add_time(app, "--upstream-connect", to.upstream_connect, 1,
             "how long its name, a connection and the handshake of TLS may take together");
    add_time(app, "--upstream-first-byte", to.upstream_first_byte, 1, "how long it may take to begin an answer");
    add_time(app, "--upstream-idle", to.upstream_idle, 1, "how long it may pause in an answer");
    add_count(app, "--upstream-attempts", to.upstream_attempts, 1, 100, "for a request that it has not taken");
    add_time(app, "--models-ttl", to.models_time_to_live, 1, "how long its list of models is good");
    add_text(app, "--redis", to.redis, "URL",
             "where the nodes of this gateway share embeddings and the upstream's models, "
             "as redis://USER:PASSWORD@HOST:PORT/0 or unix:///PATH");
    add_text(app, "--files", to.files, "FOLDER",
             "files for everybody, without a key; of a.js also a.js.zst, a.js.br and a.js.gz, for who asks for them");
    add_text(app, "--files-path", to.files_path, "PATH", "where they are served")->check(is_path, "PATH");
    add_count(app, "--compress-above", to.compress_above, 0, 1 << 30,
              "answers of JSON and text of so many bytes are compressed for who asks for it, streams are not; 0: none");
    add_count(app, "--embedding-batch", to.embedding_batch, 1, 100'000, "texts that go to the model together, at most");
    add_count(app, "--search-points", to.search_points, 1, 1'000'000'000, "points that a collection may have");
    add_count(app, "--search-memory", to.search_memory, 1, 1 << 20, "MiB that all collections together may take");
}

void add_limits(CLI::App& app, options& to) {
    auto& server = to.server;
    constexpr std::int64_t mib = 1 << 20;
    add_count(app, "--rate-limit", to.rate_limit, 0, 1'000'000'000,
              "requests a minute of one key whose record names no other; 0: any number");
    add_count(
        app, "--concurrency", to.concurrency, 1, 100'000,
        "requests of one route that are served at once, at least; more while that takes no longer");
    add_count(app, "--most-concurrency", to.most_concurrency, 1, 100'000, "how many more: up to so many");
    add_count(app, "--max-waiting", to.waiting, 0, 1'000'000, "requests of one route that wait for that; more get 503");
    add_time(app, "--target-wait", to.target_wait, 1,
             "a wait that is well; a queue that stands longer is shortened with 503");
    add_count(app, "--max-connections", server.most_connections, 1, 1'000'000,
              "open at once; others wait to be accepted");
    add_count(app, "--max-header", server.bounds.header_bytes, 256, mib,
              "bytes of the headers of a request; more get 431");
    add_count(app, "--max-headers", server.bounds.header_count, 1, 10'000, "their number");
    add_count(app, "--max-target", server.bounds.target_bytes, 16, mib, "bytes of a request's target; more get 414");
    add_count(app, "--max-body", server.bounds.body_bytes, 0, 1024 * mib, "bytes of a request's body; more get 413");
    add_count(app, "--max-pipelined", server.most_gathered, 1, 10'000,
              "answers to one client that are gathered before they leave");
    add_time(app, "--idle-timeout", server.idle, 1, "how long a connection may be silent between requests");
    add_time(app, "--header-timeout", server.head, 1, "from a request's first byte to the end of its headers");
    add_time(app, "--body-timeout", server.body, 1, "from there to the end of its body");
    add_time(app, "--body-pause", server.body_pause, 1, "how long a body may stand still");
    add_time(app, "--send-timeout", server.send, 1, "how long a client may refuse to take a piece of its answer");
    add_time(app, "--drain-timeout", server.drain, 0, "how long the end waits for requests that have begun");
    add_time(app, "--drain-farewell", server.farewell, 0,
             "of that, how long it waits for requests that are on their way");
}

void add_actions([[maybe_unused]] CLI::App& app, [[maybe_unused]] options& to) {
#ifdef WEIR_GATEWAY_ACTIONS
    app.add_option("--action", to.scripts,
                   "a policy script in JavaScript; may be given several times, and they run in order")
        ->take_all()
        ->type_name("FILE");
    add_time(app, "--action-deadline", to.action_deadline, 1,
             "for all actions of a request together; then they are interrupted");
    add_count(app, "--action-memory", to.action_memory, 1, 1024, "MiB that an engine may use");
    add_count(app, "--action-threads", to.action_threads, 1, 1024, "threads for them, at most");
    add_count(app, "--action-queue", to.action_queue, 0, 1'000'000,
              "requests that wait for such a thread; more get 503");
#endif
}

void add_looking(CLI::App& app, options& to) {
    app.add_option("--log-level", to.log_level, "the least that is logged")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
    add_text(app, "--log-file", to.log_file, "FILE", "the log; none: the standard error stream. Opened anew at SIGHUP");
    add_count(app, "--debug-port", to.debug_port, 0, 65535,
              "a port on 127.0.0.1 with /debug/tasks and /debug/profile?seconds=5; 0: none");
    add_time(app, "--stall-limit", to.stall_limit, 0, "what keeps a worker longer is reported; 0: nothing is");
}

std::string default_database() {
    char const* const folder = std::getenv("STATE_DIRECTORY"); // systemd's
    return (folder && *folder ? std::string{folder} + '/' : std::string{}) + "weir-gateway.db";
}

} // namespace

options::options() : database{default_database()} {}

weir::runtime_options options::runtime() const {
    auto made = listen.runtime();
    made.stall_limit = stall_limit;
    made.keep_waits = debug_port != 0; // for /debug/tasks
    return made;
}

std::string version_text() {
    std::string text = "weir-gateway " + std::string{weir::version} + "\nwith SQLite";
#ifdef WEIR_GATEWAY_POSTGRES
    text += ", PostgreSQL";
#endif
#ifdef WEIR_GATEWAY_ACTIONS
    text += ", actions (QuickJS)";
#endif
#ifdef WEIR_GATEWAY_TLS
    text += ", TLS (OpenSSL)";
#endif
    return text + ", Redis";
}

reading read_options(int argc, char const* const* argv, char const* const* environment) {
    reading read;
    options& to = read.got;
    CLI::App app{about};
    app.footer(more);
    app.get_formatter()->column_width(36);
    std::string file;
    app.set_version_flag("--version", version_text(), "what this is, and what it was built with")->configurable(false);
    add_text(app, "--config", file, "FILE", "a file of settings");
    app.add_flag_callback(
           "--check-config", [&] { to.what = options::deed::check; },
           "prints the settings and where they come from, tries what can be tried, and ends")
        ->configurable(false);
    in_group(app, "Listening", [&] { add_listening(app, to); });
    in_group(app, "Keys and audit", [&] { add_keys(app, to); });
    in_group(app, "Actions", [&] { add_actions(app, to); });
    in_group(app, "Services", [&] { add_services(app, to); });
    in_group(app, "Limits", [&] { add_limits(app, to); });
    in_group(app, "Seeing it", [&] { add_looking(app, to); });

    try {
        app.parse(argc, argv);
    } catch (CLI::ExtrasError const&) { // its text has the values, of which one may be a secret
        for (auto const& each : app.remaining())
            if (each.starts_with('-')) std::fprintf(stderr, "%s is no flag; see --help\n", each.c_str());
        if (!app.remaining().front().starts_with('-')) std::fputs("only flags are expected; see --help\n", stderr);
        read.status = 1;
        return read;
    } catch (CLI::ParseError const& error) {
        read.status = app.exit(error);
        return read;
    }
    option_sources sources{app, {"api-key", "database", "upstream-key", "redis"}};
    sources.take_environment(environment, prefix, {keys::environment_variable});
    if (!file.empty()) sources.take_file(file);
    if (!to.key_name.empty()) to.what = options::deed::add_key;
    to.has_keys = !to.api_keys.empty() || !to.api_key_file.empty() || std::getenv(keys::environment_variable) ||
                  app.get_option("--database")->count() > 0;
    if (to.what == options::deed::check) std::printf("%s", sources.listing().c_str());
    read.go_on = true;
    return read;
}

} // namespace gateway
