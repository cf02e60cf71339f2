// weir/io/accept_core.hpp: the kernel's side of an accept_stream.
// For:      authors of primitives.
#pragma once

#include <weir/io/accept_errors.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/op.hpp>
#include <weir/io/stream_core.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>

namespace weir::inline v0::io {

class accept_core final : public stream_core<fd> {
public:
    accept_core(fd_ref listener, std::size_t bound) noexcept : stream_core{table, listener, bound} {}

private:
    ~accept_core() override = default;

    bool begins_with_many() noexcept override { return home().accepts_many(); }
    fd item_of(int number) noexcept override {
        errors_ = 0;
        return fd{number};
    }
    bool goes_on_after(int error) noexcept override;

    attempt try_now() noexcept {
        return system_call([&] { return ::accept4(file().number(), nullptr, nullptr, SOCK_CLOEXEC); });
    }
    void prepare_entry(io_uring_sqe& entry) const noexcept {
        entry.opcode = IORING_OP_ACCEPT;
        entry.fd = file().number();
        entry.accept_flags = SOCK_CLOEXEC;
        if (asks_for_many()) entry.ioprio = IORING_ACCEPT_MULTISHOT;
    }
    static actions const table;

    // An error of one connection, so many times in a row, is one of the listener's surroundings: a filter, for instance.
    static constexpr unsigned errors_in_a_row = 64;
    unsigned errors_ = 0; // in a row
};

constinit inline op::actions const accept_core::table{
    [](op& self) noexcept { return static_cast<accept_core&>(self).try_now(); },
    [](op& self, io_uring_sqe& entry) noexcept { static_cast<accept_core&>(self).prepare_entry(entry); },
    readiness::readable,
    [](op& self, int& result, std::uint32_t flags) noexcept {
        return static_cast<accept_core&>(self).hears(result, flags);
    }};

inline bool accept_core::goes_on_after(int error) noexcept {
    if (concerns_resources(error) || (concerns_one_connection(error) && ++errors_ >= errors_in_a_row)) {
        errors_ = 0;
        return goes_on_later(-error);
    }
    if (!concerns_one_connection(error)) end_with(-error);
    return true;
}

} // namespace weir::io
