// tests/gateway/embedding_model.cpp: what the vectors of the built-in model promise.
#include <gateway/embedding_model.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace {

std::vector<gateway::embedding> embed(std::vector<std::string> const& texts) {
    std::vector<gateway::embedding> out(texts.size());
    gateway::embedding_model{}.embed(texts, out);
    return out;
}

double cosine(std::string const& a, std::string const& b) {
    auto const both = embed({a, b});
    double sum = 0.0;
    for (std::size_t i = 0; i < both[0].size(); ++i)
        sum += static_cast<double>(both[0][i]) * static_cast<double>(both[1][i]);
    return sum;
}

} // namespace

TEST_CASE("a vector has length one, whatever the text") {
    for (auto const& vector :
         embed({"hello", "a", " ", "", "\t\n", std::string(1, '\0'), "\xff\xfe", "日本語のテキスト",
                std::string(32 * 1024, 'x'), "the quick brown fox jumps over the lazy dog"})) {
        double square = 0.0;
        for (float const x : vector) square += static_cast<double>(x) * static_cast<double>(x);
        CHECK(std::abs(square - 1.0) < 1e-5);
    }
}

TEST_CASE("a text has the same vector in every batch") {
    std::vector<std::string> const texts{"one text", std::string(5000, 'y'), "another", "", "one text"};
    auto const together = embed(texts);
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(embed({texts[i]})[0] == together[i]);
    CHECK(together[0] == together[4]);
    CHECK(together[0] != together[2]);
}

TEST_CASE("case and the amount of white space do not matter") {
    CHECK(embed({"Hello  World"}) == embed({"\thello\nWORLD "}));
    CHECK(embed({"hello world"}) != embed({"helloworld"}));
}

TEST_CASE("similar texts are nearer than unrelated ones") {
    struct row {
        char const* text;
        char const* similar;
        char const* unrelated;
    };
    for (auto const& [text, similar, unrelated] :
         {row{"The cat sat on the mat.", "A cat is sitting on a mat.", "Quarterly revenue grew by ten percent."},
          row{"How do I reset my password?", "I forgot my password, how can I reset it?", "The train leaves at noon."},
          row{"connection refused by server", "server refuses the connection", "banana bread with walnuts"},
          row{"Rechnung für März bezahlen", "Die Rechnung vom März ist bezahlt", "Das Wetter bleibt sonnig"},
          row{"embedding", "embeddings", "a walnut tree"},
          row{"color of the harbour", "colour of the harbor", "weight of a mountain"}}) {
        CAPTURE(text);
        auto const near = cosine(text, similar);
        auto const far = cosine(text, unrelated);
        CHECK(near > far + 0.2);
        CHECK(std::abs(far) < 0.35);
    }
}

TEST_CASE("texts without a common part are nearly orthogonal") {
    CHECK(std::abs(cosine("aaaa bbbb cccc dddd eeee", "ffff gggg hhhh iiii jjjj")) < 0.2);
}

TEST_CASE("a repeated word weighs more, but less than in proportion") {
    auto const once = cosine("alpha beta gamma", "alpha");
    auto const often = cosine("alpha alpha alpha alpha alpha alpha beta gamma", "alpha");
    CHECK(often > once);
    // In proportion it would be 6 / sqrt(6 * 6 + 1 + 1) = 0.97.
    CHECK(often < 0.95);
}
