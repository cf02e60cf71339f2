// examples/http/router.hpp: finds the handler for a method and a path.
// Not:      aware of what a handler is; it only keeps them.
// Cost:     looking up allocates nothing unless the method is not allowed.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace http {

// What stood in the place of each {name} of the pattern, percent-encoding left as it came.
class path_parameters {
public:
    static constexpr std::size_t most = 8;

    std::size_t size() const noexcept { return size_; }
    // Empty if there is no such parameter: a parameter that matched is not empty.
    std::string_view operator[](std::string_view name) const noexcept {
        for (std::size_t i = 0; i < size_; ++i)
            if (all_[i].first == name) return all_[i].second;
        return {};
    }

private:
    template <class Handler>
    friend class router;

    std::array<std::pair<std::string_view, std::string_view>, most> all_{};
    std::size_t size_ = 0;
};

template <class Handler>
class router {
public:
    struct match {
        Handler const* handler = nullptr; // null if there is none; then status and allow say why
        path_parameters parameters;       // views of the path given and of the router
        int status = 200;                 // 404: no such path; 405: the path has other methods
        std::string allow;                // with 405: the value of the Allow header
    };

    // A pattern begins with "/"; each of its segments is a text or {name}, which matches any segment but an empty one.
    // Errors: std::invalid_argument for a malformed pattern, or one that has this method already.
    void add(std::string_view method, std::string_view pattern, Handler handler);

    // A pattern without parameters goes before one with; among these the one that was added first. HEAD finds the
    // handler of GET unless it has its own: the headers of the answer are the same, and its writer drops the body.
    match find(std::string_view method, std::string_view path) const;

private:
    struct route {
        std::vector<std::string> segments; // "{name}" for a parameter; empty for an exact path
        std::string pattern;
        std::vector<std::pair<std::string, Handler>> handlers;

        Handler const* handler_of(std::string_view method) const noexcept;
        bool matches(std::string_view path, path_parameters& parameters) const noexcept;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };

    static std::vector<std::string> split(std::string_view pattern);

    std::unordered_map<std::string, route, hash, std::equal_to<>> exact_;
    std::vector<route> patterns_;
};

template <class Handler>
void router<Handler>::add(std::string_view method, std::string_view pattern, Handler handler) {
    auto segments = split(pattern);
    route* place = nullptr;
    if (segments.empty()) {
        place = &exact_[std::string(pattern)];
    } else {
        for (auto& each : patterns_)
            if (each.pattern == pattern) place = &each;
        if (place == nullptr) place = &patterns_.emplace_back();
    }
    for (auto const& each : place->handlers)
        if (each.first == method) throw std::invalid_argument("a route was added twice: " + std::string(pattern));
    place->pattern = pattern;
    place->segments = std::move(segments);
    place->handlers.emplace_back(method, std::move(handler));
}

template <class Handler>
typename router<Handler>::match router<Handler>::find(std::string_view method, std::string_view path) const {
    match found;
    auto const consider = [&](route const& each) {
        found.handler = each.handler_of(method);
        if (found.handler != nullptr) return true;
        found.parameters = {};
        for (auto const& [other, _] : each.handlers) {
            found.allow.append(found.allow.empty() ? "" : ", ").append(other);
            if (other == "GET" && each.handler_of("HEAD") == &_) found.allow.append(", HEAD");
        }
        return false;
    };
    if (auto const at = exact_.find(path); at != exact_.end() && consider(at->second)) return found;
    for (auto const& each : patterns_)
        if (each.matches(path, found.parameters) && consider(each)) {
            found.allow.clear();
            return found;
        }
    found.status = found.allow.empty() ? 404 : 405;
    return found;
}

template <class Handler>
Handler const* router<Handler>::route::handler_of(std::string_view method) const noexcept {
    Handler const* get = nullptr;
    for (auto const& [name, handler] : handlers) {
        if (name == method) return &handler;
        if (name == "GET") get = &handler;
    }
    return method == "HEAD" ? get : nullptr;
}

template <class Handler>
bool router<Handler>::route::matches(std::string_view path, path_parameters& parameters) const noexcept {
    parameters.size_ = 0;
    for (std::string_view const segment : segments) {
        if (!path.starts_with('/')) return false;
        auto const part = path.substr(1, path.find('/', 1) - 1);
        path.remove_prefix(1 + part.size());
        if (segment.starts_with('{')) {
            if (part.empty()) return false;
            parameters.all_[parameters.size_++] = {segment.substr(1, segment.size() - 2), part};
        } else if (segment != part) {
            return false;
        }
    }
    return path.empty();
}

template <class Handler>
std::vector<std::string> router<Handler>::split(std::string_view pattern) {
    auto const malformed = [&](char const* why) {
        return std::invalid_argument("route " + std::string(pattern) + ": " + why);
    };
    if (!pattern.starts_with('/')) throw malformed("it does not begin with /");
    std::vector<std::string> segments;
    std::size_t parameters = 0;
    for (auto rest = pattern; !rest.empty();) {
        auto const part = rest.substr(1, rest.find('/', 1) - 1);
        rest.remove_prefix(1 + part.size());
        auto const braces = part.find_first_of("{}") != std::string_view::npos;
        if (braces && (part.size() < 3 || part.front() != '{' || part.find_first_of("{}", 1) != part.size() - 1))
            throw malformed("a brace does not enclose a whole segment");
        if (braces && ++parameters > path_parameters::most) throw malformed("it has too many parameters");
        segments.emplace_back(part);
    }
    if (parameters == 0) segments.clear();
    return segments;
}

} // namespace http
