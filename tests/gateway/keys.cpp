// tests/gateway/keys.cpp: which keys are accepted and where they come from.
#include <gateway/keys.hpp>

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

// A file that is gone when the test ends.
class temporary_file {
public:
    explicit temporary_file(std::string_view text) {
        auto const fd = ::mkstemp(path_.data());
        REQUIRE(fd >= 0);
        ::close(fd);
        std::ofstream{path_} << text;
    }
    temporary_file(temporary_file const&) = delete;
    temporary_file& operator=(temporary_file const&) = delete;
    ~temporary_file() { ::unlink(path_.c_str()); }
    std::string const& path() const noexcept { return path_; }

private:
    std::string path_ = "/tmp/weir-keys-XXXXXX";
};

std::string message_of(gateway::keys& keys, std::string const& path) {
    try {
        keys.add_file(path);
    } catch (std::exception const& error) { return error.what(); }
    return {};
}

} // namespace

TEST_CASE("exactly the keys that were added are accepted") {
    gateway::keys keys;
    CHECK_FALSE(keys.contains(""));
    CHECK_FALSE(keys.contains("alpha"));
    keys.add("alpha", "test");
    keys.add("beta-2", "test");
    CHECK(keys.contains("alpha"));
    CHECK(keys.contains("beta-2"));
    // "alphaalpha" repeats the key, against whose bytes a longer one is compared.
    for (auto const wrong : {"", "a", "alph", "alphaa", "alphaalpha", "Alpha", "alphb", "beta-", "beta-2\n"})
        CHECK_FALSE(keys.contains(wrong));
}

TEST_CASE("a file has a key a line, with blank lines and comments") {
    temporary_file const file{"# ours\n\n  one  \ntwo\r\n\t# three\nfour"};
    gateway::keys keys;
    keys.add_file(file.path());
    CHECK(keys.size() == 3);
    for (auto const key : {"one", "two", "four"}) CHECK(keys.contains(key));
}

TEST_CASE("a bad line of a file is named, and its key is not told") {
    temporary_file const file{"good\nsecret key\n"};
    gateway::keys keys;
    auto const message = message_of(keys, file.path());
    CHECK(message.find(file.path() + ", line 2") != std::string::npos);
    CHECK(message.find("secret") == std::string::npos);
    CHECK(message_of(keys, "/nonexistent/keys").find("/nonexistent/keys") != std::string::npos);
}

TEST_CASE("a list has its keys between commas") {
    gateway::keys keys;
    keys.add_list(" one,two ,,three,", "list");
    CHECK(keys.size() == 3);
    for (auto const key : {"one", "two", "three"}) CHECK(keys.contains(key));
    keys.add_list("", "list");
    CHECK(keys.size() == 3);
    CHECK_THROWS_AS(keys.add_list("a b", "list"), std::invalid_argument);
    CHECK_THROWS_AS(keys.add("", "x"), std::invalid_argument);
    CHECK_THROWS_AS(keys.add(std::string(257, 'a'), "x"), std::invalid_argument);
}

TEST_CASE("a random key is a valid key and never the same") {
    auto const one = gateway::keys::random();
    CHECK(one.size() == 5 + 48);
    CHECK(one.starts_with("weir-"));
    CHECK(one != gateway::keys::random());
    gateway::keys keys;
    keys.add(one, "random");
    CHECK(keys.contains(one));
    CHECK(gateway::bearer("Bearer " + one) == one);
}

TEST_CASE("a bearer token is read from an Authorization header") {
    CHECK(gateway::bearer("Bearer abc") == "abc");
    CHECK(gateway::bearer("bearer  a.b-c_d~e+f/g== ") == "a.b-c_d~e+f/g==");
    CHECK(gateway::bearer("BEARER x") == "x");
    for (auto const wrong : {"", "Bearer", "Bearer ", "Bearerabc", "Basic abc", "Bearer a b", "abc", "Bearer\tabc",
                             "Bearer a,b", "Bearer \"a\"", "Bearer \xc3\xa4"})
        CHECK_FALSE(gateway::bearer(wrong).has_value());
}
