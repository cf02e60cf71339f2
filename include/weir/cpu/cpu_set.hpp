// weir/cpu/cpu_set.hpp: some of the machine's CPUs, by their numbers, however many there are.
#pragma once

#include <weir/base/errc.hpp>
#include <weir/base/result.hpp>

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace weir::inline v0 {

class cpu_set {
public:
    // No system numbers its CPUs as high; a larger number in a text is a mistake.
    static constexpr unsigned limit = 1u << 20;

    cpu_set() = default;
    cpu_set(std::initializer_list<unsigned> cpus) {
        for (unsigned const cpu : cpus) insert(cpu);
    }
    // Reads the kernel's notation, "0-3,8,10-11"; the empty text is the empty set.
    // Errors: std::errc::invalid_argument.
    static result<cpu_set> parse(std::string_view list);

    // Needs: cpu < limit.
    void insert(unsigned cpu);
    bool contains(unsigned cpu) const noexcept {
        return cpu / 64 < words_.size() && (words_[cpu / 64] >> (cpu % 64) & 1) != 0;
    }
    std::size_t size() const noexcept;
    bool empty() const noexcept { return size() == 0; }
    // In rising order.
    std::vector<unsigned> numbers() const;

    // The CPUs that are in both.
    friend cpu_set operator&(cpu_set const& a, cpu_set const& b);
    friend bool operator==(cpu_set const& a, cpu_set const& b) noexcept;

private:
    std::vector<std::uint64_t> words_; // CPU n is bit n % 64 of word n / 64; zeros at the end mean nothing
};

inline void cpu_set::insert(unsigned cpu) {
    WEIR_ASSERT(cpu < limit, "no system numbers its CPUs as high");
    if (cpu / 64 >= words_.size()) words_.resize(cpu / 64 + 1);
    words_[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
}

inline std::size_t cpu_set::size() const noexcept {
    std::size_t count = 0;
    for (auto const word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
}

inline std::vector<unsigned> cpu_set::numbers() const {
    std::vector<unsigned> all;
    all.reserve(size());
    for (std::size_t at = 0; at < words_.size(); ++at)
        for (auto word = words_[at]; word != 0; word &= word - 1)
            all.push_back(static_cast<unsigned>(at * 64) + static_cast<unsigned>(std::countr_zero(word)));
    return all;
}

inline cpu_set operator&(cpu_set const& a, cpu_set const& b) {
    cpu_set both;
    both.words_.resize(a.words_.size() < b.words_.size() ? a.words_.size() : b.words_.size());
    for (std::size_t at = 0; at < both.words_.size(); ++at) both.words_[at] = a.words_[at] & b.words_[at];
    return both;
}

inline bool operator==(cpu_set const& a, cpu_set const& b) noexcept {
    auto const& longer = a.words_.size() < b.words_.size() ? b : a;
    auto const& shorter = a.words_.size() < b.words_.size() ? a : b;
    for (std::size_t at = 0; at < longer.words_.size(); ++at)
        if (longer.words_[at] != (at < shorter.words_.size() ? shorter.words_[at] : 0)) return false;
    return true;
}

inline result<cpu_set> cpu_set::parse(std::string_view list) {
    auto const invalid = std::make_error_code(std::errc::invalid_argument);
    while (!list.empty() && (list.back() == '\n' || list.back() == ' ')) list.remove_suffix(1);
    cpu_set found;
    auto const* at = list.data();
    auto const* const end = at + list.size();
    // Takes a number off the front of what is left.
    auto const number = [&](unsigned& into) {
        auto const [next, error] = std::from_chars(at, end, into);
        at = next;
        return error == std::errc{} && into < limit;
    };
    while (at != end) {
        unsigned first = 0;
        if (!number(first)) return invalid;
        unsigned last = first;
        if (at != end && *at == '-') {
            ++at;
            if (!number(last) || last < first) return invalid;
        }
        for (unsigned cpu = first; cpu <= last; ++cpu) found.insert(cpu);
        if (at == end) break;
        if (*at++ != ',' || at == end) return invalid;
    }
    return found;
}

} // namespace weir
