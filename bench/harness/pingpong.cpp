// bench/harness/pingpong.cpp: prints the nanoseconds of a cache line's round trip between two cores.

#include "round_trip.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <string_view>
#include <system_error>

namespace {

constexpr auto usage = "usage: pingpong CORE CORE\nprints the nanoseconds of a cache line's round trip between them\n";

bool read_core(std::string_view word, unsigned& core) {
    auto const end = word.data() + word.size();
    auto const read = std::from_chars(word.data(), end, core);
    return read.ec == std::errc{} && read.ptr == end;
}

} // namespace

int main(int argc, char** argv) try {
    if (argc == 2 && std::string_view{argv[1]} == "--help") {
        std::fputs(usage, stdout);
        return 0;
    }
    unsigned one = 0;
    unsigned other = 0;
    if (argc != 3 || !read_core(argv[1], one) || !read_core(argv[2], other)) {
        std::fputs(usage, stderr);
        return 2;
    }
    std::printf("%.1f\n", bench::round_trip_ns(one, other));
    return 0;
} catch (std::exception const& trouble) {
    std::fprintf(stderr, "pingpong: %s\n", trouble.what());
    return 1;
}
