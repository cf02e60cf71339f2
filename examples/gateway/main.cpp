// examples/gateway/main.cpp: what the command line asks for.
#include "gateway.hpp"
#include "keys.hpp"
#include "options.hpp"
#include "serving.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace {

using gateway::options;

gateway::log_options log_options_of(options const& with) {
    gateway::log_options made;
    made.least = gateway::parse_log_level(with.log_level).value_or(gateway::log_level::info);
    made.file = with.log_file;
    return made;
}

// A gateway that nobody can use would teach nobody what it does.
void have_a_key(options& with) {
    if (with.has_keys) return;
    with.api_keys.push_back(gateway::keys::random());
    std::printf("no API keys are configured; this one is for trying out: %s\n", with.api_keys.back().c_str());
}

weir::task<weir::result<bool>> change_key(gateway::database* in, std::string const* key, options const* with) {
    auto const digest = gateway::key_digest::of(*key);
    weir::result<bool> changed = false;
    if (with->what == options::deed::add_key) {
        gateway::key_record record{with->key_name};
        record.rate_limit = with->key_rate_limit;
        changed = co_await in->add_key(digest, record);
    } else {
        changed = co_await in->revoke_key(digest);
    }
    co_await in->close();
    co_return changed;
}

// Adds a key to the database and prints it, or disables one that the standard input names.
int change_keys(options const& with, weir::runtime& runtime) {
    if (with.database == "none") throw std::runtime_error("--database none: there are no keys to change");
    auto const database = gateway::open_database(with.database, runtime.get_executor());
    bool const adds = with.what == options::deed::add_key;
    std::string key;
    if (adds) key = gateway::keys::random();
    else std::getline(std::cin, key);
    auto const changed = runtime.block_on(&change_key, database.get(), &key, &with);
    runtime.shutdown();
    if (!changed) throw std::runtime_error("the database: " + changed.error().message());
    if (!*changed) throw std::runtime_error("the database has no such key");
    std::puts(adds ? key.c_str() : "the key is good no longer");
    return 0;
}

int run(int argc, char** argv) {
    auto read = gateway::read_options(argc, argv, environ);
    if (!read.go_on) return read.status;
    options& with = read.got;
    gateway::process_signals signals; // before there are threads, of which the log is the first
    gateway::log log{log_options_of(with)};
    gateway::worker_clocks clocks;
    auto how = with.runtime();
    how.on_thread_start = [&clocks](unsigned number) { clocks.enter(number); };
    how.on_stall = [&log](weir::stall_report const& stall) {
        auto const time = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(stall.so_far).count());
        log.say(gateway::log_level::warning, "a worker is held up", {{"worker", stall.worker}, {"milliseconds", time}});
    };
    weir::runtime runtime{how};
    if (with.what == options::deed::add_key || with.what == options::deed::revoke_key) return change_keys(with, runtime);
    if (with.what == options::deed::serve) have_a_key(with);

    gateway::gateway gateway{with, log, runtime, clocks};
    gateway::serving serving{runtime, with, gateway, log};
    int const status = with.what == options::deed::check ? 0 : serving.run(signals);
    runtime.block_on([&] { return gateway.close(); });
    runtime.shutdown();
    if (with.what == options::deed::check) std::puts("the configuration is good");
    return status;
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
