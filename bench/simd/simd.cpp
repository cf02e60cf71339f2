// bench/simd/simd.cpp: the kernels beside what std and the C library offer, on 1 KiB, 1 MiB and on short texts.
// The C library chooses its vectors when it runs, the kernels when they are compiled: compare with -march=native too.
#include "../harness/bench.hpp"

#include <weir/simd/ascii.hpp>
#include <weir/simd/extreme.hpp>
#include <weir/simd/find.hpp>
#include <weir/simd/reduce.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <strings.h>

namespace {

namespace simd = weir::simd;

// A body that runs `once` and believes that its arguments may have changed before each time.
template <class Once>
auto repeated(Once once) {
    return [once](std::uint64_t times) {
        for (; times != 0; --times) bench::keep(once());
    };
}

std::string size_name(std::size_t bytes) {
    return bytes >= 1 << 20 ? std::to_string(bytes >> 20) + "MiB"
         : bytes >= 1 << 10 ? std::to_string(bytes >> 10) + "KiB"
                            : std::to_string(bytes) + "B";
}

template <class T>
std::vector<T> numbers(std::size_t bytes, unsigned seed) {
    std::mt19937 random{seed};
    std::vector<T> row(bytes / sizeof(T));
    for (T& number : row) number = static_cast<T>(static_cast<int>(random() % 2'000'000) - 1'000'000);
    if constexpr (std::is_floating_point_v<T>)
        for (T& number : row) number /= 1'000'000;
    return row;
}

template <class T>
void sums(std::string const& type, std::size_t bytes, bench::settings const& chosen) {
    auto const row = numbers<T>(bytes, 1);
    auto const other = numbers<T>(bytes, 2);
    auto const name = [&](char const* kernel) { return std::string{kernel} + "_" + type + "_" + size_name(bytes); };
    using wide = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
    {
        bench::suite suite{name("sum"), chosen};
        suite.add("weir", repeated([&] { return simd::sum(row); }));
        suite.add("std::accumulate", repeated([&] { return std::accumulate(row.begin(), row.end(), wide{0}); }));
        suite.add("std::reduce", repeated([&] { return std::reduce(row.begin(), row.end(), wide{0}); }));
        suite.run();
    }
    if constexpr (std::is_floating_point_v<T>) {
        auto const inner = [](auto const& x, auto const& y) {
            return std::inner_product(x.begin(), x.end(), y.begin(), T{0});
        };
        bench::suite dot{name("dot"), chosen};
        dot.add("weir", repeated([&] { return simd::dot(row, other); }));
        dot.add("std::inner_product", repeated([&] { return inner(row, other); }));
        dot.run();
        bench::suite norm{name("norm"), chosen};
        norm.add("weir", repeated([&] { return simd::norm(row); }));
        norm.add("std::inner_product", repeated([&] { return std::sqrt(inner(row, row)); }));
        norm.run();
        bench::suite cosine{name("cosine"), chosen};
        cosine.add("weir", repeated([&] { return simd::cosine(row, other); }));
        cosine.add("std::inner_product", repeated([&] {
            return inner(row, other) / (std::sqrt(inner(row, row)) * std::sqrt(inner(other, other)));
        }));
        cosine.run();
    }
}

template <class T>
void extremes(std::string const& type, std::size_t bytes, bench::settings const& chosen) {
    auto const row = numbers<T>(bytes, 3);
    auto const wanted = row[row.size() / 2];
    auto const name = [&](char const* kernel) { return std::string{kernel} + "_" + type + "_" + size_name(bytes); };

    bench::suite min{name("min"), chosen};
    min.add("weir", repeated([&] { return *simd::min(row); }));
    min.add("std::min_element", repeated([&] { return *std::min_element(row.begin(), row.end()); }));
    min.run();
    bench::suite max{name("max"), chosen};
    max.add("weir", repeated([&] { return *simd::max(row); }));
    max.add("std::max_element", repeated([&] { return *std::max_element(row.begin(), row.end()); }));
    max.run();
    bench::suite argmax{name("argmax"), chosen};
    argmax.add("weir", repeated([&] { return simd::argmax(row); }));
    argmax.add("std::max_element", repeated([&] { return std::max_element(row.begin(), row.end()) - row.begin(); }));
    argmax.run();
    bench::suite count{name("count"), chosen};
    count.add("weir", repeated([&] { return simd::count(row, wanted); }));
    count.add("std::count", repeated([&] { return std::count(row.begin(), row.end(), wanted); }));
    count.run();
}

// Words of text, in which 'Q' and 'Z' do not occur, nor the line's end.
std::string prose(std::size_t bytes) {
    std::mt19937 random{4};
    std::string text(bytes, ' ');
    for (char& byte : text) byte = "etaoinshrdlu cmfwyp"[random() % 19];
    return text;
}

// What is sought stands at the end, so that all of the text is looked at.
void finds(std::size_t bytes, bench::settings const& chosen) {
    std::string text = prose(bytes);
    text.back() = 'Q';
    std::string_view const in{text};
    auto const name = [&](char const* kernel) { return std::string{kernel} + "_" + size_name(bytes); };

    bench::suite byte{name("find_byte"), chosen};
    byte.add("weir", repeated([&] { return simd::find_byte(in, 'Q'); }));
    byte.add("memchr", repeated([&] { return std::memchr(in.data(), 'Q', in.size()); }));
    byte.add("std::find", repeated([&] { return std::find(in.begin(), in.end(), 'Q'); }));
    byte.run();
    bench::suite any{name("find_any_of_4"), chosen};
    any.add("weir", repeated([&] { return simd::find_any_of(in, "\r\nQ:"); }));
    any.add("string_view::find_first_of", repeated([&] { return in.find_first_of("\r\nQ:"); }));
    any.run();
    bench::suite tally{name("count_byte"), chosen};
    tally.add("weir", repeated([&] { return simd::count_byte(in, 'e'); }));
    tally.add("std::count", repeated([&] { return std::count(in.begin(), in.end(), 'e'); }));
    tally.run();

    if (bytes < 32) return;
    auto const seek = [&](char const* kernel, std::string_view sequence) {
        std::memcpy(text.data() + text.size() - sequence.size(), sequence.data(), sequence.size());
        bench::suite suite{name(kernel), chosen};
        suite.add("weir", repeated([&] { return simd::find_sequence(in, sequence); }));
        suite.add("string_view::find", repeated([&] { return in.find(sequence); }));
        suite.add("memmem", repeated([&] { return memmem(in.data(), in.size(), sequence.data(), sequence.size()); }));
        suite.run();
    };
    seek("find_sequence_rare", "\r\n\r\n");
    seek("find_sequence_common", "eating");
}

void texts(std::size_t bytes, bench::settings const& chosen) {
    std::string const text = prose(bytes);
    std::string token = text;
    std::replace(token.begin(), token.end(), ' ', '-');
    std::string loud = token;
    for (char& byte : loud) byte = static_cast<char>(byte == '-' ? byte : byte - 0x20);
    auto const name = [&](char const* kernel) { return std::string{kernel} + "_" + size_name(bytes); };

    // As a parser would write them by hand.
    auto const lower = [](char byte) {
        return 'A' <= byte && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
    };
    auto const equal_by_bytes = [lower](std::string_view a, std::string_view b) {
        if (a.size() != b.size()) return false;
        for (std::size_t n = 0; n < a.size(); ++n)
            if (a[n] != b[n] && lower(a[n]) != lower(b[n])) return false;
        return true;
    };
    auto const token_by_bytes = [](std::string_view in) {
        for (char const byte : in)
            if (!simd::detail::token_bytes[static_cast<unsigned char>(byte)]) return false;
        return !in.empty();
    };

    bench::suite equal{name("equal_ignoring_case"), chosen};
    equal.add("weir", repeated([&] { return simd::equal_ignoring_case(token, loud); }));
    equal.add("strncasecmp", repeated([&] {
        return token.size() == loud.size() && strncasecmp(token.data(), loud.data(), token.size()) == 0;
    }));
    equal.add("by_bytes", repeated([&] { return equal_by_bytes(token, loud); }));
    equal.run();
    bench::suite is{name("is_token"), chosen};
    is.add("weir", repeated([&] { return simd::is_token(token); }));
    is.add("by_bytes", repeated([&] { return token_by_bytes(token); }));
    is.run();
    // One after the other, as headers are, so that none waits for the one before to be written.
    std::vector<std::string> lines(std::size_t{1} + (std::size_t{1} << 12) / bytes, loud);
    std::size_t at = 0;
    auto const next = [&]() -> std::string& { return lines[at = at + 1 < lines.size() ? at + 1 : 0]; };
    bench::suite small{name("to_lower"), chosen};
    small.add("weir", repeated([&] {
        auto& line = next();
        simd::to_lower(line);
        return line[0];
    }));
    small.add("std::transform", repeated([&] {
        auto& line = next();
        std::transform(line.begin(), line.end(), line.begin(), lower);
        return line[0];
    }));
    small.run();
}

void decimals(std::string const& digits, bench::settings const& chosen) {
    bench::suite suite{"parse_decimal_" + std::to_string(digits.size()), chosen};
    suite.add("weir", repeated([&] { return simd::parse_decimal(digits); }));
    suite.add("std::from_chars", repeated([&] {
        std::uint64_t number = 0;
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return error == std::errc{} && end == digits.data() + digits.size() ? number : 0;
    }));
    suite.run();
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = bench::settings_of(argc, argv);
    for (std::size_t const bytes : {std::size_t{1} << 10, std::size_t{1} << 20}) {
        sums<float>("f32", bytes, chosen);
        sums<double>("f64", bytes, chosen);
        sums<std::int32_t>("i32", bytes, chosen);
        sums<std::int64_t>("i64", bytes, chosen);
        extremes<float>("f32", bytes, chosen);
        extremes<double>("f64", bytes, chosen);
        extremes<std::int32_t>("i32", bytes, chosen);
        extremes<std::int64_t>("i64", bytes, chosen);
    }
    for (std::size_t const bytes : {4, 7, 12, 20, 40, 100, 200, 400, 1 << 10, 1 << 20}) {
        finds(bytes, chosen);
        texts(bytes, chosen);
    }
    for (char const* digits : {"7", "4096", "1234567", "123456789012", "18446744073709551615"}) decimals(digits, chosen);
}
