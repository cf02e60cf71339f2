// tests/gateway/page.cpp: one sampler for all who look and only while they do, and figures that are those of the period.
#include "http/serving.hpp"

#include <gateway/page/live_page.hpp>
#include <gateway/page/live_sampler.hpp>

#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <time.h>

using namespace http_test;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using nlohmann::json;

namespace {

constexpr std::string_view look = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n";

// A server with the page and nothing else. The page is made once the server's runtime stands.
class paged {
public:
    explicit paged(gateway::live_page_options options = quick(), gateway::live_figures figures = {})
        : at{{}, 2, [this](http::exchange& one) {
              return one.request.path() == "/live" ? page->events(one) : page->show(one);
          }},
          page{std::make_unique<gateway::live_page>(at.runtime(), std::move(figures), options)} {}
    ~paged() {
        at.end();
        at.runtime().block_on([](gateway::live_page* of) { return of->close(); }, page.get());
        page.reset();
    }
    static gateway::live_page_options quick() {
        gateway::live_page_options options;
        options.period = 20ms;
        return options;
    }

    serving at;
    std::unique_ptr<gateway::live_page> page;
};

weir::runtime_options one_worker() {
    weir::runtime_options options;
    options.workers = 1;
    return options;
}

} // namespace

TEST_CASE("the page stands alone: it is allowed nothing from elsewhere, and names nothing") {
    paged with;
    caller client{with.at};
    auto const got = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(got.status == 200);
    CHECK(got.header("Content-Type") == "text/html; charset=utf-8");
    CHECK(got.header("Content-Security-Policy").starts_with("default-src 'none'"));
    CHECK(got.header("X-Content-Type-Options") == "nosniff");
    CHECK(got.body.starts_with("<!doctype html>"));
    CHECK(got.body.ends_with("</html>\n"));
    for (auto const* const elsewhere : {"https://", "src=", "@import", "url("}) {
        CAPTURE(elsewhere);
        CHECK(got.body.find(elsewhere) == std::string::npos);
    }
    CHECK(with.page->samples() == 0); // nobody looks at the figures yet
}

TEST_CASE("who looks gets an event a period, all of them the same ones, and nothing is sampled when they have gone") {
    paged with;
    {
        caller first{with.at};
        REQUIRE(first.send(look));
        auto const head = first.up_to("\r\n\r\n");
        CHECK(head.find("text/event-stream") != std::string::npos);
        CHECK(head.find("Cache-Control: no-store") != std::string::npos);
        auto const event = first.up_to("\n\n");
        CHECK(event.find("retry: 40\n") != std::string::npos);
        auto const data = event.find("data: ");
        REQUIRE(data != std::string::npos);
        auto const told = json::parse(event.substr(data + 6, event.find('\n', data) - data - 6));
        CHECK(told["workers"].size() == 2);
        CHECK(told["seconds"].get<double>() > 0);
        CHECK(told["rates"].is_object());

        caller second{with.at}, third{with.at};
        REQUIRE(second.send(look));
        REQUIRE(third.send(look));
        CHECK_FALSE(second.up_to("data: ").empty());
        CHECK_FALSE(third.up_to("data: ").empty());
        CHECK(with.page->viewers() == 3);
        auto const before = with.page->samples();
        auto const began = weir::clock::now();
        std::this_thread::sleep_for(200ms);
        auto const most = (weir::clock::now() - began) / 20ms + 2; // of one sampler; three would take three times as many
        CHECK(with.page->samples() - before <= static_cast<std::uint64_t>(most));
        CHECK(with.page->samples() - before >= 1);
    }
    CHECK(eventually([&] { return with.page->viewers() == 0; }));
    std::this_thread::sleep_for(60ms); // the sampler has seen it by its next tick
    auto const then = with.page->samples();
    std::this_thread::sleep_for(100ms);
    CHECK(with.page->samples() == then);

    caller late{with.at}; // and begins again
    REQUIRE(late.send(look));
    CHECK_FALSE(late.up_to("data: ").empty());
    CHECK(with.page->samples() > then);
}

TEST_CASE("those who come and go all the time meet a sampler each time") {
    paged with;
    for (int n = 0; n < 30; ++n) {
        caller one{with.at};
        REQUIRE(one.send(look));
        CHECK_FALSE(one.up_to("data: ").empty());
        if (n % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds{n});
    }
}

TEST_CASE("one more than may look is told to come later") {
    auto options = paged::quick();
    options.most_viewers = 2;
    paged with{options};
    caller first{with.at};
    REQUIRE(first.send(look));
    CHECK_FALSE(first.up_to("data: ").empty());
    std::optional<caller> second{std::in_place, with.at};
    REQUIRE(second->send(look));
    CHECK_FALSE(second->up_to("data: ").empty());
    caller third{with.at};
    auto const refused = third.ask(look);
    CHECK(refused.status == 503);
    CHECK(refused.header("Retry-After") == "10");
    second.reset();
    REQUIRE(eventually([&] { return with.page->viewers() == 1; }));
    REQUIRE(third.send(look));
    CHECK_FALSE(third.up_to("data: ").empty());
}

TEST_CASE("who looks does not hold up a server that is drained") {
    paged with;
    caller one{with.at};
    REQUIRE(one.send(look));
    CHECK_FALSE(one.up_to("data: ").empty());
    auto const began = weir::clock::now();
    with.at.end();
    CHECK(weir::clock::now() - began < 3s);
    CHECK(one.rest().has_value()); // ended in order
}

TEST_CASE("a sample has the rates and quantiles of its period, and levels as they are") {
    weir::test::watchdog const watched{60};
    gateway::worker_clocks clocks;
    auto options = one_worker();
    options.on_thread_start = [&clocks](unsigned number) { clocks.enter(number); };
    weir::runtime runs{options};
    weir::counter requests;
    weir::histogram latency, batch;
    double connections = 3, depth = 7;
    gateway::live_figures figures;
    figures.rate("requests", [&] { return requests.value(); });
    figures.level("connections", [&] { return connections; });
    figures.queue("audit", [&] { return depth; });
    figures.times("latency", latency);
    figures.sizes("batch", batch);
    figures.workers(clocks);
    requests.add(1000); // before the first look: of no sample
    latency.record(9s);
    auto const zero = weir::clock::now();
    gateway::live_sampler looks{figures, runs, zero - 60s};

    requests.add(500);
    for (int n = 0; n < 99; ++n) latency.record(2ms);
    latency.record(80ms);
    for (int n = 1; n <= 4; ++n) batch.record(static_cast<std::uint64_t>(2 * n));
    runs.block_on([]() -> weir::task<> { // some work of the only worker
        timespec used{};
        do ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        while (used.tv_nsec < 40'000'000);
        co_return;
    });
    auto const second = json::parse(looks.next(weir::clock::now() + 2s));
    auto const seconds = second["seconds"].get<double>();
    CHECK_THAT(second["rates"]["requests"].get<double>() * seconds, WithinRel(500, 0.001));
    CHECK(second["uptime"].get<double>() > 60);
    CHECK(second["levels"]["connections"] == 3);
    CHECK(second["queues"]["audit"] == 7);
    CHECK(second["times"]["latency"]["count"] == 100);
    CHECK_THAT(second["times"]["latency"]["p50"].get<double>(), WithinRel(0.002, 0.01));
    CHECK_THAT(second["times"]["latency"]["max"].get<double>(), WithinRel(0.08, 0.01));
    CHECK(second["sizes"]["batch"]["mean"] == 5);
    CHECK(second["sizes"]["batch"]["max"] == 8);
    REQUIRE(second["workers"].size() == 1);
    auto const worked = second["workers"][0]["busy"].get<double>() * seconds;
    CHECK(worked > 0.03); // some of the work may have been before the first look
    CHECK(worked < seconds);
    CHECK(second["workers"][0]["turns"].get<double>() > 0);
    CHECK(second["cpu"].get<double>() > 0);

    connections = 1;
    auto const third = json::parse(looks.next(weir::clock::now() + 3s));
    CHECK(third["rates"]["requests"] == 0);
    CHECK(third["levels"]["connections"] == 1);
    CHECK(third["times"]["latency"]["count"] == 0);
    CHECK(third["times"]["latency"]["p99"] == 0);
}

TEST_CASE("a worker's clock is its own, and there is none for a worker that is not") {
    gateway::worker_clocks clocks;
    CHECK_FALSE(clocks.cpu_time(0).has_value());
    CHECK_FALSE(clocks.cpu_time(gateway::worker_clocks::most).has_value());
    std::thread worker{[&] {
        clocks.enter(1);
        clocks.enter(gateway::worker_clocks::most); // is not kept
        auto const before = clocks.cpu_time(1);
        REQUIRE(before.has_value());
        while (*clocks.cpu_time(1) < *before + 5ms) {}
    }};
    worker.join();
    CHECK_FALSE(clocks.cpu_time(0).has_value());
}
