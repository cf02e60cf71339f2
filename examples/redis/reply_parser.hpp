// examples/redis/reply_parser.hpp: bytes into replies, wherever the bytes are cut.
// Attributes are read and dropped: they say something about a reply, and nobody here has asked for it.
// Not:      a reader of streamed strings and aggregates ($?, *?), which the specification has and Redis never sends.
// Source:   "RESP protocol specification", redis.io, version 3.
#pragma once

#include "value.hpp"

#include <weir/memory/buffer.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace redis {

// Of one reply. What passes them is refused as no RESP3: there is no way to go on behind it.
class reply_limits {
public:
    reply_limits() noexcept {}
    std::size_t depth = 32;                     // of aggregates in aggregates
    std::size_t elements = std::size_t{1} << 20; // in all aggregates together
    std::size_t line = 64 * 1024;               // of a status, an error, a number
    std::size_t bytes = 64 * 1024 * 1024;       // of all strings together
};

// Threads: one at a time.
class reply_parser {
public:
    enum class progress : unsigned char { hungry, complete, broken };

    explicit reply_parser(reply_limits limits = {}) noexcept : limits_{limits} {}

    // Takes from `in` what belongs to the next reply. Hungry, it has left what it cannot use yet. Broken is for good.
    // Cost: an allocation for each aggregate; strings are slices of `in`.
    progress parse(weir::buffer& in);
    // The reply.  Needs: the last parse gave complete.
    value take() noexcept { return std::move(whole_); }
    // How many bytes more are known to come, when it is hungry; so that a long string is received into one piece.
    std::size_t wanted(weir::buffer const& in) const noexcept;
    // Nothing of a reply has come.
    bool at_start() const noexcept { return open_.empty() && !string_ && scanned_ == 0; }

private:
    // An aggregate of which `left` elements have not come.
    struct level {
        redis::kind what;
        bool is_attribute;
        std::size_t left;
        std::vector<value> elements;
    };
    struct announced {
        redis::kind what;
        std::size_t size;
    };

    progress parse_line(weir::buffer& in);
    progress parse_string(weir::buffer& in);
    // `line` is the text once more, to be kept, of those types that are one.
    progress begin(char type, std::string_view text, weir::bytes line);
    progress announce(redis::kind what, std::string_view size);
    progress open(redis::kind what, std::string_view count, std::size_t of_each, bool is_attribute = false);
    // A value is whole: puts it where it belongs, and ends the aggregates that it ends. Hungry means: more to come.
    progress place(value one);

    reply_limits const limits_;
    // P1: scanned_ bytes of the line under way are known not to end it; so each byte is looked at once.
    // P2: each open level wants at least one more element.
    std::size_t scanned_ = 0;
    std::optional<announced> string_;
    std::vector<level> open_;
    std::size_t elements_ = 0; // announced, of this reply
    std::size_t bytes_ = 0;    // the same
    value whole_;
    bool broken_ = false;
};

} // namespace redis
