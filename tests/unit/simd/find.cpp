// tests/unit/simd/find.cpp: the kernels agree with std::string_view at every length and place, and read nothing beyond.
#include "guarded.hpp"

#include <weir/simd/find.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

using namespace weir::simd;

namespace {

// Longer than what any kernel looks at in one turn of its loop.
constexpr std::size_t longest = 9 * byte_lanes::width + 70;

std::size_t count_of(std::string_view in, char byte) {
    return static_cast<std::size_t>(std::count(in.begin(), in.end(), byte));
}

} // namespace

TEMPLATE_TEST_CASE("a byte is found at every place of every length, and where it is not there nothing is", "",
                   plain_lanes, byte_lanes) {
    guarded const page;
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= longest; ++size) {
        // Against both ends of the page: a read before the text or behind it is a fault.
        for (char* const text : {page.begin(), page.end() - size}) {
            std::memset(text, '.', size);
            std::string_view const in{text, size};
            faults += find_byte<TestType>(in, 'x') != npos;
            for (std::size_t place = size; place-- > 0;) { // backwards: the later ones stay
                text[place] = 'x';
                faults += find_byte<TestType>(in, 'x') != place;
            }
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("what stands just outside the text is not found", "", plain_lanes, byte_lanes) {
    std::string const all(longest + 2, 'x');
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= longest; ++size) {
        std::string text = all;
        for (std::size_t n = 1; n <= size; ++n) text[n] = '.';
        auto const in = std::string_view(text).substr(1, size);
        faults += find_byte<TestType>(in, 'x') != npos;
        faults += find_any_of<TestType>(in, "xyz") != npos;
        faults += find_sequence<TestType>(in, "x.") != npos;
        faults += find_sequence<TestType>(in, ".x") != npos;
        faults += count_byte<TestType>(in, 'x') != 0;
        faults += count_byte<TestType>(in, '.') != size;
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("every value of a byte is found among all the others", "", plain_lanes, byte_lanes) {
    std::string text;
    for (int value = 0; value < 256; ++value) text += static_cast<char>(value);
    std::size_t faults = 0;
    for (std::size_t value = 0; value < 256; ++value) {
        faults += find_byte<TestType>(text, static_cast<char>(value)) != value;
        faults += count_byte<TestType>(text, static_cast<char>(value)) != 1;
        faults += find_any_of<TestType>(text, std::string(1, static_cast<char>(value))) != value;
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("the first of a set of any size is found", "", plain_lanes, byte_lanes) {
    guarded const page;
    std::mt19937 random{2};
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= longest; ++size) {
        auto* const text = page.end() - size;
        for (std::size_t set_size = 0; set_size <= 10; ++set_size) {
            for (std::size_t n = 0; n < size; ++n) text[n] = static_cast<char>('a' + random() % 26);
            if (random() % 2 != 0) std::memset(text, '.', size / 2);
            std::string set;
            for (std::size_t n = 0; n < set_size; ++n) set += static_cast<char>("0Az\0\xFFqr!"[random() % 8]);
            std::string_view const in{text, size};
            faults += find_any_of<TestType>(in, set) != in.find_first_of(set);
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("each member of a set counts, the last one too", "", plain_lanes, byte_lanes) {
    std::string const set = "abcdefgh";
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= set.size(); ++size)
        for (std::size_t member = 0; member < set.size(); ++member) {
            std::string text(77, '.');
            text[60] = set[member];
            faults += find_any_of<TestType>(text, set.substr(0, size)) != (member < size ? 60 : npos);
        }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("a sequence is found at every place, up to the last byte of a page", "", plain_lanes, byte_lanes) {
    guarded const page;
    std::size_t faults = 0;
    for (std::string const sequence :
         {"\r\n", "\r\n\r\n", "boundary", "a sequence that is longer than any vector of this processor is wide"}) {
        for (std::size_t size = 0; size <= longest; size += 1 + size / 40) {
            for (char* const text : {page.begin(), page.end() - size}) {
                std::string_view const in{text, size};
                std::memset(text, '.', size);
                faults += find_sequence<TestType>(in, sequence) != npos;
                for (std::size_t place = 0; place + sequence.size() <= size; ++place) {
                    std::memset(text, '.', size);
                    std::memcpy(text + place, sequence.data(), sequence.size());
                    faults += find_sequence<TestType>(in, sequence) != place;
                }
            }
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("sequences over few letters, where nearly every place is likely, agree with std", "", plain_lanes,
                   byte_lanes) {
    std::mt19937 random{3};
    std::size_t faults = 0;
    for (int round = 0; round < 40'000; ++round) {
        std::string text(random() % longest, 'a');
        for (auto& byte : text) byte = static_cast<char>('a' + random() % 2);
        std::string sequence(random() % 12, 'a');
        for (auto& byte : sequence) byte = static_cast<char>('a' + random() % 2);
        faults += find_sequence<TestType>(text, sequence) != text.find(sequence);
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("a sequence far behind is found, whether its first byte is rare, common or both by turns", "",
                   plain_lanes, byte_lanes) {
    std::mt19937 random{15};
    std::size_t faults = 0;
    for (int round = 0; round < 600; ++round) {
        std::string text(30'000 + random() % 100, '.');
        auto const from = random() % text.size();
        auto const to = from + random() % (text.size() - from);
        for (auto n = from; n < to; ++n) text[n] = round % 3 == 0 ? 'a' : static_cast<char>('a' + random() % 3);
        std::string const sequence = round % 2 == 0 ? "ab" : "aaab";
        faults += find_sequence<TestType>(text, sequence) != text.find(sequence);
        text.replace(text.size() - sequence.size() - random() % 70, sequence.size(), sequence);
        faults += find_sequence<TestType>(text, sequence) != text.find(sequence);
    }
    CHECK(faults == 0);
}

TEST_CASE("an empty sequence stands at the beginning, and a longer one than the text nowhere") {
    CHECK(find_sequence("", "") == 0);
    CHECK(find_sequence("abc", "") == 0);
    CHECK(find_sequence("abc", "abcd") == npos);
    CHECK(find_sequence("abc", "abc") == 0);
    CHECK(find_byte({}, 'a') == npos);
    CHECK(find_any_of({}, "a") == npos);
    CHECK(find_any_of("abc", {}) == npos);
    CHECK(count_byte({}, 'a') == 0);
}

TEMPLATE_TEST_CASE("counts agree with std at every length and both ends of a page", "", plain_lanes, byte_lanes) {
    guarded const page;
    std::mt19937 random{4};
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= longest; ++size)
        for (char* const text : {page.begin(), page.end() - size}) {
            for (std::size_t n = 0; n < size; ++n) text[n] = random() % 3 == 0 ? 'x' : static_cast<char>(random());
            std::string_view const in{text, size};
            faults += count_byte<TestType>(in, 'x') != count_of(in, 'x');
        }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("a count does not overflow where every byte of a long text matches", "", plain_lanes, byte_lanes) {
    for (std::size_t const blocks : {254u, 255u, 256u, 511u, 1'000u}) {
        std::string const text(blocks * TestType::width + 3, '\0');
        CHECK(count_byte<TestType>(text, '\0') == text.size());
        CHECK(count_byte<TestType>(text, '\1') == 0);
    }
}
