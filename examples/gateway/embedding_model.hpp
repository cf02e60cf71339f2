// examples/gateway/embedding_model.hpp: the built-in model, which turns texts into vectors of 384 dimensions.
// A text is read as a bag of character n-grams of three to five bytes within its words, where one blank before and one
// behind a word count as its own. Letters of ASCII are read in lower case, and runs of blanks and control characters
// as one blank. Each n-gram is hashed to a dimension and a sign, weighs 1 + ln(count), and the vector has length 1.
// So texts that share words or parts of words point in similar directions, in any language written with blanks.
// Not:      a language model: it knows spelling, not meaning.
// Source:   K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009 (signed hashing);
//           P. Bojanowski et al., "Enriching Word Vectors with Subword Information", TACL 5, 2017 (n-grams of words).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>

namespace gateway {

using embedding = std::array<float, 384>;

class embedding_model {
public:
    static constexpr std::size_t dimensions = std::tuple_size_v<embedding>;

    // Writes the vector of texts[i] to out[i].  Needs: the spans are equally long.
    // Deterministic: equal texts have equal vectors, in any batch, on any machine with the same arithmetic.
    // Threads:  any number at once.  Cost: a few allocations a batch, none an n-gram; about 20 ns a byte of text.
    void embed(std::span<std::string const> texts, std::span<embedding> out) const;
};

} // namespace gateway
