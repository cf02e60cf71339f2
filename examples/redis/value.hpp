// examples/redis/value.hpp: what Redis answers: any value of RESP3, an error among them.
// Not:      free of the bytes that it came with: strings are slices of what was received, and keep it alive.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/memory/bytes.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace redis {

enum class kind : unsigned char {
    null,
    boolean,
    integer,
    number,
    text,       // a status such as OK
    string,     // any bytes
    verbatim,   // a text for people, whose format (txt, mkd) is left out
    big_number, // its digits
    error,      // a code in capitals, and words
    array,
    set,
    map,  // its elements are keys and values in turn
    push, // what nobody has asked for
};

class value {
public:
    value() noexcept = default;
    explicit value(bool from) noexcept : kind_{kind::boolean}, integer_{from} {}
    explicit value(std::int64_t from) noexcept : kind_{kind::integer}, integer_{from} {}
    explicit value(double from) noexcept : kind_{kind::number}, number_{from} {}
    value(redis::kind what, weir::bytes from) noexcept : kind_{what}, string_{std::move(from)} {}
    value(redis::kind what, std::vector<value> from) noexcept : kind_{what}, elements_{std::move(from)} {}

    redis::kind kind() const noexcept { return kind_; }
    bool is_null() const noexcept { return kind_ == kind::null; }
    bool is_error() const noexcept { return kind_ == kind::error; }
    bool is_integer() const noexcept { return kind_ == kind::integer; }
    bool is_string() const noexcept { return kind_ >= kind::text && kind_ <= kind::error; }
    bool is_aggregate() const noexcept { return kind_ >= kind::array; }

    // Each needs that kind of value.
    bool boolean() const noexcept {
        WEIR_ASSERT(kind_ == kind::boolean, "a value of Redis was taken for a boolean");
        return integer_ != 0;
    }
    std::int64_t integer() const noexcept {
        WEIR_ASSERT(is_integer(), "a value of Redis was taken for an integer");
        return integer_;
    }
    double number() const noexcept {
        WEIR_ASSERT(kind_ == kind::number, "a value of Redis was taken for a number");
        return number_;
    }
    weir::bytes const& string() const noexcept {
        WEIR_ASSERT(is_string(), "a value of Redis was taken for a string");
        return string_;
    }
    std::span<value const> elements() const noexcept {
        WEIR_ASSERT(is_aggregate(), "a value of Redis was taken for an array");
        return elements_;
    }
    std::span<value> elements() noexcept {
        WEIR_ASSERT(is_aggregate(), "a value of Redis was taken for an array");
        return elements_;
    }

private:
    redis::kind kind_ = kind::null;
    union {
        std::int64_t integer_ = 0;
        double number_;
    };
    weir::bytes string_;
    std::vector<value> elements_;
};

} // namespace redis
