// tests/gateway/search_service.cpp: collections over HTTP, from the first point to the end of the collection.
#include "http/serving.hpp"

#include <gateway/search/search_service.hpp>

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace {

// A server of the search routes, on one backend.
class searching {
    using verb = weir::task<> (gateway::search_service::*)(http::exchange&);

public:
    explicit searching(gateway::search_options options = {})
        : server_{{}, 2, [this](http::exchange& one) { return route(one); }} {
        texts_.emplace(server_.runtime().get_executor());
        service_.emplace(*texts_, server_.runtime().get_executor(), options);
        routes_.add("GET", "/v1/collections", &gateway::search_service::list);
        routes_.add("GET", "/v1/collections/{name}", &gateway::search_service::describe);
        routes_.add("DELETE", "/v1/collections/{name}", &gateway::search_service::drop);
        routes_.add("POST", "/v1/collections/{name}/points", &gateway::search_service::upsert);
        routes_.add("DELETE", "/v1/collections/{name}/points", &gateway::search_service::remove);
        routes_.add("POST", "/v1/collections/{name}/search", &gateway::search_service::search);
    }
    ~searching() {
        server_.end();
        server_.runtime().block_on([](searching* self) -> weir::task<> {
            co_await self->service_->close();
            co_await self->texts_->close();
        }, this);
    }

    http_test::reply ask(std::string_view method, std::string_view path, std::string_view body = {}) {
        http_test::caller one{server_};
        std::string request{method};
        request.append(" /v1/collections").append(path).append(" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
        return one.ask(request);
    }
    std::string body_of(std::string_view method, std::string_view path, std::string_view body = {}) {
        auto const got = ask(method, path, body);
        CAPTURE(got.body);
        CHECK(got.status == 200);
        return got.body;
    }
    // Whether it is refused with that status, and the answer names the field.
    bool refused(int status, std::string_view field, std::string_view method, std::string_view path,
                 std::string_view body) {
        auto const got = ask(method, path, body);
        bool const named = got.body.find("\"param\":\"" + std::string{field} + "\"") != std::string::npos;
        if (got.status == status && named) return true;
        UNSCOPED_INFO(got.status << " " << got.body);
        return false;
    }

private:
    weir::task<> route(http::exchange& one) {
        auto const found = routes_.find(one.request.method(), one.request.path());
        one.parameters = found.parameters;
        if (found.handler) co_await ((*service_).*(*found.handler))(one);
        else one.response.set_status(found.status);
    }

    http::router<verb> routes_;
    http_test::serving server_;
    std::optional<gateway::embedding_service> texts_;
    std::optional<gateway::search_service> service_;
};

} // namespace

TEST_CASE("texts are stored and the nearest are found, with what the client keeps with them") {
    searching one;
    CHECK(one.body_of("POST", "/notes/points",
                      R"({"points":[)"
                      R"({"id":"cat","text":"The cat sat on the mat.","payload":{"lang":"en","n":1}},)"
                      R"({"id":"katze","text":"Die Katze sitzt auf der Matte.","payload":{"lang":"de"}},)"
                      R"({"id":"tax","text":"Quarterly revenue grew.","payload":{"lang":"en"}}]})") ==
          R"({"upserted":3})");
    auto found = one.body_of("POST", "/notes/search", R"({"text":"cats on a mat","top_k":1})");
    CHECK(found.starts_with(R"({"hits":[{"id":"cat","score":0.)"));
    CHECK(found.ends_with(R"("payload":{"lang":"en","n":1}}]})"));
    found = one.body_of("POST", "/notes/search",
                        R"({"text":"cats on a mat","top_k":1,"filter":{"lang":"de"},"with_payload":false})");
    CHECK(found.starts_with(R"({"hits":[{"id":"katze","score":)"));
    CHECK(found.find("payload") == std::string::npos);
    found = one.body_of("POST", "/notes/search", R"({"text":"cats on a mat","score_threshold":0.99})");
    CHECK(found == R"({"hits":[]})");

    auto const card = one.body_of("GET", "/notes");
    CHECK(card.starts_with(R"({"name":"notes","dimensions":384,"points":3,"bytes":)"));
    CHECK(one.body_of("GET", "") == R"({"collections":[)" + card + "]}");
    CHECK(one.body_of("DELETE", "/notes/points", R"({"ids":["cat","dog"]})") == R"({"deleted":1})");
    CHECK(one.body_of("POST", "/notes/search", R"({"text":"cats on a mat"})").find("\"cat\"") == std::string::npos);
    CHECK(one.body_of("DELETE", "/notes") == R"({"deleted":true})");
    CHECK(one.body_of("GET", "") == R"({"collections":[]})");
}

TEST_CASE("what is wrong with a request is told by the name of the field") {
    gateway::search_options options;
    options.most_points = 3;
    options.most_collections = 1;
    searching one{options};
    CHECK(one.refused(404, "name", "GET", "/x", ""));
    CHECK(one.refused(404, "name", "POST", "/x/search", R"({"vector":[1]})"));
    CHECK(one.refused(400, "points[0].id", "POST", "/x/points", R"({"points":[{"vector":[1]}]})"));
    CHECK(one.refused(400, "name", "POST", "/x%20y/points", R"({"points":[{"id":"a","vector":[1]}]})"));
    CHECK(one.ask("POST", "/x/points", R"({"points":[{"id":"a","vector":[1,2]}]})").status == 200);
    CHECK(one.refused(400, "points[1]", "POST", "/x/points",
                      R"({"points":[{"id":"b","vector":[1,2]},{"id":"c","vector":[1]}]})"));
    CHECK(one.refused(400, "points[0]", "POST", "/x/points", R"({"points":[{"id":"b","text":"hello"}]})"));
    CHECK(one.refused(400, "vector", "POST", "/x/search", R"({"vector":[1]})"));
    CHECK(one.refused(400, "text", "POST", "/x/search", R"({"text":"hello"})"));
    CHECK(one.refused(507, "name", "POST", "/y/points", R"({"points":[{"id":"a","vector":[1]}]})"));
    CHECK(one.refused(507, "points", "POST", "/x/points",
                      R"({"points":[{"id":"b","vector":[1,2]},{"id":"c","vector":[1,2]},{"id":"d","vector":[1,2]}]})"));
    CHECK(one.body_of("GET", "/x").starts_with(R"({"name":"x","dimensions":2,"points":1,)"));
}

TEST_CASE("a large body is read and stored like a small one") {
    searching one;
    std::string body = R"({"points":[)";
    for (int n = 0; n < 1000; ++n) {
        body.append(n == 0 ? "" : ",").append(R"({"id":"p)").append(std::to_string(n)).append(R"(","vector":[)");
        for (int d = 0; d < 64; ++d) body.append(d == 0 ? "" : ",").append(std::to_string((n * 31 + d * 17) % 101 - 50));
        body.append("]}");
    }
    REQUIRE(one.body_of("POST", "/many/points", body + "]}") == R"({"upserted":1000})");
    std::string query = R"({"vector":[)";
    for (int d = 0; d < 64; ++d) query.append(d == 0 ? "" : ",").append(std::to_string((77 * 31 + d * 17) % 101 - 50));
    auto const found = one.body_of("POST", "/many/search", query + R"(],"top_k":2})");
    // The numbers repeat after 101 points, so that ten are as near as can be: of these the least ids come first.
    CHECK(found.starts_with(R"({"hits":[{"id":"p178","score":)"));
    CHECK(found.find(R"({"id":"p279","score":)") != std::string::npos);
}
