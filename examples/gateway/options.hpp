// examples/gateway/options.hpp: all that the gateway can be told: by flags, by the environment, by a file, in this order.
// Every flag is a setting: --max-body 4096 on the command line is WEIR_GATEWAY_MAX_BODY=4096 in the environment, and
// max-body = 4096 in the file of --config. Who names what is wrong names the source, the key and the value, but for
// secrets, whose values are never shown.
#pragma once

#include <http/run.hpp>
#include <http/server.hpp>
#include <weir/runtime/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gateway {

class options {
public:
    options();

    // What main is to do with them.
    enum class deed { serve, check, add_key, revoke_key };

    http::run_options listen;
    std::uint16_t tls_port = 0; // 0: --port itself, where there is a certificate
    std::string tls_certificate;
    std::string tls_key;

    std::vector<std::string> api_keys;
    std::string api_key_file;
    std::string database;
    std::chrono::seconds audit_patience{10}; // at the end
    bool audit_probes = false;               // also /health and /metrics

    std::vector<std::string> scripts;
    std::chrono::milliseconds action_deadline{50};
    std::size_t action_memory = 16; // MiB
    unsigned action_threads = 4;
    std::size_t action_queue = 1024;

    std::string upstream; // a URL; empty: the built-in models
    std::string upstream_key;
    std::chrono::seconds upstream_connect{10};
    std::chrono::seconds upstream_first_byte{120};
    std::chrono::seconds upstream_idle{60};
    unsigned upstream_attempts = 3;
    std::chrono::seconds models_time_to_live{60};
    std::string redis; // a URL; empty: none
    std::string files;                     // a folder; empty: none
    std::string files_path = "/static";    // where it is served
    std::size_t compress_above = 1024;     // bytes of an answer; 0: none is compressed
    std::size_t embedding_batch = 256; // texts that go to the model together, at most
    std::size_t search_points = 1'000'000; // of a collection
    std::size_t search_memory = 1024;      // MiB, of all together

    std::int64_t rate_limit = 0; // requests a minute and key; 0: none
    std::size_t concurrency = 512; // of one route, at least
    std::size_t most_concurrency = 4096;
    std::size_t waiting = 2048; // of one route
    std::chrono::milliseconds target_wait{20};
    http::server_options server;

    std::uint16_t debug_port = 0; // 0: none
    std::string log_level = "info";
    std::string log_file; // empty: the standard error stream
    std::chrono::milliseconds stall_limit{0};

    deed what = deed::serve;
    std::string key_name;          // for add_key
    std::int64_t key_rate_limit = 0;

    weir::runtime_options runtime() const;
    // Whether --api-key, its file or WEIR_GATEWAY_KEYS name a key, or --database a store of them.
    bool has_keys = false;
};

// How reading them ended.
class reading {
public:
    bool go_on = false; // else the process ends with `status`, and all is said
    int status = 0;
    options got;
};

// Reads flags, environment and file.
// Errors: std::runtime_error, which names the source, the key and the value, for the environment and the file; a wrong
//         flag is told to the standard error stream.
reading read_options(int argc, char const* const* argv, char const* const* environment);

// What this program was built with, as --version prints it.
std::string version_text();

} // namespace gateway
