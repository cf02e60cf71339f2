// examples/gateway/openai_body.hpp: the body of a request, read where that holds nobody up.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/blocking.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace gateway {

// Bodies from here on would hold a worker for milliseconds while they are parsed.
inline constexpr std::size_t long_body = 64 * 1024;

// Gives `read(body, args...)`, which is called on a blocking thread where the body is long.
// Errors: those of weir::blocking, and what `read` throws.  Needs: body, and what the arguments point to, to last.
template <class Read, class... Args>
auto read_body(Read read, std::string_view body, Args... args)
    -> weir::task<weir::result<std::invoke_result_t<Read&, std::string_view, Args...>>> {
    if (body.size() < long_body) co_return read(body, args...);
    co_return co_await weir::blocking(read, body, args...);
}

} // namespace gateway
