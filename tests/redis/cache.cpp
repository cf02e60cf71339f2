// tests/redis/cache.cpp: a cache that nodes share: equal work is done once, and Redis may be slow, dead or wrong.
#include "fixture.hpp"
#include "redis_server.hpp"

#include <gateway/cache/embedding_cache.hpp>
#include <gateway/cache/shared_cache.hpp>

#include <weir/coro/when_all.hpp>
#include <weir/flow/coalescer.hpp>

#include <atomic>
#include <numeric>
#include <stdexcept>

using namespace redis_test;
using gateway::shared_cache;
using gateway::shared_cache_options;
using weir::bytes;
using weir::result;
using weir::task;
using weir::test::redis_server;

namespace {

// Long enough for a machine that is busy with other things.
shared_cache_options unhurried() {
    shared_cache_options options;
    options.patience = 2s;
    return options;
}

// A process as far as Redis can tell: a runtime, a client, a cache, and a coalescer in front.
class node {
public:
    explicit node(std::string_view url, shared_cache_options options = unhurried())
        : to_{url}, cache{*to_, to_.runtime().get_executor(), options},
          values_{[this](std::string const& key) { return cache.get(key, 10s, [this, key] { return compute(key); }); }} {}
    ~node() {
        runtime().block_on([](node* self) -> task<> {
            co_await self->values_.close();
            co_await self->cache.close();
        }, this);
    }

    redis::client& client() noexcept { return *to_; }
    weir::runtime& runtime() noexcept { return to_.runtime(); }
    // "key:value" as the coalescer gives it, or the error.
    std::string get(std::string key) {
        return runtime().block_on([](node* self, std::string one) { return self->text_of(std::move(one)); }, this,
                                  std::move(key));
    }
    // How many of so many keys, each asked for by two callers at a time, came right.
    int all(int count) {
        return runtime().block_on([](node* self, int keys) -> task<int> {
            std::vector<task<std::string>> each;
            for (int n = 0; n < 2 * keys; ++n) each.push_back(self->text_of("key" + std::to_string(n % keys)));
            auto const texts = co_await weir::when_all(std::move(each));
            int right = 0;
            for (int n = 0; n < 2 * keys; ++n)
                right += texts[static_cast<std::size_t>(n)] == "value of key" + std::to_string(n % keys);
            co_return right;
        }, this, count);
    }
    shared_cache::figures const& counts() const noexcept { return cache.counts(); }

    std::atomic<int> computed{0};
    std::atomic<int> fails{0};  // so many computations
    std::atomic<int> throws{0};
    weir::duration takes = 5ms;

private:
    task<result<bytes>> compute(std::string key) {
        ++computed;
        static_cast<void>(co_await weir::sleep_for(takes));
        if (fails > 0 && fails-- > 0) co_return make_error_code(std::errc::io_error);
        if (throws > 0 && throws-- > 0) throw std::runtime_error("as told");
        co_return bytes::copy_of("value of " + key);
    }
    task<std::string> text_of(std::string key) {
        auto const got = co_await values_.get(std::move(key));
        co_return got ? std::string{(*got)->view()} : got.error().message();
    }

    fixture to_;

public:
    shared_cache cache;

private:
    weir::coalescer<std::string, bytes> values_;
};

} // namespace

TEST_CASE("two nodes that want the same thousand values at a time compute each once") {
    redis_server server;
    node a{server.by_socket()}, b{server.by_socket()};
    int right = 0;
    std::thread other{[&] { right = b.all(1000); }};
    CHECK(a.all(1000) == 2000);
    other.join();
    CHECK(right == 2000);
    CHECK(a.computed + b.computed == 1000);
    for (auto const* each : {&a.counts(), &b.counts()}) // and asked for each once, whoever came first
        CHECK(each->hits.value() + each->waited.value() + each->computed.value() == 1000);
    CHECK(a.counts().failures.value() + b.counts().failures.value() == 0);
    // What one has computed the other need not, also later; and looks go together.
    auto const before = a.client().counts().commands.value();
    CHECK(a.all(1000) == 2000);
    CHECK(a.computed + b.computed == 1000);
    CHECK(a.client().counts().commands.value() - before < 100);
}

TEST_CASE("a value ends with its time, about, and so does a claim") {
    redis_server server;
    shared_cache_options options = unhurried();
    options.claim = 3s;
    node a{server.by_socket(), options};
    CHECK(a.get("x") == "value of x");
    auto const ttl = [](redis::client* of) { return of->command("PTTL", "weir:x"); };
    auto const left = a.runtime().block_on(ttl, &a.client());
    REQUIRE(left);
    CHECK(left->integer() > 8000);
    CHECK(left->integer() <= 11000);
    auto const keys = [](redis::client* of) { return of->command("KEYS", "*claim*"); };
    auto const claims = a.runtime().block_on(keys, &a.client());
    REQUIRE(claims);
    CHECK(claims->elements().empty());
}

TEST_CASE("the claim of a node that died holds up the others until it ends, and no longer") {
    redis_server server;
    node b{server.by_socket()};
    auto const set = b.runtime().block_on(
        [](redis::client* of) { return of->set_nx("weir:x:claim", bytes::literal("one who died"), 150ms); }, &b.client());
    REQUIRE((set && *set));
    auto const began = weir::clock::now();
    CHECK(b.get("x") == "value of x");
    auto const took = weir::clock::now() - began;
    CHECK(took >= 100ms);
    CHECK(took < 1500ms);
    CHECK(b.counts().computed.value() == 1);
    CHECK(b.counts().alone.value() == 0);
}

TEST_CASE("who has waited long enough for another node computes for itself, and leaves the other's claim alone") {
    redis_server server;
    shared_cache_options options = unhurried();
    options.wait = 50ms;
    node b{server.by_socket(), options};
    auto const ask = [&](std::string_view verb, std::string_view key) {
        return b.runtime().block_on([](redis::client* of, redis::request what) { return of->send(std::move(what)); },
                                    &b.client(), redis::request{verb, key});
    };
    auto const set = b.runtime().block_on(
        [](redis::client* of) { return of->set_nx("weir:x:claim", bytes::literal("a slow one"), 60s); }, &b.client());
    REQUIRE((set && *set));
    CHECK(b.get("x") == "value of x");
    CHECK(b.counts().alone.value() == 1);
    CHECK(ask("GET", "weir:x:claim")->string() == "a slow one");
    CHECK(ask("GET", "weir:x")->is_null());
}

TEST_CASE("a claim whose answer came too late holds up nobody") {
    redis_server server;
    shared_cache_options options;
    options.patience = 100ms;
    node a{server.by_socket(), options}, b{server.by_socket()};
    CHECK(a.get("first") == "value of first");
    a.takes = 300ms;
    auto const late = a.counts().failures.value() + 2; // a look, and the claim
    server.halt(); // it takes what is sent, and does it later
    std::string got;
    std::thread slow{[&] { got = a.get("x"); }};
    CHECK(eventually([&] { return a.counts().failures.value() == late; }));
    server.go_on();
    slow.join();
    CHECK(got == "value of x");
    CHECK(a.counts().alone.value() == 1);
    auto const began = weir::clock::now();
    CHECK(b.get("x") == "value of x");
    CHECK(weir::clock::now() - began < 1s); // and not `wait`
    CHECK(b.counts().alone.value() == 0);
}

TEST_CASE("a claim that ended and went to another is not released by its first owner") {
    redis_server server;
    shared_cache_options options = unhurried();
    options.claim = 30ms;
    node a{server.by_socket(), options};
    a.takes = 300ms;
    std::string got;
    std::thread slow{[&] { got = a.get("x"); }};
    node b{server.by_socket()};
    auto const claim = [&] {
        auto const set = b.runtime().block_on(
            [](redis::client* of) { return of->set_nx("weir:x:claim", bytes::literal("the next"), 60s); }, &b.client());
        return set && *set;
    };
    CHECK(eventually([&] { return a.computed == 1; }));
    CHECK(eventually(claim)); // as soon as it has ended
    slow.join();
    CHECK(got == "value of x");
    auto const owner = b.runtime().block_on([](redis::client* of) { return of->get("weir:x:claim"); }, &b.client());
    CHECK((owner && *owner && (*owner)->view() == "the next"));
}

TEST_CASE("what fails is told, is not kept, and its claim is released") {
    redis_server server;
    node a{server.by_socket()}, b{server.by_socket()};
    a.fails = 1;
    a.throws = 1;
    CHECK(a.get("x") == std::make_error_code(std::errc::io_error).message());
    CHECK_THROWS_AS(a.get("x"), std::runtime_error);
    auto const began = weir::clock::now();
    CHECK(b.get("x") == "value of x");
    CHECK(weir::clock::now() - began < 1s);
    CHECK(b.counts().computed.value() == 1);
}

TEST_CASE("without Redis everybody computes, and soon without a pause") {
    node a{"redis://127.0.0.1:1"};
    for (int n = 0; n < 50; ++n) CHECK(a.get("key" + std::to_string(n)) == "value of key" + std::to_string(n));
    CHECK(a.computed == 50);
    CHECK(a.counts().alone.value() == 50);
    CHECK(a.counts().failures.value() == 100); // a look and a claim each
    CHECK(a.client().counts().spared.value() > 0);
}

TEST_CASE("a Redis that hangs costs the patience a few times, and then nothing") {
    redis_server server;
    shared_cache_options options;
    options.patience = 10ms;
    node a{server.by_socket(), options};
    a.takes = 0ms;
    CHECK(a.get("first") == "value of first");
    server.halt();
    auto const began = weir::clock::now();
    for (int n = 0; n < 400; ++n) CHECK(a.get("key" + std::to_string(n)) == "value of key" + std::to_string(n));
    CHECK(weir::clock::now() - began < 400 * 10ms); // with two patiences each it would be twice that
    CHECK(a.client().counts().spared.value() > 100);
    server.go_on();
    CHECK(eventually([&] {
        a.get("again" + std::to_string(a.computed));
        return a.counts().computed.value() > 5;
    }));
}

TEST_CASE("Redis is killed while two nodes compute: nobody hangs, and every value is right") {
    redis_server server;
    shared_cache_options options;
    options.patience = 100ms;
    node a{server.by_socket(), options}, b{server.by_socket(), options};
    a.takes = b.takes = 20ms;
    int right = 0, first = 0;
    std::thread other{[&] {
        for (int round = 0; round < 5; ++round) right += b.all(200);
    }};
    std::thread one{[&] {
        for (int round = 0; round < 5; ++round) first += a.all(200);
    }};
    std::this_thread::sleep_for(15ms);
    server.kill();
    std::this_thread::sleep_for(60ms);
    server.start();
    other.join();
    one.join();
    CHECK(right == 5 * 400);
    CHECK(first == 5 * 400);
    CHECK(a.all(200) == 400);
    CHECK(eventually([&] { // by itself it comes to be shared again
        static int n = 0;
        auto const key = "later" + std::to_string(n++);
        a.get(key);
        int const before = b.computed;
        return b.get(key) == "value of " + key && b.computed == before;
    }));
}

TEST_CASE("a vector comes back as it went, for its own text only") {
    std::vector<float> numbers(384);
    std::iota(numbers.begin(), numbers.end(), -100.25f);
    auto const kept = gateway::encode_vector("a text", numbers);
    CHECK(kept.size() == 4 + 6 + 384 * 4);
    CHECK(gateway::decode_vector(kept, "a text") == numbers);
    CHECK_FALSE(gateway::decode_vector(kept, "b text"));
    CHECK_FALSE(gateway::decode_vector(kept, "a tex"));
    CHECK_FALSE(gateway::decode_vector(kept, "a text and more"));
    CHECK_FALSE(gateway::decode_vector(kept.slice(0, kept.size() - 1), "a text"));
    CHECK_FALSE(gateway::decode_vector(kept.slice(0, 10), "a text"));
    CHECK_FALSE(gateway::decode_vector(kept.slice(0, 3), "a text"));
    CHECK_FALSE(gateway::decode_vector(bytes{}, ""));
}

TEST_CASE("embeddings are shared by model and text, and a text whose key another has is computed") {
    redis_server server;
    node a{server.by_socket()};
    gateway::embedding_cache first{a.cache, "small-1"}, second{a.cache, "small-2"};
    int computed = 0;
    auto const get = [&](gateway::embedding_cache& from, std::string text) {
        return a.runtime().block_on([&](std::string of) -> task<std::vector<float>> {
            auto const compute = [&computed, &of]() -> task<result<std::vector<float>>> {
                ++computed;
                co_return std::vector<float>{static_cast<float>(of.size()), 0.5f};
            };
            auto const got = co_await from.get(of, compute);
            co_return got.value();
        }, std::move(text));
    };
    CHECK(get(first, "abc") == std::vector<float>{3, 0.5f});
    CHECK(get(first, "abc") == std::vector<float>{3, 0.5f});
    CHECK(computed == 1);
    CHECK(get(second, "abc") == std::vector<float>{3, 0.5f});
    CHECK(computed == 2);
    // As if "zzzz" had the hash of another text.
    auto const other = gateway::encode_vector("another", std::vector<float>{9});
    auto const set = a.runtime().block_on(
        [](redis::client* of, std::string key, bytes what) { return of->set(key, what); }, &a.client(),
        "weir:" + first.key_of("zzzz"), other);
    REQUIRE(set);
    CHECK(get(first, "zzzz") == std::vector<float>{4, 0.5f});
    CHECK(computed == 3);
}
