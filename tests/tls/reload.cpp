// tests/tls/reload.cpp: a certificate that changes while requests are under way.
#include "secured.hpp"

#include "http/serving.hpp"

#include <http/client.hpp>

#include <catch2/matchers/catch_matchers_string.hpp>

#include <mutex>
#include <string>
#include <thread>

using namespace tls_test;
using Catch::Matchers::ContainsSubstring;
using http_test::serving;

namespace {

weir::task<std::string> fetch(http::client* from, std::string url) {
    auto const ask = http::client_request::make("GET", url).value();
    auto answer = co_await weir::timeout(from->send(ask), 20s);
    if (!answer) co_return answer.error().message();
    auto const body = co_await answer->read_all(1000);
    co_return std::to_string(answer->status()) + ' ' + (body ? *body : body.error().message());
}

class tally {
public:
    void note(std::string const& failure) {
        std::lock_guard const locked{mutex_};
        failures_ += failure + "; ";
    }
    std::string failures() {
        std::lock_guard const locked{mutex_};
        return failures_;
    }

    weir::atomic<bool> enough{false};
    weir::atomic<int> good{0};

private:
    std::mutex mutex_;
    std::string failures_;
};

weir::task<> keep_asking(http::client* from, std::string url, tally* into) {
    while (!into->enough.load(weir::relaxed)) { // one request more or less
        auto const got = co_await fetch(from, url);
        if (got == "200 /x") into->good.fetch_add(1, weir::relaxed); // a tally
        else into->note(got);
    }
}

} // namespace

TEST_CASE("a certificate that is swapped under load fails no request, and a bad one changes nothing") {
    secured all;
    http::server_options over;
    over.layers = &all.server;
    serving at{over};
    auto const url = "https://" + at.where().to_string() + "/x";
    certificate_options named; // else a client that trusts both would look for one name and find the other's
    named.name = "first";
    certificate const first{named};
    named.name = "second";
    certificate const second{named};
    tls::client_layers either{all.trusting(first.text() + second.text(), "either.pem")};
    tls::client_layers only_first{all.trusting(first.text(), "first.pem")};
    tls::client_layers only_second{all.trusting(second.text(), "second.pem")};
    auto const reload = [&] {
        return at.runtime().block_on([](tls::server_layers* of) { return of->reload(); }, &all.server);
    };
    auto const answer = [&](tls::client_layers& layers) {
        http::client_options options;
        options.layers = &layers;
        http::client one{options};
        return at.runtime().block_on(&fetch, &one, url);
    };
    all.files.put(first);
    CHECK(reload().done);
    CHECK(answer(only_first) == "200 /x");
    CHECK_THAT(answer(only_second), ContainsSubstring("self-signed"));

    http::client_options keeps;
    keeps.layers = &either;
    http::client steady{keeps}; // a connection for all its requests
    keeps.idle = 0;
    http::client fresh{keeps}; // one for each
    tally counts;
    std::thread load{[&] {
        at.runtime().block_on([](http::client* one, http::client* other, std::string where, tally* into) -> weir::task<> {
            co_await weir::in_scope([](weir::scope& tasks, http::client* kept, http::client* made, std::string const* to,
                                       tally* sum) -> weir::task<> {
                tasks.spawn(&keep_asking, kept, *to, sum);
                for (int i = 0; i < 3; ++i) tasks.spawn(&keep_asking, made, *to, sum);
                co_return;
            }, one, other, &where, into);
        }, &steady, &fresh, url, &counts);
    }};
    for (int round = 0; round < 10; ++round) {
        auto const before = fresh.counts().connected.value();
        all.files.put(round % 2 ? first : second);
        auto const report = reload();
        CHECK(report.done);
        CHECK_THAT(report.text, ContainsSubstring("certificate.pem is in use"));
        CHECK(http_test::eventually([&] { return fresh.counts().connected.value() >= before + 3; }));
    }
    all.files.put("key.pem", second.key_text()); // beside the first's certificate
    auto const refused = reload();
    CHECK_FALSE(refused.done);
    CHECK_THAT(refused.text, ContainsSubstring("stays as it was: ") && ContainsSubstring("key.pem: not the key of"));
    CHECK(answer(only_first) == "200 /x");
    CHECK_THAT(answer(only_second), ContainsSubstring("self-signed"));
    all.files.put(second);
    CHECK(reload().done);
    CHECK(answer(only_second) == "200 /x");
    counts.enough.store(true, weir::relaxed);
    load.join();
    CHECK(counts.failures() == "");
    CHECK(steady.counts().connected.value() == 1);
    CHECK(counts.good.load(weir::relaxed) >= 20);
    CHECK(all.server.counts().failed.value() > 0); // those who trusted the other
}
