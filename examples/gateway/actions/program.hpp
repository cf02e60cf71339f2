// examples/gateway/actions/program.hpp: policy scripts, compiled once for all engines.
// A script is a module that exports one function by default. It is given the request and gives what shall be done:
//     export default function (request) {
//         if (request.json?.input?.length > 64)
//             return { reject: { status: 413, code: "too_many_texts", message: "at most 64 texts in a request" } };
//         return { request: { "x-team": "blue" }, response: { "x-policy": "1" } };
//     }
// Threads:  any; it never changes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gateway {

struct script {
    std::string name; // as it stands in the log, such as its path
    std::string source;
};

// Errors: std::runtime_error that names the file, if it cannot be read.
script read_script(std::string const& path);

class program {
public:
    struct part {
        std::string name;
        std::vector<std::uint8_t> bytecode; // of a module, good for every engine of this process
    };

    // Errors: std::runtime_error with name, line and column of what is wrong.
    explicit program(std::vector<script> const& in_order);

    std::vector<part> const& parts() const noexcept { return parts_; }

private:
    std::vector<part> parts_;
};

} // namespace gateway
