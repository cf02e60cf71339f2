// examples/gateway/cache/embedding_cache.hpp: the vectors of texts in a shared cache, as numbers and not as text.
// A key is the model's tag and a hash of the text, and the value says of which text it is: so a long text makes no long
// key, and two texts of one hash, which somebody may look for, never get each other's vector.
// Not:      between machines of different byte order; those that this is built for have the same.
#pragma once

#include "shared_cache.hpp"

#include <weir/base/immovable.hpp>
#include <weir/memory/bytes.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// The text and its vector as bytes; and back, unless the bytes are of another text or none at all.
weir::bytes encode_vector(std::string_view text, std::span<float const> vector);
std::optional<std::vector<float>> decode_vector(weir::bytes const& from, std::string_view text);

// Threads: any, for every function.
class embedding_cache : weir::immovable {
public:
    using computing = std::function<weir::task<weir::result<std::vector<float>>>()>;

    // `model` names what makes the vectors, with its version: another one has other keys.  Needs: `in` outlives it.
    embedding_cache(shared_cache& in, std::string model, weir::duration lasts = std::chrono::hours{24})
        : cache_{in}, prefix_{"vector1:" + std::move(model) + ':'}, lasts_{lasts} {}

    // As shared_cache::get. Many at a time share the look-ups and the writes.
    weir::task<weir::result<std::vector<float>>> get(std::string text, computing compute);

    std::string key_of(std::string_view text) const;

private:
    shared_cache& cache_;
    std::string const prefix_;
    weir::duration const lasts_;
};

} // namespace gateway
