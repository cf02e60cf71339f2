// weir/io/backend.hpp: which driver a thread gets: io_uring where the kernel lets us, else epoll, with the reason.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/io/epoll.hpp>
#include <weir/io/uring.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::io {

enum class backend_choice : unsigned char { automatic, io_uring, epoll };

// `auto`, `io_uring` or `epoll`.
inline std::optional<backend_choice> parse_backend(std::string_view word) noexcept {
    if (word == "auto") return backend_choice::automatic;
    if (word == "io_uring") return backend_choice::io_uring;
    if (word == "epoll") return backend_choice::epoll;
    return std::nullopt;
}

// A driver for the calling thread. io_uring that is asked for and refused becomes epoll, too, so that a server starts;
// `refusal` then says why, and is empty otherwise.
// Errors: ends the program when there is no epoll either, since the process can open no file then.
inline std::unique_ptr<driver> open_driver(backend_choice choice, unsigned entries, std::string& refusal) {
    refusal.clear();
    if (choice != backend_choice::epoll)
        if (auto made = uring_driver::open(entries, refusal)) return made;
    std::string why;
    if (auto made = epoll_driver::open(why)) return made;
    std::fprintf(stderr, "weir: %s\n", why.c_str());
    WEIR_FATAL("neither io_uring nor epoll can be had");
}

} // namespace weir::io
