// tests/redis/replies.hpp: what a parser makes of bytes, as one comparable text.
#pragma once

#include <redis/reply_parser.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redis_test {

inline std::string text_of(redis::value const& one) {
    constexpr char const* names[] = {"null",     "boolean",    "integer", "number", "text", "string", "verbatim",
                                     "big_number", "error", "array",   "set",    "map",  "push"};
    std::string text = names[static_cast<std::size_t>(one.kind())];
    if (one.is_string()) return text + ' ' + std::string{one.string().view()};
    if (one.is_integer()) return text + ' ' + std::to_string(one.integer());
    if (one.kind() == redis::kind::boolean) return text + ' ' + std::to_string(one.boolean());
    if (one.kind() == redis::kind::number) return text + ' ' + std::to_string(one.number());
    if (!one.is_aggregate()) return text;
    text += '[';
    for (auto const& each : one.elements()) {
        if (text.back() != '[') text += ',';
        text += text_of(each);
    }
    return text + ']';
}

// Fed up to each of the cuts, and to the end.
inline std::string read_cut(std::string_view bytes, std::vector<std::size_t> const& cuts,
                            redis::reply_limits limits = {}) {
    redis::reply_parser parser{limits};
    weir::buffer in;
    std::string all;
    std::size_t begin = 0;
    auto const feed = [&](std::size_t end) {
        in.append(bytes.substr(begin, end - begin));
        begin = end;
        for (;;) {
            auto const now = parser.parse(in);
            if (now == redis::reply_parser::progress::hungry) return true;
            if (!all.empty()) all += '|';
            if (now == redis::reply_parser::progress::broken) {
                all += "broken";
                return false;
            }
            all += text_of(parser.take());
        }
    };
    for (auto const cut : cuts)
        if (!feed(cut)) return all;
    feed(bytes.size());
    return all;
}

inline std::string read(std::string_view bytes, redis::reply_limits limits = {}) { return read_cut(bytes, {}, limits); }

// Whether nothing of a reply is left over.
inline bool ends_whole(std::string_view bytes, redis::reply_limits limits = {}) {
    redis::reply_parser parser{limits};
    weir::buffer in;
    in.append(bytes);
    while (parser.parse(in) == redis::reply_parser::progress::complete) static_cast<void>(parser.take());
    return in.empty() && parser.at_start();
}

} // namespace redis_test
