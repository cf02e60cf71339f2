// tests/support/counted.hpp: a value that knows how many of its kind live, and notices a second destruction.
#pragma once

#include <cstdlib>
#include <utility>

namespace weir::test {

// Move-only. `alive` counts every object, moved from or not.
class counted {
public:
    explicit counted(int number) noexcept : value{number} { ++alive; }
    counted(counted&& other) noexcept : value{std::exchange(other.value, -1)} { ++alive; }
    counted& operator=(counted&& other) noexcept {
        value = std::exchange(other.value, -1);
        return *this;
    }
    ~counted() {
        if (mark_ != intact) std::abort(); // destroyed twice
        mark_ = 0;
        --alive;
    }

    int value;
    inline static int alive = 0;

private:
    static constexpr int intact = 0x5eed;
    int volatile mark_ = intact; // volatile: a dying object's stores would not be kept
};

} // namespace weir::test
