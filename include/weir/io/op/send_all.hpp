// weir/io/op/send_all.hpp: sends a chain of bytes to its end, in as few calls as the socket lets it.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/op/send_message.hpp>
#include <weir/memory/bytes_chain.hpp>

#include <array>

namespace weir::inline v0::io {

// Takes from the front of `chain` what the socket has taken, until nothing is left.
// Errors: those of sendmsg(2), EPIPE never as a signal; `chain` holds what was not taken then.
// Cancel: the same: what the socket has taken is on its way, the rest is in `chain`, and no byte is in both.
// Cost: a frame; a call of the kernel for each 16 pieces, more where the socket has less room.
inline task<result<void>> send_all(fd_ref socket, bytes_chain& chain) {
    std::array<iovec, 16> pieces;
    while (!chain.empty()) {
        std::span<iovec const> const next{pieces.data(), chain.fill(std::span<iovec>{pieces})};
        auto const taken = co_await send_message(socket, next);
        if (!taken) co_return taken.error();
        chain.remove_prefix(*taken);
    }
    co_return {};
}

} // namespace weir::io
