// examples/gateway/cache/embedding_cache.cpp: keys and values of vectors.
#include "embedding_cache.hpp"

#include <weir/memory/buffer.hpp>

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace gateway {

namespace {

static_assert(std::endian::native == std::endian::little && sizeof(float) == 4, "vectors go as the machine has them");

// FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), which is the same in every program.
std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char const each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3u;
    return hash;
}

} // namespace

// The length of the text, the text, the numbers.
weir::bytes encode_vector(std::string_view text, std::span<float const> vector) {
    auto const length = static_cast<std::uint32_t>(text.size());
    weir::buffer all{sizeof length + text.size() + vector.size_bytes()};
    all.append(std::as_bytes(std::span{&length, 1}));
    all.append(text);
    all.append(std::as_bytes(vector));
    return all.freeze();
}

std::optional<std::vector<float>> decode_vector(weir::bytes const& from, std::string_view text) {
    std::uint32_t length = 0;
    if (from.size() < sizeof length) return {};
    std::memcpy(&length, from.data(), sizeof length);
    auto const rest = from.view().substr(sizeof length);
    if (length != text.size() || !rest.starts_with(text)) return {};
    auto const numbers = rest.substr(text.size());
    if (numbers.empty() || numbers.size() % sizeof(float) != 0) return {};
    std::vector<float> vector(numbers.size() / sizeof(float));
    std::memcpy(vector.data(), numbers.data(), numbers.size());
    return vector;
}

std::string embedding_cache::key_of(std::string_view text) const {
    char digits[16];
    auto const end = std::to_chars(digits, digits + sizeof digits, hash_of(text), 16);
    return prefix_ + std::string{digits, end.ptr} + ':' + std::to_string(text.size());
}

weir::task<weir::result<std::vector<float>>> embedding_cache::get(std::string text, computing compute) {
    std::optional<std::vector<float>> own;
    auto const encoded = [&]() -> weir::task<weir::result<weir::bytes>> {
        auto made = co_await compute();
        if (!made) co_return made.error();
        own = std::move(*made);
        co_return encode_vector(text, *own);
    };
    auto const kept = co_await cache_.get(key_of(text), lasts_, encoded);
    if (own) co_return std::move(*own);
    if (!kept) co_return kept.error();
    auto known = decode_vector(*kept, text);
    if (known) co_return std::move(*known);
    auto made = co_await compute(); // another text has this key
    co_return made;
}

} // namespace gateway
