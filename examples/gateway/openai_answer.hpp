// examples/gateway/openai_answer.hpp: how the services of the OpenAI API read a body and fill in a response.
#pragma once

#include "api_error.hpp"

#include <http/response.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/blocking.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gateway {

void answer_json(http::response& into, std::string body);
void answer_error(http::response& into, api_error const& why);

// The error of a wait inside the server, as its client should read it; `what` is what could not be had.
api_error unavailable(std::string_view what, std::error_code why);

// Bodies from here on would hold a worker for milliseconds while they are parsed.
inline constexpr std::size_t long_body = 64 * 1024;

// Gives `read(body, args...)`, which is called on a blocking thread where the body is long.
// Errors: those of weir::blocking.  Needs: the body, and what the arguments point to, to last.
template <class Read, class... Args>
auto read_body(Read read, std::string_view body, Args... args)
    -> weir::task<weir::result<std::invoke_result_t<Read&, std::string_view, Args...>>> {
    if (body.size() < long_body) co_return read(body, args...);
    co_return co_await weir::blocking(read, body, args...);
}

} // namespace gateway
