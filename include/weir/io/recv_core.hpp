// weir/io/recv_core.hpp: the kernel's side of a recv_stream.
// For:      authors of primitives.
#pragma once

#include <weir/io/block_receiver.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/hangup_watch.hpp>
#include <weir/io/op.hpp>
#include <weir/io/received.hpp>
#include <weir/io/stream_core.hpp>
#include <weir/io/uring_abi.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0::io {

// B1: what is taken is all that came, in its order, up to a reason to end: what comes behind one that was lost is let go.
class recv_core final : public stream_core<received> {
public:
    recv_core(fd_ref socket, buffer_pool& pool, std::size_t bound) noexcept
        : stream_core{table, socket, bound}, blocks_{pool}, watch_{socket, this} {}

private:
    static constexpr int peers_end = own_reason(errc{});

    ~recv_core() override = default;

    bool begins_with_many() noexcept override;
    received item_of(int size) noexcept override {
        received one = blocks_.take(size);
        blocks_.try_ring_again(home());
        return one;
    }
    bool goes_on_after(int error) noexcept override {
        if (error == ENOBUFS) return blocks_.had_ring_only() || goes_on_later(-error);
        end_with(-error);
        return true;
    }
    void lost_one() noexcept override { end_with(-ENOMEM); } // keeps B1

    attempt try_now() noexcept {
        attempt tried = blocks_.try_now(file().number());
        if (tried.result == 0) tried.result = peers_end;
        return tried;
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        blocks_.prepare_entry(entry, file().number(), home());
        if (asks_for_many() && entry.opcode == IORING_OP_RECV) entry.ioprio = IORING_RECV_MULTISHOT;
    }
    bool hears_of(int result, std::uint32_t flags) noexcept {
        blocks_.hears(result, flags);
        return hears(result == 0 ? peers_end : result, flags);
    }
    static actions const table;

    // Holds the core while it is armed.
    class watch : public hangup_watch {
    public:
        watch(fd_ref socket, recv_core* of) noexcept
            : hangup_watch{socket,
                           [](hangup_watch& self, int) noexcept { static_cast<watch&>(self).of_->hung_up(); }},
              of_{of} {}

    private:
        recv_core* of_;
    };
    void let_go() noexcept override { watch_.call_back(); }
    void hung_up() noexcept {
        ask_one_by_one(); // the end is among them
        drop();
        // ---- the core may be gone
    }

    block_receiver blocks_;
    watch watch_;
};

inline bool recv_core::begins_with_many() noexcept {
    if (!home().receives_many()) return false;
    hold();
    watch_.arm(home());
    return true;
}

constinit inline op::actions const recv_core::table{
    [](op& self) noexcept { return static_cast<recv_core&>(self).try_now(); },
    [](op& self, io_uring_sqe& entry) noexcept { static_cast<recv_core&>(self).prepare_entry(entry); },
    readiness::readable,
    [](op& self, int& result, std::uint32_t flags) noexcept {
        return static_cast<recv_core&>(self).hears_of(result, flags);
    }};

} // namespace weir::io
