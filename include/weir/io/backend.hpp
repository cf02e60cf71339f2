// weir/io/backend.hpp: which driver a thread gets: io_uring where the kernel lets us, else epoll, with the reason.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/io/epoll.hpp>
#include <weir/io/kernel_features.hpp>
#include <weir/io/uring.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weir::inline v0::io {

// A backend that is wished for, and what of io_uring it does without.
class backend_choice {
public:
    static backend_choice const automatic; // io_uring, else epoll
    static backend_choice const io_uring;  // the same: what is refused becomes epoll, too, so that a server starts
    static backend_choice const epoll;

    // The same with no more of io_uring's features than these.
    constexpr backend_choice with_only(kernel_features allowed) const noexcept {
        backend_choice lesser{*this};
        lesser.features_ = features_ & allowed;
        return lesser;
    }
    constexpr bool tries_io_uring() const noexcept { return which_ != kind::epoll; }
    constexpr kernel_features features() const noexcept { return features_; }
    bool operator==(backend_choice const&) const = default;

private:
    enum class kind : unsigned char { automatic, io_uring, epoll };
    constexpr explicit backend_choice(kind which) noexcept : which_{which} {}

    kind which_;
    kernel_features features_;
};

inline constexpr backend_choice backend_choice::automatic{kind::automatic};
inline constexpr backend_choice backend_choice::io_uring{kind::io_uring};
inline constexpr backend_choice backend_choice::epoll{kind::epoll};

// `auto`, `io_uring` or `epoll`; behind the first two, each after a `-`, names of features to do without.
inline std::optional<backend_choice> parse_backend(std::string_view words) noexcept {
    auto const next = [&] {
        auto const word = words.substr(0, words.find('-'));
        words.remove_prefix(word.size());
        return word;
    };
    auto const first = next();
    if (first == "epoll" && words.empty()) return backend_choice::epoll;
    if (first != "auto" && first != "io_uring") return std::nullopt;
    auto choice = first == "auto" ? backend_choice::automatic : backend_choice::io_uring;
    while (!words.empty()) {
        words.remove_prefix(1);
        auto const left = all_but(next());
        if (!left) return std::nullopt;
        choice = choice.with_only(*left);
    }
    return choice;
}

// A driver for the calling thread. Where io_uring was to be tried and is refused, `refusal` says why; else it is empty.
// Errors: std::runtime_error, with the kernel's reason, when there is no epoll either: the process can open no file then.
//         Without exceptions that ends the program.
inline std::unique_ptr<driver> open_driver(backend_choice choice, unsigned entries, std::string& refusal) {
    refusal.clear();
    if (choice.tries_io_uring())
        if (auto made = uring_driver::open(entries, refusal, choice.features())) return made;
    std::string why;
    if (auto made = epoll_driver::open(why)) return made;
#if WEIR_EXCEPTIONS
    throw std::runtime_error{"neither io_uring nor epoll can be had: " + why};
#else
    std::fprintf(stderr, "weir: %s\n", why.c_str());
    WEIR_FATAL("neither io_uring nor epoll can be had");
#endif
}

} // namespace weir::io
