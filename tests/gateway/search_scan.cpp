// tests/gateway/search_scan.cpp: products of rows and queries, and that what is found is what a plain loop finds.
#include <gateway/search/kernel.hpp>
#include <gateway/search/scan.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using numbers = std::vector<float>;

numbers random_numbers(std::size_t count, std::mt19937& random) {
    std::uniform_real_distribution<float> between{-1, 1};
    numbers all(count);
    for (auto& each : all) each = between(random);
    return all;
}

// A view with one row for each direction, of which id and payload are given by its number.
class rows {
public:
    rows(std::vector<numbers> const& directions, std::vector<std::string> const& ids) {
        auto const dimensions = directions.front().size();
        view_.rows = directions.size();
        view_.rows_in_block = gateway::block::rows_for(dimensions);
        for (std::size_t row = 0; row < directions.size(); ++row) {
            if (row % view_.rows_in_block == 0) view_.blocks.push_back(gateway::block::make(dimensions, room_));
            auto direction = directions[row];
            gateway::normalise(direction);
            auto const fact = "\"third\":" + std::to_string(row % 3);
            auto about = std::make_shared<gateway::payload const>("{" + fact + "}", std::vector{fact});
            REQUIRE(view_.block_of(row).write(row % view_.rows_in_block, ids[row], direction, std::move(about)));
        }
    }
    gateway::view& at() noexcept { return view_; }

private:
    gateway::space room_{std::size_t{1} << 30};
    gateway::view view_;
};

// What a loop over all rows finds, in double precision and with a sort of everything.
gateway::hits by_hand(gateway::view const& in, gateway::query const& asked) {
    auto direction = asked.vector;
    gateway::normalise(direction);
    gateway::hits all;
    for (std::size_t row = 0; row < in.rows; ++row) {
        auto const& block = in.block_of(row);
        auto const place = row % in.rows_in_block;
        double score = 0;
        for (std::size_t d = 0; d < direction.size(); ++d)
            score += static_cast<double>(block.vector(place)[d]) * static_cast<double>(direction[d]);
        bool const wanted = asked.facts.empty() || block.about(place)->has(asked.facts.front());
        if (block.ended(place) > in.version && wanted && score >= asked.least)
            all.push_back({block.id(place), score, asked.with_payload ? block.about(place) : nullptr});
    }
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) {
        return a.score != b.score ? a.score > b.score : a.id < b.id;
    });
    if (all.size() > asked.most) all.resize(asked.most);
    return all;
}

// Whether all queries at once find what each finds by hand, to the last bit.
void finds_the_same(gateway::view const& in, std::vector<gateway::query> const& asked, std::size_t dimensions) {
    weir::runtime_options options;
    options.workers = 2;
    weir::runtime runtime{options};
    gateway::scan all{in, asked, dimensions};
    runtime.block_on([](gateway::scan* scan) { return scan->run(2); }, &all);
    for (std::size_t q = 0; q < asked.size(); ++q) {
        CAPTURE(q);
        auto const found = all.found(q);
        auto const expected = by_hand(in, asked[q]);
        REQUIRE(found.size() == expected.size());
        for (std::size_t n = 0; n < found.size(); ++n) {
            CAPTURE(n);
            CHECK(found[n].id == expected[n].id);
            CHECK(found[n].score == expected[n].score);
            CHECK(found[n].about == expected[n].about);
        }
    }
}

std::vector<std::string> shuffled_ids(std::size_t count, std::mt19937& random) {
    std::vector<std::string> ids;
    for (std::size_t n = 0; n < count; ++n) ids.push_back("id-" + std::to_string(n));
    std::shuffle(ids.begin(), ids.end(), random);
    return ids;
}

} // namespace

TEST_CASE("every product of a row and a query is within the bound, whatever the numbers of both") {
    std::mt19937 random{1};
    for (std::size_t const stride : {gateway::row_grain, 3 * gateway::row_grain, std::size_t{384}})
        for (std::size_t const rows : std::initializer_list<std::size_t>{1, 2, 63, 64, 65, 130})
            for (std::size_t const queries : std::initializer_list<std::size_t>{1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17}) {
                auto const a = random_numbers(rows * stride, random);
                auto const b = random_numbers(queries * stride, random);
                numbers out(rows * queries, 1000.0F);
                gateway::multiply_rows(a.data(), rows, b.data(), queries, stride, out.data());
                std::size_t wrong = 0;
                for (std::size_t q = 0; q < queries; ++q)
                    for (std::size_t r = 0; r < rows; ++r) {
                        double sum = 0, sizes = 0;
                        for (std::size_t d = 0; d < stride; ++d) {
                            double const x = a[r * stride + d];
                            double const each = x * static_cast<double>(b[q * stride + d]);
                            sum += each;
                            sizes += std::abs(each);
                        }
                        wrong += std::abs(sum - static_cast<double>(out[q * rows + r])) >
                                 static_cast<double>(stride) * 0x1p-24 * sizes;
                    }
                CAPTURE(stride, rows, queries);
                CHECK(wrong == 0);
            }
}

TEST_CASE("a scan finds exactly what a loop in double precision finds") {
    std::mt19937 random{2};
    for (std::size_t const dimensions : std::initializer_list<std::size_t>{1, 3, 100, 384}) {
        std::size_t const count = 1500;
        std::vector<numbers> directions;
        for (std::size_t n = 0; n < count; ++n) directions.push_back(random_numbers(dimensions, random));
        rows stored{directions, shuffled_ids(count, random)};
        std::vector<gateway::query> asked(9);
        for (auto& each : asked) each.vector = random_numbers(dimensions, random);
        asked[1].most = 1;
        asked[2].most = 1000;
        asked[3].most = 5000; // more than there are
        asked[4].least = 0.1;
        asked[5].facts = {"\"third\":1"};
        asked[6].facts = {"\"third\":3"}; // nobody's
        asked[7].with_payload = false;
        CAPTURE(dimensions);
        finds_the_same(stored.at(), asked, dimensions);
    }
}

TEST_CASE("rows whose scores single precision cannot tell apart are in the order of the exact ones") {
    // All nearly the same direction: the products of the kernel differ by less than its error, and many are equal.
    std::mt19937 random{3};
    std::size_t const dimensions = 256;
    auto const middle = random_numbers(dimensions, random);
    std::vector<numbers> directions;
    for (std::size_t n = 0; n < 2000; ++n) {
        auto one = middle;
        one[n % dimensions] += 1e-4F * static_cast<float>(n % 7);
        directions.push_back(std::move(one));
    }
    rows stored{directions, shuffled_ids(directions.size(), random)};
    std::vector<gateway::query> asked(2);
    asked[0].vector = middle;
    asked[1].vector = directions[5];
    asked[1].most = 300;
    finds_the_same(stored.at(), asked, dimensions);
}

TEST_CASE("equal scores are in the order of their ids, also where they are more than are wanted") {
    std::mt19937 random{4};
    std::size_t const dimensions = 64; // 1024 rows a block, so that equal ones are in several
    std::vector<numbers> directions(5000, numbers(dimensions, 1.0F));
    rows stored{directions, shuffled_ids(directions.size(), random)};
    std::vector<gateway::query> asked(1);
    asked[0].vector = numbers(dimensions, 2.0F);
    asked[0].most = 20;
    finds_the_same(stored.at(), asked, dimensions);
}

TEST_CASE("a row is found by the views before its end, and by no other") {
    std::vector<numbers> const directions(3, numbers{1.0F, 0.0F});
    rows stored{directions, {"a", "b", "c"}};
    stored.at().version = 7;
    stored.at().blocks[0]->end(0, 7);
    stored.at().blocks[0]->end(1, 8);
    std::vector<gateway::query> asked(1);
    asked[0].vector = {1.0F, 0.0F};
    weir::runtime runtime;
    gateway::scan all{stored.at(), asked, 2};
    runtime.block_on([](gateway::scan* scan) { return scan->run(2); }, &all);
    auto const found = all.found(0);
    REQUIRE(found.size() == 2);
    CHECK(found[0].id == "b");
    CHECK(found[1].id == "c");
}

TEST_CASE("nothing is found where there is nothing") {
    gateway::view const empty;
    std::vector<gateway::query> asked(1);
    asked[0].vector = {1.0F};
    weir::runtime runtime;
    gateway::scan all{empty, asked, 1};
    runtime.block_on([](gateway::scan* scan) { return scan->run(2); }, &all);
    CHECK(all.found(0).empty());
}
