// tests/http/router.cpp: what the router finds.
#include <http/router.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

namespace {

http::router<int> some_routes() {
    http::router<int> routes;
    routes.add("GET", "/", 0);
    routes.add("GET", "/health", 1);
    routes.add("POST", "/health", 2);
    routes.add("GET", "/models/{id}", 3);
    routes.add("DELETE", "/models/{id}", 4);
    routes.add("GET", "/models/special", 5);
    routes.add("POST", "/c/{name}/points/{point}", 6);
    routes.add("PUT", "/c/{a}/points/last", 7);
    return routes;
}

} // namespace

TEST_CASE("a route is found by its method and its exact path") {
    auto const routes = some_routes();
    CHECK(*routes.find("GET", "/").handler == 0);
    CHECK(*routes.find("GET", "/health").handler == 1);
    CHECK(*routes.find("POST", "/health").handler == 2);
    CHECK(*routes.find("GET", "/models/special").handler == 5);
}

TEST_CASE("a parameter matches one segment that is not empty") {
    auto const routes = some_routes();
    auto const one = routes.find("DELETE", "/models/a%2Fb");
    REQUIRE(one.handler != nullptr);
    CHECK(*one.handler == 4);
    CHECK(one.parameters["id"] == "a%2Fb");
    CHECK(one.parameters["other"].empty());
    auto const two = routes.find("POST", "/c/x/points/y");
    REQUIRE(two.handler != nullptr);
    CHECK(two.parameters.size() == 2);
    CHECK(two.parameters["name"] == "x");
    CHECK(two.parameters["point"] == "y");
    for (auto const path : {"/models/", "/models", "/models/a/", "/models/a/b", "/c//points/y", "models/a", "",
                            "/healt", "/health/", "//"})
        CHECK(routes.find("GET", path).status == 404);
}

TEST_CASE("an exact path gives way to a pattern that has the method") {
    auto const routes = some_routes();
    CHECK(*routes.find("DELETE", "/models/special").handler == 4);
    CHECK(*routes.find("PUT", "/c/x/points/last").handler == 7);
    CHECK(*routes.find("POST", "/c/x/points/last").handler == 6);
}

TEST_CASE("a path without the method is answered with the methods that it has") {
    auto const routes = some_routes();
    auto const found = routes.find("PUT", "/health");
    CHECK(found.handler == nullptr);
    CHECK(found.status == 405);
    CHECK(found.allow == "GET, HEAD, POST");
    CHECK(routes.find("GET", "/c/x/points/y").allow == "POST");
    CHECK(routes.find("GET", "/nothing").allow.empty());
}

TEST_CASE("HEAD finds what GET finds, unless it has its own") {
    auto routes = some_routes();
    CHECK(*routes.find("HEAD", "/health").handler == 1);
    CHECK(routes.find("HEAD", "/c/x/points/y").status == 405);
    routes.add("HEAD", "/health", 9);
    CHECK(*routes.find("HEAD", "/health").handler == 9);
    CHECK(routes.find("PUT", "/health").allow == "GET, POST, HEAD");
}

TEST_CASE("a malformed or repeated route is refused") {
    auto routes = some_routes();
    for (auto const pattern :
         {"", "health", "/{", "/}", "/a{b}", "/{a}b", "/{}", "/{a{b}}", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"})
        CHECK_THROWS_AS(routes.add("GET", pattern, 0), std::invalid_argument);
    CHECK_THROWS_AS(routes.add("GET", "/health", 0), std::invalid_argument);
    CHECK_THROWS_AS(routes.add("GET", "/models/{id}", 0), std::invalid_argument);
}
