// weir/runtime/blocking_options.hpp: what a pool for blocking calls is told before it starts.
#pragma once

#include <weir/base/result.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>

namespace weir::inline v0 {

class blocking_options {
public:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    blocking_options() {}

    unsigned threads = 512; // at most; there are none before the first job
    // How many jobs may wait for a thread; who comes then is refused with errc::overloaded. Without a limit everybody
    // waits: a job lies in the frame of who waits for it, so that the queue itself costs nothing.
    std::size_t queue_limit = unlimited;
    std::chrono::steady_clock::duration keep_alive = std::chrono::seconds{10}; // of a thread that has nothing to do
    std::size_t stack_size = 0;      // of each thread, in bytes; 0: what the system gives
    std::string name = "weir-block"; // of the threads, followed by their number
};

// How many threads the environment variable WEIR_BLOCKING_THREADS asks for; `otherwise` where it is not set.
// Errors: std::system_error, whose text names the variable and its value, when that is no number from 1 to 65535.
inline unsigned blocking_threads_from_environment(unsigned otherwise) {
    constexpr unsigned most = 65535;
    char const* const text = std::getenv("WEIR_BLOCKING_THREADS");
    if (!text) return otherwise;
    unsigned threads = 0;
    char const* const end = text + std::strlen(text);
    auto const read = std::from_chars(text, end, threads);
    if (read.ec == std::errc{} && read.ptr == end && threads >= 1 && threads <= most) return threads;
    std::string const why = "WEIR_BLOCKING_THREADS is \"" + std::string{text} + "\", which is no number from 1 to 65535";
#if WEIR_EXCEPTIONS
    throw std::system_error(std::make_error_code(std::errc::invalid_argument), why);
#else
    std::fprintf(stderr, "weir: %s\n", why.c_str());
    WEIR_FATAL("an environment variable is set to what it cannot mean");
#endif
}

} // namespace weir
