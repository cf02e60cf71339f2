// examples/gateway/caller.hpp: who asks, and what was found out about a request before its service sees it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gateway {

class caller {
public:
    std::string request_id; // the client's own, or one that was made
    std::string key_name;   // empty where none is needed
    // Set by actions, in lower case: a proxy sends them on in place of what the client has sent under the same names.
    std::vector<std::pair<std::string, std::string>> headers;
};

} // namespace gateway
