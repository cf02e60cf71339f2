// tests/http/client.cpp: the client against the server, and against peers that misbehave.
#include "serving.hpp"

#include <http/client.hpp>

#include <unistd.h>
#include <vector>

using namespace http_test;

namespace {

http::client_request request(std::string_view method, weir::net::address const& to, std::string_view path) {
    return http::client_request::make(method, "http://" + to.to_string() + std::string{path}).value();
}

// An answer with its body read, as one comparable text; the error where there is none.
weir::task<std::string> fetch(http::client* from, http::client_request const* ask) {
    auto answer = co_await weir::timeout(from->send(*ask), 10s);
    if (!answer) co_return answer.error().message();
    auto const body = co_await weir::timeout(answer->read_all(64 * 1024 * 1024), 10s);
    co_return std::to_string(answer->status()) + ' ' + (body ? *body : body.error().message());
}

std::string ask(weir::runtime& on, http::client& from, http::client_request const& what) {
    return on.block_on(&fetch, &from, &what);
}

// A peer that takes a connection for each of its scripts; of a script it sends each text when a whole head has come, and
// then closes.
class scripted {
public:
    using script = std::vector<std::string>;
    explicit scripted(std::vector<script> all)
        : listener_{weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value()},
          where_{listener_.local().value()}, thread_{[this, texts = std::move(all)] { run(texts); }} {}
    ~scripted() { thread_.join(); }
    weir::net::address const& where() const noexcept { return where_; }

private:
    void run(std::vector<script> const& all) {
        auto const listening = listener_.ref().number();
        for (auto const& each : all) {
            pollfd waits{listening, POLLIN, 0};
            if (::poll(&waits, 1, 10'000) != 1) return;
            weir::io::fd const taken{::accept(listening, nullptr, nullptr)};
            for (auto const& text : each) {
                std::string head;
                char one = 0;
                while (!head.ends_with("\r\n\r\n") && ::recv(taken.number(), &one, 1, 0) == 1) head += one;
                if (head.empty()) break;
                static_cast<void>(::send(taken.number(), text.data(), text.size(), MSG_NOSIGNAL));
            }
        }
    }

    weir::net::tcp_listener listener_;
    weir::net::address const where_;
    std::thread thread_;
};

// Layers whose handshake waits for a word that never comes.
class silent_layers : public http::layer_maker {
public:
    std::unique_ptr<http::transport_layer> make(weir::net::tcp_socket const&, std::string_view) override {
        return std::make_unique<layer>(*this);
    }
    int ended = 0; // handshakes

private:
    class layer : public http::transport_layer {
    public:
        explicit layer(silent_layers& of) : of_{of} {}
        weir::task<weir::result<void>> open() override {
            auto const said = co_await word_.wait();
            ++of_.ended;
            co_return said;
        }
        weir::task<weir::result<std::size_t>> recv(std::span<std::byte>) override { co_return std::size_t{0}; }
        weir::task<weir::result<std::size_t>> send(std::span<iovec const>) override { co_return weir::errc::closed; }
        weir::task<> say_end() override { co_return; }

    private:
        silent_layers& of_;
        weir::event word_;
    };
};

std::string const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

} // namespace

TEST_CASE("one connection serves request after request") {
    serving at;
    http::client one;
    for (int i = 0; i < 10; ++i) {
        CHECK(ask(at.runtime(), one, request("GET", at.where(), "/a?b")) == "200 /a?b");
        auto post = request("POST", at.where(), "/echo");
        post.set_body(weir::bytes::literal("body"));
        CHECK(ask(at.runtime(), one, post) == "200 body");
        CHECK(ask(at.runtime(), one, request("HEAD", at.where(), "/a")) == "200 ");
    }
    CHECK(one.counts().connected.value() == 1);
    CHECK(at.counts().connections.value() == 1);
    CHECK(one.idle() == 1);
    at.runtime().block_on([](http::client* self) { return self->close(); }, &one);
    CHECK(at.emptied());
}

TEST_CASE("requests side by side have a connection each, up to the bound, and as many are kept as shall be") {
    serving at;
    http::client_options options;
    options.connections = 3;
    options.idle = 2;
    http::client one{options};
    auto const what = request("GET", at.where(), "/sleep");
    auto const good = at.runtime().block_on([](http::client* from, http::client_request const* of) -> weir::task<int> {
        weir::atomic<int> sum{0};
        auto all = weir::in_scope([](weir::scope& tasks, http::client* self, http::client_request const* to,
                                     weir::atomic<int>* into) -> weir::task<> {
            for (int i = 0; i < 9; ++i)
                tasks.spawn([](http::client* c, http::client_request const* r, weir::atomic<int>* n) -> weir::task<> {
                    auto const text = co_await fetch(c, r);
                    if (text == "200 slept") n->fetch_add(1, weir::relaxed); // a tally
                }, self, to, into);
            co_return;
        }, from, of, &sum);
        co_await std::move(all);
        co_return sum.load(weir::relaxed);
    }, &one, &what);
    CHECK(good == 9);
    CHECK(one.idle() <= 2);
    CHECK(one.counts().connected.value() >= 3);
    CHECK(at.counts().connections.value() == one.counts().connected.value());
}

TEST_CASE("a large body comes in pieces, and goes in chunks") {
    serving at;
    http::client one;
    CHECK(ask(at.runtime(), one, request("GET", at.where(), "/large")).size() == 16 * 1024 * 1024 + 4);
    auto post = request("POST", at.where(), "/echo");
    int left = 5;
    post.set_body_source([&left]() -> weir::task<weir::result<weir::bytes>> {
        if (left-- == 0) co_return weir::bytes{};
        co_await weir::yield();
        co_return weir::bytes::copy_of("piece;");
    });
    CHECK(ask(at.runtime(), one, post) == "200 piece;piece;piece;piece;piece;");
    CHECK(one.counts().connected.value() == 1);
}

TEST_CASE("a body whose source fails breaks the request off") {
    serving at;
    http::client one;
    auto post = request("POST", at.where(), "/echo");
    int left = 1;
    post.set_body_source([&left]() -> weir::task<weir::result<weir::bytes>> {
        if (left-- == 0) co_return weir::errc::overloaded;
        co_return weir::bytes::copy_of("part");
    });
    CHECK(ask(at.runtime(), one, post) == weir::make_error_code(weir::errc::overloaded).message());
    CHECK(at.emptied());
    CHECK(at.handled.load(weir::relaxed) == 0);
}

TEST_CASE("a server that refuses a body in the middle is heard") {
    serving at;
    http::client one;
    auto post = request("POST", at.where(), "/echo");
    std::string const large(4 * 1024 * 1024, 'x');
    post.set_body(weir::bytes::of_static(large));
    CHECK(ask(at.runtime(), one, post).starts_with("413 "));
    CHECK(one.idle() == 0);
}

TEST_CASE("a response that is dropped before its end closes its connection") {
    serving at;
    http::client one;
    auto const what = request("GET", at.where(), "/large");
    using bytes_seen = weir::task<std::size_t>;
    auto const size = at.runtime().block_on([](http::client* from, http::client_request const* of) -> bytes_seen {
        auto answer = co_await from->send(*of);
        auto const piece = co_await answer->next();
        co_return piece->size();
    }, &one, &what);
    CHECK(size > 0);
    CHECK(one.idle() == 0);
    CHECK(at.emptied());
    CHECK(ask(at.runtime(), one, request("GET", at.where(), "/b")) == "200 /b");
}

TEST_CASE("a request that is given up leaves the client fit for the next") {
    serving at;
    http::client one;
    auto const what = request("GET", at.where(), "/wait");
    auto const late = at.runtime().block_on([](http::client* from, http::client_request const* of) -> weir::task<bool> {
        auto const answer = co_await weir::timeout(from->send(*of), 30ms);
        co_return !answer && answer.error() == weir::errc::timed_out;
    }, &one, &what);
    CHECK(late);
    CHECK(one.idle() == 0);
    CHECK(ask(at.runtime(), one, request("GET", at.where(), "/b")) == "200 /b");
}

TEST_CASE("a kept connection that has ended is noticed, or the request is sent again if that does no harm") {
    weir::test::backend_runtime runs{weir::test::whole_backend(), 2};
    http::client one;
    {
        // The peer ends its connection at once: the next request looks before it is sent.
        scripted peer{{{ok}, {ok}}};
        CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == "200 ok");
        std::this_thread::sleep_for(20ms);
        CHECK(ask(*runs, one, request("POST", peer.where(), "/")) == "200 ok");
        CHECK(one.counts().repeated.value() == 0);
    }
    {
        // It takes the second request and ends without an answer: nobody knows whether it was done.
        scripted peer{{{ok, ""}, {ok}}};
        CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == "200 ok");
        CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == "200 ok");
        CHECK(one.counts().repeated.value() == 1);
    }
    {
        scripted peer{{{ok, ""}}};
        CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == "200 ok");
        CHECK(ask(*runs, one, request("POST", peer.where(), "/")) ==
              weir::make_error_code(weir::errc::end_of_stream).message());
        CHECK(one.counts().repeated.value() == 1);
    }
    {
        // A new connection is not tried twice.
        scripted peer{{{""}}};
        CHECK(ask(*runs, one, request("GET", peer.where(), "/")) ==
              weir::make_error_code(weir::errc::end_of_stream).message());
        CHECK(one.counts().repeated.value() == 1);
    }
}

TEST_CASE("a connection that was idle for too long, or of which more came than the answer, is not used again") {
    weir::test::backend_runtime runs{weir::test::whole_backend(), 2};
    http::client_options options;
    options.idle_time = 0s;
    http::client brief{options};
    scripted twice{{{ok}, {ok}}};
    CHECK(ask(*runs, brief, request("GET", twice.where(), "/")) == "200 ok");
    CHECK(ask(*runs, brief, request("GET", twice.where(), "/")) == "200 ok");
    CHECK(brief.counts().connected.value() == 2);
    http::client one;
    scripted chatty{{{ok + ok, "wrong"}, {ok}}};
    CHECK(ask(*runs, one, request("GET", chatty.where(), "/")) == "200 ok");
    CHECK(ask(*runs, one, request("GET", chatty.where(), "/")) == "200 ok");
    CHECK(one.counts().connected.value() == 2);
}

TEST_CASE("what is no good answer is an error, and no hang") {
    weir::test::backend_runtime runs{weir::test::whole_backend(), 2};
    http::client one;
    std::string const half = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
    scripted peer{{{"SSH-2.0-x\r\n"}, {half}, {"HTTP/1.1 200 OK\r\n\r\nabc"}}};
    auto const bad = std::make_error_code(std::errc::bad_message).message();
    CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == bad);
    CHECK(ask(*runs, one, request("GET", peer.where(), "/")) ==
          "200 " + weir::make_error_code(weir::errc::end_of_stream).message());
    CHECK(ask(*runs, one, request("GET", peer.where(), "/")) == "200 abc");
    CHECK(one.idle() == 0);
}

TEST_CASE("a connection that does not come, and a handshake that does not end, have their time, and the caller his own") {
    weir::test::backend_runtime runs{weir::test::whole_backend(), 2};
    // A listener whose queue is full lets who connects wait; nobody ever takes a connection of it.
    auto const listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
    REQUIRE(::listen(listener.ref().number(), 0) == 0);
    auto const where = listener.local().value();
    silent_layers silent;
    http::client_options options;
    options.connect_time = 40ms;
    options.layers = &silent;
    auto const error = [&](http::client_request const& ask, weir::duration own) {
        http::client one{options};
        return runs->block_on([](http::client* from, http::client_request const* what,
                                 weir::duration length) -> weir::task<std::error_code> {
            auto const answer = co_await weir::timeout(from->send(*what), length);
            co_return answer ? std::error_code{} : answer.error();
        }, &one, &ask, own);
    };
    auto const secure = http::client_request::make("GET", "https://" + where.to_string() + "/").value();
    CHECK(error(secure, 10s) == std::errc::timed_out);
    CHECK(silent.ended == 1);
    std::vector<weir::io::fd> crowd;
    for (pollfd waits{-1, POLLOUT, 0};;) {
        crowd.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        waits.fd = crowd.back().number();
        static_cast<void>(::connect(waits.fd, where.raw(), where.length()));
        if (::poll(&waits, 1, 50) == 0) break;
        REQUIRE(crowd.size() < 100);
    }
    auto const plain = request("GET", where, "/");
    CHECK(error(plain, 10s) == std::errc::timed_out);
    options.connect_time = 10s;
    CHECK(error(plain, 40ms) == weir::errc::timed_out);
}

TEST_CASE("a host is found by its name") {
    serving at;
    http::client one;
    auto const port = at.where().to_string().substr(at.where().to_string().rfind(':'));
    auto const named = http::client_request::make("GET", "http://LOCALHOST" + port + "/x").value();
    CHECK(ask(at.runtime(), one, named) == "200 /x");
    at.runtime().block_on([](http::client* self) { return self->close(); }, &one);
}
