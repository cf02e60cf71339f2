// tests/docs/modules_ground.cpp: the code of the pages on base, cpu, simd, metrics, queue and memory, run.
#include <weir/base.hpp>
#include <weir/cpu.hpp>
#include <weir/memory.hpp>
#include <weir/metrics.hpp>
#include <weir/queue.hpp>
#include <weir/simd.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

//! [base]
weir::result<int> parse_port(std::string_view text) {
    auto const number = weir::simd::parse_decimal(text);
    if (!number || *number > 65535) return std::make_error_code(std::errc::invalid_argument);
    return static_cast<int>(*number);
}
//! [base]

} // namespace

TEST_CASE("a result is a value or a reason") {
    CHECK(parse_port("8080").value() == 8080);
    CHECK(parse_port("80x").error() == std::errc::invalid_argument);
    CHECK(parse_port("70000").value_or(0) == 0);
}

TEST_CASE("how many workers make sense, and where they go") {
    //! [cpu]
    std::size_t const workers = weir::usable_cpus(); // mask, cpuset and quota of the container taken into account
    weir::perf_counters counters;
    std::uint64_t steps = 0;
    {
        weir::perf_section const section{counters, [&](weir::perf_reading const& cost) {
            auto const cycles = cost[weir::perf_event::cycles]; // nothing, where the machine does not tell
            if (cycles) steps = *cycles;
        }};
        weir::prefetch_read(&steps);
    }
    //! [cpu]
    CHECK(workers >= 1);
}

TEST_CASE("kernels") {
    //! [simd]
    std::string_view const head = "GET /embeddings HTTP/1.1\r\nHost: example.org\r\n\r\n";
    std::size_t const end_of_head = weir::simd::find_sequence(head, "\r\n\r\n"); // or weir::simd::npos
    bool const is_get = weir::simd::equal_ignoring_case(head.substr(0, 3), "get");
    std::vector<float> const a(768, 0.5f), b(768, 0.25f);
    float const alike = weir::simd::cosine(a, b);
    //! [simd]
    CHECK(end_of_head == head.size() - 4);
    CHECK(is_get);
    CHECK((alike > 0.999f && alike < 1.001f));
}

TEST_CASE("counting and measuring") {
    //! [metrics]
    weir::counter requests;
    weir::histogram latency;
    weir::registry numbers;
    auto kept = numbers.add({"requests_total", "Requests that were answered."}, requests).value();
    kept += numbers.add({"latency_seconds", "From the first byte to the last."}, latency).value();

    requests.add();
    latency.record(1500us);

    auto const seen = latency.snapshot();
    std::uint64_t const median = seen.quantile(0.5); // nanoseconds, within 0.8 %
    std::string text;
    numbers.write(text); // for Prometheus
    //! [metrics]
    CHECK(requests.value() == 1);
    CHECK((median > 1'480'000 && median < 1'520'000));
    CHECK(text.find("requests_total 1\n") != std::string::npos);
}

TEST_CASE("in place") {
    //! [queue]
    weir::spsc<std::uint32_t> samples{1024};
    auto const room = samples.claim(3); // where the producer writes, without a copy
    for (std::size_t n = 0; n < room.size(); ++n) room[n] = static_cast<std::uint32_t>(n);
    samples.commit(room.size()); // shown to the consumer together

    auto const there = samples.peek(); // where the consumer reads
    std::uint32_t sum = 0;
    for (std::uint32_t const one : there) sum += one;
    samples.consume(there.size());
    //! [queue]
    CHECK(sum == 0 + 1 + 2);
    CHECK(samples.empty());
}

TEST_CASE("bytes that are shared") {
    //! [memory]
    weir::buffer_pool blocks; // for the kernel to fill, or us
    weir::buffer gathered = blocks.try_lease().into_buffer();
    gathered.append("HTTP/1.1 200 OK\r\n\r\n");
    weir::bytes const head = gathered.freeze();     // no copy; the block goes home with its last slice
    weir::bytes const status = head.slice(9, 3);    // no copy either
    //! [memory]
    CHECK(status == "200");
    CHECK(head.size() == 19);
}
