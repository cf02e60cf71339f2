// tests/support/awkward_types.hpp: values that are hard on a container: they only move, want a wide alignment, or throw.
// Each object is entered in a register by its address, so a life begun on top of another, ended twice, never ended, or
// begun at a wrong address shows, and so does a look at the dead.
// Threads:  one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>

namespace weir::test {

// Who lives, and what went wrong so far.
class census {
public:
    static std::size_t alive() noexcept { return living().size(); }
    // The first fault since it was last asked; empty when there was none.
    static std::string fault() { return std::exchange(first_fault(), {}); }

    static void begin(void const* at, std::size_t alignment) {
        if (reinterpret_cast<std::uintptr_t>(at) % alignment != 0)
            note("a life began at an address that is not aligned");
        if (!living().insert(at).second) note("a life began where another had not ended");
    }
    static void end(void const* at) {
        if (living().erase(at) == 0) note("a life ended that was none");
    }
    static void look(void const* at) {
        if (!living().contains(at)) note("a dead object was looked at");
    }

private:
    static std::unordered_set<void const*>& living() noexcept {
        static std::unordered_set<void const*> them;
        return them;
    }
    static std::string& first_fault() noexcept {
        static std::string text;
        return text;
    }
    static void note(char const* what) {
        if (first_fault().empty()) first_fault() = what;
    }
};

// What the next construction of a throwing type does.
class fuse {
public:
    struct burnt : std::runtime_error {
        burnt() : std::runtime_error{"the fuse has burnt"} {}
    };

    // After `constructions` that succeed one throws, and that ends it.
    static void light(int constructions) noexcept { left = constructions; }
    static bool lit() noexcept { return left >= 0; }
    static void put_out() noexcept { left = -1; }
    static void burn() {
        if (left >= 0 && left-- == 0) throw burnt{};
    }

private:
    inline static int left = -1;
};

struct awkwardness {
    std::size_t alignment = alignof(int);
    bool copies = false;
    bool throws = false; // as it is made of a number or of another; a move never does
};

// Of a number that is not negative; never default-constructible.
template <awkwardness How>
class alignas(How.alignment) awkward {
public:
    static constexpr int moved_from = -1;

    explicit awkward(int number) noexcept(!How.throws) : number_{number} { live(); }
    awkward(awkward&& other) noexcept : number_{other.release()} { census::begin(this, alignof(awkward)); }
    awkward(awkward const& other) noexcept(!How.throws)
        requires(How.copies)
        : number_{other.number()} {
        live();
    }
    awkward& operator=(awkward&& other) noexcept {
        census::look(this);
        number_ = other.release();
        return *this;
    }
    ~awkward() { census::end(this); }

    int number() const noexcept {
        census::look(this);
        return number_;
    }

private:
    void live() noexcept(!How.throws) {
        if constexpr (How.throws) fuse::burn();
        census::begin(this, alignof(awkward));
    }
    int release() noexcept {
        census::look(this);
        return std::exchange(number_, moved_from);
    }

    int number_;
};

using only_moved = awkward<awkwardness{}>;
using copied = awkward<awkwardness{.copies = true}>;
template <std::size_t Alignment>
using over_aligned = awkward<awkwardness{.alignment = Alignment, .copies = true}>;
using brittle = awkward<awkwardness{.copies = true, .throws = true}>;

// Without a constructor or destructor, so it may be written in place, but wide.
struct alignas(64) wide_number {
    int value;
};

} // namespace weir::test
