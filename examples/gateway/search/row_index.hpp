// examples/gateway/search/row_index.hpp: where a collection has the point of an id.
// A table of a million entries takes a hundred milliseconds to grow, so it is many small ones, each of which grows alone.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gateway {

class row_index {
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    using table = std::unordered_map<std::string, std::size_t, hash, std::equal_to<>>;

public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    std::size_t size() const noexcept { return size_; }
    // none if there is no such id.
    std::size_t find(std::string_view id) const noexcept {
        auto const& part = part_of(id);
        auto const at = part.find(id);
        return at == part.end() ? none : at->second;
    }
    // Adds an id that is not there, or gives one that is another row. Of the latter it does not throw.
    void set(std::string_view id, std::size_t row) {
        auto& part = part_of(id);
        if (auto const at = part.find(id); at != part.end()) {
            at->second = row;
        } else {
            part.emplace(id, row);
            ++size_;
        }
    }
    void erase(std::string_view id) noexcept {
        auto& part = part_of(id);
        auto const at = part.find(id);
        if (at == part.end()) return;
        part.erase(at);
        --size_;
    }
    // Gives up the tables, for who wants to end them little by little.
    static constexpr std::size_t parts = 1024;
    void clear(std::size_t part) noexcept {
        size_ -= parts_[part].size();
        table().swap(parts_[part]);
    }

private:
    table& part_of(std::string_view id) noexcept { return parts_[hash{}(id) % parts]; }
    table const& part_of(std::string_view id) const noexcept { return parts_[hash{}(id) % parts]; }

    std::vector<table> parts_{parts};
    std::size_t size_ = 0;
};

} // namespace gateway
