// tests/unit/base/counted.hpp: a value that knows how many of its kind live, and that fails to move when told.
#pragma once

#include <stdexcept>
#include <utility>

class counted {
public:
    explicit counted(int number) : number_{number} { ++living; }
    // Not inlined: GCC 12 under ASan else follows a path that no result takes, and warns of an unset number there.
    [[gnu::noinline]] counted(counted&& other) : number_{other.number_} {
        fail_if_told();
        other.number_ = moved_from;
        ++living;
    }
    counted(counted const& other) : number_{other.number_} {
        fail_if_told();
        ++living;
    }
    counted& operator=(counted const&) = delete;
    ~counted() {
        --living;
        number_ = dead;
    }

    int number() const noexcept { return number_; }

    static constexpr int moved_from = -1;
    static constexpr int dead = -2;
    static inline int living = 0;
    static inline int moves_until_throw = -1; // negative: never

private:
    static void fail_if_told() {
        if (moves_until_throw >= 0 && moves_until_throw-- == 0) throw std::runtime_error("told to");
    }
    int number_;
};
