// examples/gateway/actions/request_view.hpp: the part of a request that scripts see, and its form in a script.
//     method  path  query  peer        strings
//     key                              the name of the client's key, or null
//     headers                          an object without a prototype: names in lower case, those of several lines joined
//     text                             the body
//     json                             the body, parsed; undefined if it is not JSON
#pragma once

#include "js.hpp"
#include "verdict.hpp"

#include <http/message.hpp>

#include <string_view>
#include <vector>

namespace gateway {

// Everything it refers to outlives it.
class request_view {
public:
    explicit request_view(http::request const& of) noexcept : request{of} {}

    http::request const& request;
    std::string_view peer = {};
    std::string_view key = {}; // empty: none
};

// The object that one script is given. `text` and `json` are made when they are first asked for.
// Needs:  a context of a vm, which runs scripts for `seen`.  Errors: js_thrown.
js_value js_request(JSContext* in, request_view const& seen, std::vector<header> const& added);

} // namespace gateway
