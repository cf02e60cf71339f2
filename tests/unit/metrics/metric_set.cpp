// tests/unit/metrics/metric_set.cpp: metrics that belong together are there under the same labels, all of them or none.
#include <weir/metrics/metric_set.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>

using namespace weir;

namespace {

std::string written(registry const& from) {
    std::string out;
    from.write(out);
    return out;
}

} // namespace

TEST_CASE("a set enters what is counted, and what is asked for at a scrape, under its labels") {
    registry book;
    counter made;
    gauge open;
    histogram took;
    made.add(3);
    open.set(2);
    took.record(7);
    metric_set all{book, {{"pool", "readers"}}};
    all.counter("a_total", "Made.", made);
    all.counter("b_total", "Told.", [] { return 5u; });
    all.gauge("c", "Open.", open);
    all.gauge("d", "Share.", [] { return 0.25; });
    summary_options plain;
    plain.unit = recorded::numbers;
    plain.quantiles = {0.5};
    all.summary("e", "Took.", took, plain);
    auto kept = all.take();
    REQUIRE(kept);
    CHECK(kept->size() == 5);
    made.add(1);
    CHECK(written(book) == "# HELP a_total Made.\n# TYPE a_total counter\na_total{pool=\"readers\"} 4\n"
                           "# HELP b_total Told.\n# TYPE b_total counter\nb_total{pool=\"readers\"} 5\n"
                           "# HELP c Open.\n# TYPE c gauge\nc{pool=\"readers\"} 2\n"
                           "# HELP d Share.\n# TYPE d gauge\nd{pool=\"readers\"} 0.25\n"
                           "# HELP e Took.\n# TYPE e summary\ne{pool=\"readers\",quantile=\"0.5\"} 7\n"
                           "e_sum{pool=\"readers\"} 7\ne_count{pool=\"readers\"} 1\n");
    kept->reset();
    CHECK(written(book).empty());
}

TEST_CASE("when one is refused nothing is entered, and the first error is told") {
    registry book;
    counter made;
    auto const taken = book.add({.name = "b_total", .help = "Another's."}, made).value();
    std::string const before = written(book);
    metric_set all{book};
    all.counter("a_total", "Entered, and out again.", made);
    all.counter("b_total", "Another's.", made);
    all.gauge("no name", "Wrong as well, but later.", [] { return 1; });
    all.gauge("c", "Right, but too late.", [] { return 1; });
    auto const kept = all.take();
    REQUIRE(!kept);
    CHECK(kept.error() == metrics_errc::exists);
    CHECK(written(book) == before);
}

TEST_CASE("a set that nobody takes leaves nothing behind") {
    registry book;
    {
        metric_set all{book};
        all.gauge("a", "A.", [] { return 1; });
        CHECK(!written(book).empty());
    }
    CHECK(written(book).empty());
}
