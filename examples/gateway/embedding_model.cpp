// examples/gateway/embedding_model.cpp: counting n-grams, and hashing the counts to a vector.
#include "embedding_model.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gateway {
namespace {

constexpr std::size_t shortest = 3;
constexpr std::size_t longest = 5;

// Counts by hash: open addressing with linear probing, in memory that the next text reuses.
class counts {
public:
    struct entry {
        std::uint32_t hash;
        std::uint32_t count; // 0: the place is free
    };

    // Makes it empty, with room for `most` different hashes.
    void begin(std::size_t most) {
        auto const size = std::bit_ceil(2 * most + 8);
        shift_ = 32 - std::countr_zero(size);
        if (entries_.size() < size) entries_.resize(size);
        used_ = std::span{entries_}.first(size);
        for (auto& each : used_) each = {};
    }
    void add(std::uint32_t hash) noexcept {
        auto const mask = used_.size() - 1;
        auto at = static_cast<std::size_t>(hash * 2654435769u >> shift_); // Fibonacci hashing
        while (used_[at].count != 0 && used_[at].hash != hash) at = (at + 1) & mask;
        used_[at].hash = hash;
        ++used_[at].count;
    }
    std::span<entry const> all() const noexcept { return used_; }

private:
    std::vector<entry> entries_;
    std::span<entry> used_;
    int shift_ = 0;
};

// The finalizer of MurmurHash3 (A. Appleby, public domain): every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t x) noexcept {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    x ^= x >> 33;
    return x;
}

// Appends " word word " to an empty string.
void normalise(std::string_view text, std::string& out) {
    out.clear();
    out.reserve(text.size() + 2);
    out.push_back(' ');
    for (char const c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (code > ' ' && code != 0x7f) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
        else if (out.back() != ' ') out.push_back(' ');
    }
    if (out.back() != ' ') out.push_back(' ');
}

void count_grams(std::string_view words, counts& into) noexcept {
    std::size_t begin = 0; // at the blank before a word
    while (begin + 1 < words.size()) {
        auto const end = words.find(' ', begin + 1) + 1; // past the blank behind it
        for (auto at = begin; at + shortest <= end; ++at) {
            std::uint64_t gram = 0;
            for (std::size_t size = 0; size < longest && at + size < end; ++size) {
                // Bytes are never 0 here, so grams of different sizes are different numbers.
                gram = gram << 8 | static_cast<unsigned char>(words[at + size]);
                if (size + 1 >= shortest) into.add(static_cast<std::uint32_t>(mix(gram)));
            }
        }
        begin = end - 1;
    }
}

void project(counts const& from, embedding& out) noexcept {
    out.fill(0.0F);
    for (auto const& [hash, count] : from.all()) {
        if (count == 0) continue;
        auto const weight = count == 1 ? 1.0F : 1.0F + std::log(static_cast<float>(count));
        auto const bits = mix(hash);
        auto const dimension = (bits & 0xffffffffU) * embedding_model::dimensions >> 32;
        out[dimension] += bits >> 63 == 0 ? weight : -weight;
    }
    double square = 0.0;
    for (float const x : out) square += static_cast<double>(x) * static_cast<double>(x);
    if (square == 0.0) { // a text of blanks, or signs that cancel: it still has a direction
        out[0] = 1.0F;
        return;
    }
    auto const scale = static_cast<float>(1.0 / std::sqrt(square));
    for (float& x : out) x *= scale;
}

} // namespace

void embedding_model::embed(std::span<std::string const> texts, std::span<embedding> out) const {
    std::string words;
    counts grams;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        normalise(texts[i], words);
        grams.begin((longest - shortest + 1) * words.size());
        count_grams(words, grams);
        project(grams, out[i]);
    }
}

} // namespace gateway
