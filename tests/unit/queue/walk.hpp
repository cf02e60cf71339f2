// tests/unit/queue/walk.hpp: random calls on a queue beside a model of it, by one thread, with awkward values.
#pragma once

#include "support/awkward_types.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <random>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test {

template <class T>
constexpr bool is_counted = requires(T const& value) { value.number(); };

template <class T>
T made_of(int number) {
    if constexpr (std::is_aggregate_v<T>) return T{number};
    else return static_cast<T>(number);
}
template <class T>
int number_of(T const& value) {
    if constexpr (is_counted<T>) return value.number();
    else if constexpr (std::is_aggregate_v<T>) return value.value;
    else return static_cast<int>(value);
}

// A walk through a queue's calls beside a model. A lane is what keeps its order: a queue is one, or has one a producer.
template <class T>
class walk {
public:
    walk(unsigned seed, std::size_t capacity, std::size_t lanes = 1)
        : random_{seed}, capacity_{capacity}, lanes_(lanes), next_(lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) next_[lane] = static_cast<int>(lane);
    }

    std::size_t any(std::size_t below) { return random_() % below; }
    // Now one, now the other for a while, so that a queue is empty at times and full at others.
    bool pushes_now() {
        if (any(20) == 0) leans_to_push_ = !leans_to_push_;
        return leans_to_push_ == (any(4) != 0);
    }
    std::size_t size() const {
        std::size_t sum = 0;
        for (auto const& lane : lanes_) sum += lane.size();
        return sum;
    }

    template <class Door>
    void push(Door& door, std::size_t lane = 0) {
        switch (any(5)) {
            case 0: return push_one(door, lane);
            case 1: return push_many(door, lane);
            case 2:
                if constexpr (std::is_copy_constructible_v<T>) return push_copy(door, lane);
                break;
            case 3:
                if constexpr (requires { door.try_emplace(0); } && is_counted<T>) return emplace(door, lane);
                break;
            default:
                if constexpr (requires { door.claim(1); }) return claim(door, lane);
        }
        push_one(door, lane);
    }
    template <class Door>
    void pop(Door& door) {
        switch (any(3)) {
            case 0: return pop_one(door);
            case 1: return pop_many(door);
            default:
                if constexpr (requires { door.peek(); }) return peek(door);
                else pop_one(door);
        }
    }

private:
    std::size_t room() const { return capacity_ - size(); }
    int next(std::size_t lane) const { return next_[lane]; }
    void pushed(std::size_t lane) {
        lanes_[lane].push_back(next_[lane]);
        next_[lane] += static_cast<int>(lanes_.size());
    }
    void check_popped(int number) {
        REQUIRE(number >= 0);
        auto& lane = lanes_[static_cast<std::size_t>(number) % lanes_.size()];
        REQUIRE_FALSE(lane.empty());
        REQUIRE(number == lane.front());
        lane.pop_front();
    }
    std::vector<T> some_values(std::size_t lane, std::size_t count) {
        std::vector<T> values;
        values.reserve(count);
        for (std::size_t n = 0; n < count; ++n)
            values.push_back(made_of<T>(next_[lane] + static_cast<int>(n * lanes_.size())));
        return values;
    }

    template <class Door>
    void push_one(Door& door, std::size_t lane) {
        T value = made_of<T>(next(lane));
        bool const fits = room() > 0;
        REQUIRE(door.try_push(std::move(value)) == fits);
        if constexpr (is_counted<T>) REQUIRE(number_of(value) == (fits ? T::moved_from : next(lane)));
        if (fits) pushed(lane);
    }
    template <class Door>
    void push_copy(Door& door, std::size_t lane) {
        int const number = next(lane);
        T const value = made_of<T>(number);
        try_to_make(lane, [&] { return door.try_push(value); });
        REQUIRE(number_of(value) == number);
    }
    template <class Door>
    void emplace(Door& door, std::size_t lane) {
        try_to_make(lane, [&] { return door.try_emplace(next(lane)); });
    }
    // A push that makes the value in the queue, where that may throw; then nothing has happened.
    template <class Push>
    void try_to_make(std::size_t lane, Push const& push_it) {
        bool const fits = room() > 0;
        bool threw = false;
        bool did = false;
        bool const lit = any(3) == 0;
        if (lit) fuse::light(0);
        try {
            did = push_it();
        } catch (fuse::burnt const&) { threw = true; }
        fuse::put_out();
        if (!std::is_same_v<T, brittle> || !lit) REQUIRE_FALSE(threw);
        else if (fits) REQUIRE(threw);
        REQUIRE(did == (fits && !threw));
        if (did) pushed(lane);
    }
    template <class Door>
    void push_many(Door& door, std::size_t lane) {
        auto values = some_values(lane, any(7));
        auto const fit = std::min(values.size(), room());
        REQUIRE(door.try_push_n(std::span{values}) == fit);
        for (std::size_t n = 0; n < values.size(); ++n) {
            if (n < fit) pushed(lane);
            if constexpr (is_counted<T>)
                REQUIRE(number_of(values[n]) == (n < fit ? T::moved_from : next(lane) + static_cast<int>(n - fit)));
        }
    }
    template <class Door>
    void claim(Door& door, std::size_t lane) {
        auto const asked = any(7);
        auto const places = door.claim(asked);
        REQUIRE(places.size() <= std::min(asked, room()));
        REQUIRE(places.empty() == (asked == 0 || room() == 0));
        auto const values = some_values(lane, places.size());
        std::copy(values.begin(), values.end(), places.begin());
        auto const published = any(places.size() + 1);
        door.commit(published);
        for (std::size_t n = 0; n < published; ++n) pushed(lane);
    }

    template <class Door>
    void pop_one(Door& door) {
        auto const value = door.try_pop();
        REQUIRE(value.has_value() == (size() > 0));
        if (value) check_popped(number_of(*value));
    }
    template <class Door>
    void pop_many(Door& door) {
        constexpr int untouched = 1 << 30;
        std::vector<T> values;
        auto const asked = any(7);
        values.reserve(asked);
        for (std::size_t n = 0; n < asked; ++n) values.push_back(made_of<T>(untouched));
        auto const got = door.try_pop_n(std::span{values});
        REQUIRE(got == std::min(asked, size()));
        for (std::size_t n = 0; n < got; ++n) check_popped(number_of(values[n]));
        for (std::size_t n = got; n < asked; ++n) REQUIRE(number_of(values[n]) == untouched);
    }
    template <class Door>
    void peek(Door& door) {
        auto const values = door.peek();
        REQUIRE(values.size() <= size());
        REQUIRE(values.empty() == (size() == 0));
        for (std::size_t n = 0; n < values.size(); ++n) REQUIRE(number_of(values[n]) == lanes_[0][n]);
        auto const taken = any(values.size() + 1);
        door.consume(taken);
        lanes_[0].erase(lanes_[0].begin(), lanes_[0].begin() + static_cast<std::ptrdiff_t>(taken));
    }

    std::minstd_rand random_;
    std::size_t const capacity_;
    std::vector<std::deque<int>> lanes_;
    std::vector<int> next_; // number of each lane
    bool leans_to_push_ = true;
};

} // namespace weir::test
