// weir/coro/wait_text.hpp: what a wait says of itself when somebody asks: a few words, and what it is for.
// It allocates nothing, since it is written while a lock keeps the wait from ending.
// For:      authors of primitives.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::inline v0 {

class wait_text {
public:
    wait_text() noexcept {}

    // Adds to the end; what is too long is cut.
    wait_text& add(std::string_view words) noexcept {
        auto const room = std::min(words.size(), text_.size() - length_);
        std::copy_n(words.data(), room, text_.data() + length_);
        length_ += room;
        return *this;
    }
    wait_text& add(std::integral auto number) noexcept {
        bool const negative = number < 0;
        auto rest = static_cast<std::uint64_t>(number);
        if (negative) rest = 0 - rest;
        std::array<char, 21> digits;
        std::size_t at = digits.size();
        do digits[--at] = static_cast<char>('0' + rest % 10);
        while (rest /= 10);
        if (negative) digits[--at] = '-';
        return add(std::string_view{digits.data() + at, digits.size() - at});
    }

    std::string_view words() const noexcept { return {text_.data(), length_}; }

    void const* object = nullptr; // what is waited for, where one coroutine at a time may hold it (wait_book::hold)
    int thread = 0; // the kernel's number of the thread that does what is waited for

private:
    std::array<char, 96> text_;
    std::size_t length_ = 0;
};

// Tells of the wait with this key; called while it lasts.
using describe_function = void (*)(void const* key, wait_text& into) noexcept;

} // namespace weir
