// bench/http/load/requests.hpp: the bytes of one request or of several in a row.
// Where the text has a run of sixteen '#', each request gets a number of its own there, so that no two are alike and a
// server cannot answer them together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace load {

class requests {
public:
    // Up to `most` in a row.
    requests(std::string_view text, std::size_t most) : size_{text.size()}, mark_{text.find(mark)} {
        for (std::size_t n = 0; n < most; ++n) row_ += text;
    }

    // The next `count`. Good until the next call.
    std::string_view take(std::size_t count) {
        for (std::size_t n = 0; mark_ != std::string::npos && n < count; ++n) write(row_.data() + n * size_ + mark_);
        return std::string_view{row_}.substr(0, count * size_);
    }

private:
    static constexpr std::string_view mark = "################";

    void write(char* at) {
        auto number = ++numbers_;
        for (std::size_t n = mark.size(); n > 0; --n, number /= 10) at[n - 1] = static_cast<char>('0' + number % 10);
    }

    std::size_t const size_;
    std::size_t const mark_;
    std::uint64_t numbers_ = 0;
    std::string row_;
};

} // namespace load
