// weir/io/kernel_features.hpp: what of io_uring a driver may use: what the kernel has, less what is withheld.
// Each can be withheld by its name, by an operator whose kernel has a bug, and by tests, which run on every lesser kernel
// that way: `io_uring-recv-multishot_accept` is io_uring without the two.
// Source:   io_uring_setup(2), io_uring_enter(2); the versions are those of Linux that brought the feature.
#pragma once

#include <weir/io/uring_abi.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::inline v0::io {

enum class kernel_feature : unsigned char {
    timed_wait,       // 5.11: a wait has a time at which it ends; without it there is no driver
    submit_all,       // 5.18: a bad entry does not hold up those behind it
    coop_taskrun,     // 5.19: completions do not interrupt the thread
    defer_taskrun,    // 6.1: completions are made when the thread asks for them, and by no other
    multishot_accept, // 5.19: one entry accepts until it is called back
    multishot_recv,   // 6.0: one entry receives until it is called back
    provided_buffers, // 5.19: a receive takes its buffer when there is something to put in
    poll_first,       // 5.19: a receive does not try before there is news
};

class kernel_features {
public:
    // All there is.
    constexpr kernel_features() noexcept = default;
    static constexpr kernel_features none() noexcept { return {0, 0}; }
    // No operation but those without which there is no driver.
    static constexpr kernel_features no_operations() noexcept {
        return {~std::uint32_t{0}, std::uint64_t{1} << IORING_OP_NOP | std::uint64_t{1} << IORING_OP_POLL_ADD |
                                       std::uint64_t{1} << IORING_OP_ASYNC_CANCEL};
    }

    constexpr bool has(kernel_feature which) const noexcept { return features_ >> static_cast<unsigned>(which) & 1; }
    // Whether entries may have this opcode.
    constexpr bool has_operation(unsigned opcode) const noexcept { return opcode < 64 && (operations_ >> opcode & 1); }

    constexpr kernel_features with(kernel_feature which) const noexcept { return {features_ | bit(which), operations_}; }
    constexpr kernel_features without(kernel_feature which) const noexcept {
        return {features_ & ~bit(which), operations_};
    }
    constexpr kernel_features with_operation(unsigned opcode) const noexcept {
        return {features_, operations_ | std::uint64_t{1} << opcode};
    }
    constexpr kernel_features without_operation(unsigned opcode) const noexcept {
        return {features_, operations_ & ~(std::uint64_t{1} << opcode)};
    }

    friend constexpr kernel_features operator&(kernel_features a, kernel_features b) noexcept {
        return {a.features_ & b.features_, a.operations_ & b.operations_};
    }
    bool operator==(kernel_features const&) const = default;

private:
    constexpr kernel_features(std::uint32_t features, std::uint64_t operations) noexcept
        : features_{features}, operations_{operations} {}
    static constexpr std::uint32_t bit(kernel_feature which) noexcept {
        return std::uint32_t{1} << static_cast<unsigned>(which);
    }

    std::uint32_t features_ = ~std::uint32_t{0};
    std::uint64_t operations_ = ~std::uint64_t{0};
};

// A name, and everything but what it names.
struct named_feature {
    std::string_view name;
    kernel_features all_but;
};

inline constexpr named_feature feature_names[] = {
    {"timed_wait", kernel_features{}.without(kernel_feature::timed_wait)},
    {"submit_all", kernel_features{}.without(kernel_feature::submit_all)},
    {"coop_taskrun", kernel_features{}.without(kernel_feature::coop_taskrun)},
    {"defer_taskrun", kernel_features{}.without(kernel_feature::defer_taskrun)},
    {"multishot_accept", kernel_features{}.without(kernel_feature::multishot_accept)},
    {"multishot_recv", kernel_features{}.without(kernel_feature::multishot_recv)},
    {"provided_buffers", kernel_features{}.without(kernel_feature::provided_buffers)},
    {"poll_first", kernel_features{}.without(kernel_feature::poll_first)},
    {"operations", kernel_features::no_operations()},
    {"accept", kernel_features{}.without_operation(IORING_OP_ACCEPT)},
    {"connect", kernel_features{}.without_operation(IORING_OP_CONNECT)},
    {"recv", kernel_features{}.without_operation(IORING_OP_RECV)},
    {"send_zc", kernel_features{}.without_operation(IORING_OP_SEND_ZC)},
    {"send", kernel_features{}.without_operation(IORING_OP_SEND)},
    {"recvmsg", kernel_features{}.without_operation(IORING_OP_RECVMSG)},
    {"sendmsg", kernel_features{}.without_operation(IORING_OP_SENDMSG)},
    {"read", kernel_features{}.without_operation(IORING_OP_READ)},
    {"write", kernel_features{}.without_operation(IORING_OP_WRITE)},
    {"close", kernel_features{}.without_operation(IORING_OP_CLOSE)},
};

// What is left without the feature of that name; nothing where there is none.
constexpr std::optional<kernel_features> all_but(std::string_view name) noexcept {
    for (named_feature const& each : feature_names)
        if (each.name == name) return each.all_but;
    return std::nullopt;
}

} // namespace weir::io
