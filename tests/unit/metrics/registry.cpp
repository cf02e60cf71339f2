// tests/unit/metrics/registry.cpp: what is registered is written, what is wrong is refused, what has left is not looked at.
#include <weir/metrics/registry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string written(registry const& from) {
    std::string out;
    from.write(out);
    return out;
}

// Why the book refuses a gauge of this description.
std::error_code refusal(registry& book, metric const& described) {
    return book.add_gauge(described, [] { return 1; }).error();
}

} // namespace

TEST_CASE("an empty registry writes nothing") { CHECK(written(registry{}).empty()); }

TEST_CASE("counters, gauges and callbacks are written by name with help and kind") {
    registry book;
    counter hits;
    gauge level;
    hits.add(3);
    level.set(-2);
    auto const one = book.add({.name = "weir_hits_total", .help = "Joined flights."}, hits).value();
    auto const two = book.add({.name = "weir_level", .help = "In flight."}, level).value();
    auto const three = book.add_gauge({.name = "a_ratio"}, [] { return 0.25; }).value();
    auto const four =
        book.add_counter({.name = "b_total"}, [] { return std::uint64_t{18446744073709551615u}; }).value();
    CHECK(written(book) == "# TYPE a_ratio gauge\n"
                           "a_ratio 0.25\n"
                           "# TYPE b_total counter\n"
                           "b_total 18446744073709551615\n"
                           "# HELP weir_hits_total Joined flights.\n"
                           "# TYPE weir_hits_total counter\n"
                           "weir_hits_total 3\n"
                           "# HELP weir_level In flight.\n"
                           "# TYPE weir_level gauge\n"
                           "weir_level -2\n");
}

TEST_CASE("a scrape is appended to what the string holds") {
    registry book;
    auto const kept = book.add_gauge({.name = "up"}, [] { return true; }).value();
    std::string out = "before\n";
    book.write(out);
    CHECK(out == "before\n# TYPE up gauge\nup 1\n");
}

TEST_CASE("series of one family stand together, each with its labels in order of their names") {
    registry book;
    counter ok;
    counter bad;
    counter other;
    registration kept;
    kept +=
        book.add({.name = "requests_total", .help = "h", .labels = {{"method", "GET"}, {"code", "200"}}}, ok).value();
    kept += book.add({.name = "requested_total", .help = "x"}, other).value();
    kept +=
        book.add({.name = "requests_total", .help = "h", .labels = {{"code", "500"}, {"method", "GET"}}}, bad).value();
    CHECK(kept.size() == 3);
    CHECK(written(book) == "# HELP requested_total x\n# TYPE requested_total counter\nrequested_total 0\n"
                           "# HELP requests_total h\n# TYPE requests_total counter\n"
                           "requests_total{code=\"200\",method=\"GET\"} 0\n"
                           "requests_total{code=\"500\",method=\"GET\"} 0\n");
}

TEST_CASE("label values and help texts are escaped") {
    registry book;
    auto const kept = book.add_gauge({.name = "g",
                                      .help = "back\\slash, \"quotes\"\nand a line",
                                      .labels = {{"path", "C:\\\"x\"\n\xC3\xA9"}}},
                                     [] { return 1; })
                          .value();
    CHECK(written(book) == "# HELP g back\\\\slash, \"quotes\"\\nand a line\n# TYPE g gauge\n"
                           "g{path=\"C:\\\\\\\"x\\\"\\n\xC3\xA9\"} 1\n");
}

TEST_CASE("numbers are written so that they read back the same") {
    registry book;
    double value = 0;
    auto const kept = book.add_gauge({.name = "g"}, [&value] { return value; }).value();
    auto const line = [&](double now) {
        value = now;
        auto const text = written(book);
        return text.substr(text.find("\ng ") + 3);
    };
    CHECK(line(std::numeric_limits<double>::infinity()) == "+Inf\n");
    CHECK(line(-std::numeric_limits<double>::infinity()) == "-Inf\n");
    CHECK(line(std::numeric_limits<double>::quiet_NaN()) == "NaN\n");
    CHECK(line(0.1) == "0.1\n");
    for (double const number : {1.0 / 3, 1e300, -2.5e-300, 9007199254740993.0})
        CHECK(std::stod(line(number)) == number);
}

TEST_CASE("bad names are refused with a sentence that says how they should look") {
    registry book;
    for (char const* const name : {"", "1st", "with space", "da-sh", "\xC3\xA9", "new\nline", "a{b}"}) {
        INFO(name);
        CHECK(refusal(book, {.name = name}) == metrics_errc::bad_name);
    }
    CHECK(make_error_code(metrics_errc::bad_name).message().find("[a-zA-Z_:]") != std::string::npos);
    for (char const* const label : {"", "1st", "a:b", "__name__", "da-sh"}) {
        INFO(label);
        CHECK(refusal(book, {.name = "g", .labels = {{label, "x"}}}) == metrics_errc::bad_label_name);
    }
    CHECK(refusal(book, {.name = "g", .labels = {{"a", "x"}, {"b", "y"}, {"a", "z"}}}) == metrics_errc::repeated_label);
    CHECK(written(book).empty());
    for (char const* const name : {"_", ":", "a", "ns:sub:Total9"}) CHECK_FALSE(refusal(book, {.name = name}));
}

TEST_CASE("text that is not UTF-8 is refused, because it would spoil the whole scrape") {
    registry book;
    for (char const* const bad : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80", "\xC3",
                                  "\xF0\x8F\xBF\xBF", "\xE0\x9F\xBF", "\xF4\x90\x80\x80", "\xE2\x82\x41"}) {
        CHECK(refusal(book, {.name = "g", .labels = {{"a", bad}}}) == metrics_errc::bad_text);
        CHECK(refusal(book, {.name = "g", .help = bad}) == metrics_errc::bad_text);
    }
    for (char const* const good :
         {"", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xE0\xA0\x80"})
        CHECK_FALSE(refusal(book, {.name = "g", .labels = {{"a", good}}}));
}

TEST_CASE("a histogram's le and a summary's quantile are theirs alone") {
    registry book;
    histogram times;
    CHECK(book.add({.name = "h", .labels = {{"le", "1"}}}, times, bucket_options{}).error() ==
          metrics_errc::bad_label_name);
    CHECK(book.add({.name = "s", .labels = {{"quantile", "1"}}}, times).error() == metrics_errc::bad_label_name);
    CHECK(book.add({.name = "s", .labels = {{"le", "1"}}}, times).has_value());
}

TEST_CASE("the same name with the same labels is refused, in whatever order they are given") {
    registry book;
    auto const kept = book.add_gauge({.name = "g", .labels = {{"a", "1"}, {"b", "2"}}}, [] { return 1; }).value();
    CHECK(refusal(book, {.name = "g", .labels = {{"b", "2"}, {"a", "1"}}}) == metrics_errc::exists);
    // What looks the same only before it is escaped is not the same.
    CHECK_FALSE(refusal(book, {.name = "g", .labels = {{"a", "1\",b=\"2"}}}));
}

TEST_CASE("a family has one kind and one help text") {
    registry book;
    counter hits;
    auto const kept = book.add({.name = "m", .help = "one", .labels = {{"a", "1"}}}, hits).value();
    CHECK(refusal(book, {.name = "m", .help = "one"}) == metrics_errc::kind_differs);
    CHECK(book.add({.name = "m", .help = "two"}, hits).error() == metrics_errc::help_differs);
}

TEST_CASE("no name may take the lines of a summary or a histogram, whichever came first (M2)") {
    registry book;
    histogram times;
    auto summary = book.add({.name = "s"}, times).value();
    auto buckets = book.add({.name = "h"}, times, bucket_options{}).value();
    for (char const* const name : {"s_sum", "s_count", "h_sum", "h_count", "h_bucket"})
        CHECK(refusal(book, {.name = name}) == metrics_errc::name_clash);
    CHECK_FALSE(refusal(book, {.name = "s_bucket"})); // a summary writes none
    summary.reset();
    auto const sum = book.add_gauge({.name = "s_sum"}, [] { return 1; }).value();
    CHECK(book.add({.name = "s"}, times).error() == metrics_errc::name_clash);
}

TEST_CASE("a histogram is written as a summary in seconds") {
    registry book;
    histogram times;
    auto const kept = book.add({.name = "latency_seconds", .help = "h", .labels = {{"route", "/"}}}, times,
                               summary_options{.quantiles = {0.5, 0.99, 1}})
                          .value();
    CHECK(written(book) == "# HELP latency_seconds h\n# TYPE latency_seconds summary\n"
                           "latency_seconds{route=\"/\",quantile=\"0.5\"} NaN\n"
                           "latency_seconds{route=\"/\",quantile=\"0.99\"} NaN\n"
                           "latency_seconds{route=\"/\",quantile=\"1\"} NaN\n"
                           "latency_seconds_sum{route=\"/\"} 0\n"
                           "latency_seconds_count{route=\"/\"} 0\n");
    for (int n = 1; n <= 100; ++n) times.record(std::chrono::nanoseconds{n});
    CHECK(written(book) == "# HELP latency_seconds h\n# TYPE latency_seconds summary\n"
                           "latency_seconds{route=\"/\",quantile=\"0.5\"} 5e-08\n"
                           "latency_seconds{route=\"/\",quantile=\"0.99\"} 9.9e-08\n"
                           "latency_seconds{route=\"/\",quantile=\"1\"} 1e-07\n"
                           "latency_seconds_sum{route=\"/\"} 5.05e-06\n"
                           "latency_seconds_count{route=\"/\"} 100\n");
}

TEST_CASE("a histogram is written as buckets that count all up to their bound") {
    registry book;
    histogram sizes;
    for (std::uint64_t size = 1; size <= 10; ++size) sizes.record(size);
    auto const kept =
        book.add({.name = "batch_size"}, sizes, bucket_options{.unit = recorded::numbers, .bounds = {0, 1, 2.5, 8, 64}})
            .value();
    CHECK(written(book) == "# TYPE batch_size histogram\n"
                           "batch_size_bucket{le=\"0\"} 0\n"
                           "batch_size_bucket{le=\"1\"} 1\n"
                           "batch_size_bucket{le=\"2.5\"} 2\n"
                           "batch_size_bucket{le=\"8\"} 8\n"
                           "batch_size_bucket{le=\"64\"} 10\n"
                           "batch_size_bucket{le=\"+Inf\"} 10\n"
                           "batch_size_sum 55\n"
                           "batch_size_count 10\n");
}

TEST_CASE("bounds in seconds are rounded to the nanosecond and not below it") {
    registry book;
    histogram times;
    times.record(100ns);
    auto const kept = book.add({.name = "t"}, times, bucket_options{.bounds = {0.000000099, 0.0000001}}).value();
    CHECK(written(book).find("t_bucket{le=\"9.9e-08\"} 0\nt_bucket{le=\"1e-07\"} 1\n") != std::string::npos);
}

TEST_CASE("bounds and quantiles that do not rise or are no numbers are refused") {
    registry book;
    histogram times;
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    auto const infinite = std::numeric_limits<double>::infinity();
    for (auto const& bounds : std::vector<std::vector<double>>{{1, 1}, {2, 1}, {-1}, {nan}, {1, infinite}})
        CHECK(book.add({.name = "h"}, times, bucket_options{.bounds = bounds}).error() == metrics_errc::bad_bounds);
    for (auto const& quantiles : std::vector<std::vector<double>>{{0.5, 0.5}, {-0.1}, {1.1}, {nan}, {0.9, 0.5}})
        CHECK(book.add({.name = "s"}, times, summary_options{.quantiles = quantiles}).error() ==
              metrics_errc::bad_quantile);
    CHECK(written(book).empty());
    CHECK(book.add({.name = "h"}, times, bucket_options{.bounds = {}}).has_value());
}

TEST_CASE("a metric leaves at the end of its registration, and its name is free again") {
    registry book;
    counter first;
    {
        auto const kept = book.add({.name = "m_total", .help = "first"}, first).value();
        CHECK(written(book).find("m_total 0") != std::string::npos);
    }
    CHECK(written(book).empty());
    gauge second;
    auto const again = book.add({.name = "m_total", .help = "second"}, second);
    CHECK(again.has_value());
}

TEST_CASE("a moved registration keeps its metric, and assigning to it lets the earlier one go") {
    registry book;
    counter hits;
    counter misses;
    auto one = book.add({.name = "hits"}, hits).value();
    auto two = book.add({.name = "misses"}, misses).value();
    auto moved = std::move(one);
    CHECK(moved.size() == 1);
    CHECK(written(book).find("hits 0") != std::string::npos);
    moved = std::move(two);
    CHECK(written(book) == "# TYPE misses counter\nmisses 0\n");
    auto& same = moved;
    moved = std::move(same);
    moved += std::move(same);
    CHECK(moved.size() == 1);
    CHECK(written(book) == "# TYPE misses counter\nmisses 0\n");
    moved.reset();
    moved.reset();
    CHECK(written(book).empty());
}

TEST_CASE("a registration may outlive its registry") {
    counter hits;
    std::optional<registry> book{std::in_place};
    auto kept = book->add({.name = "hits"}, hits).value();
    auto const more = book->add({.name = "hits", .labels = {{"a", "b"}}}, hits).value();
    book.reset();
    CHECK(kept.size() == 1);
    kept.reset();
    CHECK(kept.size() == 0);
}

TEST_CASE("the end of a callback's captures may use the registry") {
    registry book;
    counter hits;
    struct reenters {
        registry& to;
        counter& with;
        std::error_code& error;
        ~reenters() { error = to.add({.name = "inner"}, with).error(); }
    };
    std::error_code error = make_error_code(errc::cancelled);
    auto kept =
        book.add_gauge({.name = "outer"},
                       [held = std::shared_ptr<reenters>(new reenters{book, hits, error})] { return held ? 1 : 0; })
            .value();
    kept.reset();
    CHECK_FALSE(error);
}

TEST_CASE("a callback that throws leaves the text as it was and the registry usable") {
    registry book;
    bool broken = true;
    auto const first = book.add_gauge({.name = "a"}, [] { return 1; }).value();
    auto const second = book.add_gauge({.name = "b"},
                                       [&broken] {
                                           if (broken) throw std::runtime_error("no reading");
                                           return 2;
                                       })
                            .value();
    std::string out = "kept";
    CHECK_THROWS_AS(book.write(out), std::runtime_error);
    CHECK(out == "kept");
    broken = false;
    CHECK(written(book) == "# TYPE a gauge\na 1\n# TYPE b gauge\nb 2\n");
}

TEST_CASE("the registry's own metrics are made once and found again") {
    registry book;
    auto* const hits = book.counter_of({.name = "n", .labels = {{"code", "200"}, {"m", "GET"}}}).value();
    hits->add(2);
    CHECK(book.counter_of({.name = "n", .labels = {{"m", "GET"}, {"code", "200"}}}).value() == hits);
    CHECK(book.counter_of({.name = "n", .labels = {{"code", "404"}, {"m", "GET"}}}).value() != hits);
    book.gauge_of({.name = "g"}).value()->set(4);
    book.histogram_of({.name = "s"}, summary_options{.unit = recorded::numbers, .quantiles = {}})
        .value()
        ->record(std::uint64_t{7});
    book.histogram_of({.name = "t"}, bucket_options{.unit = recorded::numbers, .bounds = {}})
        .value()
        ->record(std::uint64_t{8});
    CHECK(written(book) == "# TYPE g gauge\ng 4\n"
                           "# TYPE n counter\nn{code=\"200\",m=\"GET\"} 2\nn{code=\"404\",m=\"GET\"} 0\n"
                           "# TYPE s summary\ns_sum 7\ns_count 1\n"
                           "# TYPE t histogram\nt_bucket{le=\"+Inf\"} 1\nt_sum 8\nt_count 1\n");
}

TEST_CASE("the registry does not hand out what it does not own") {
    registry book;
    counter hits;
    auto const kept = book.add({.name = "n"}, hits).value();
    CHECK(book.counter_of({.name = "n"}).error() == metrics_errc::exists);
    CHECK(book.gauge_of({.name = "n"}).error() == metrics_errc::kind_differs);
    CHECK(book.counter_of({.name = "bad name"}).error() == metrics_errc::bad_name);
}

TEST_CASE("threads that ask for one metric at once get the same one") {
    registry book;
    constexpr std::size_t askers = 4;
    std::vector<counter*> found(askers);
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < askers; ++n)
        threads.emplace_back([&, n] {
            for (int round = 0; round < 200; ++round) {
                found[n] = book.counter_of({.name = std::string("n").append(std::to_string(round))}).value();
                found[n]->add();
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(std::count(found.begin(), found.end(), found[0]) == askers);
    CHECK(found[0]->value() == askers);
}

TEST_CASE("a metric that leaves during scrapes is not looked at afterwards") {
    registry book;
    std::atomic<bool> done{false};
    std::thread scraper([&] {
        while (!done.load()) static_cast<void>(written(book));
    });
    bool seen_after_its_end = false;
    for (int round = 0; round < 2'000; ++round) {
        std::atomic<bool> alive{true};
        auto kept = book.add_gauge({.name = "part", .labels = {{"round", std::to_string(round)}}},
                                   [&] {
                                       if (!alive.load()) seen_after_its_end = true;
                                       return 1;
                                   })
                        .value();
        auto const brief = std::make_unique<counter>(); // ASan tells if a scrape reads it once it is gone
        kept += book.add({.name = "brief", .labels = {{"round", std::to_string(round)}}}, *brief).value();
        if (round % 16 == 0) std::this_thread::yield();
        kept.reset();
        alive.store(false);
    }
    done.store(true);
    scraper.join();
    CHECK_FALSE(seen_after_its_end);
    CHECK(written(book).empty());
}
