// tests/conformance/channel.cpp: channels of all kinds keep the contract of a wait.
// The values are pointers that own, so that one which is lost or had twice also shows as memory.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/channel/broadcast.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/chunks.hpp>
#include <weir/channel/for_each_concurrent.hpp>
#include <weir/channel/map_concurrent.hpp>
#include <weir/channel/oneshot.hpp>
#include <weir/channel/unbounded_channel.hpp>
#include <weir/channel/watch.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

using message = std::unique_ptr<int>;
message make_message() { return std::make_unique<int>(1); }

// A full channel, of which somebody takes one out.
struct full_channel {
    explicit full_channel(stage&) { static_cast<void>(jobs.try_send(make_message())); }
    void complete() { taken = jobs.try_recv().has_value(); }

    channel<message> jobs{1};
    bool taken = false;
};

struct channel_send : full_channel {
    static constexpr description row{.name = "channel::send",
                                     .kind = on_cancel::loses_place,
                                     .value = "is dropped; who wants to keep it reserves a place first",
                                     .serves = audience::one};
    using full_channel::full_channel;
    task<std::error_code> wait() {
        auto const sent = co_await jobs.send(make_message());
        co_return sent.error();
    }
    bool whole(std::size_t completed) { return taken && completed <= 1 && jobs.size() == completed; }
};

struct channel_reserve : full_channel {
    static constexpr description row{.name = "channel::reserve",
                                     .kind = on_cancel::loses_place,
                                     .value = "is with the caller; the place goes to the next",
                                     .serves = audience::one};
    using full_channel::full_channel;
    task<std::error_code> wait() {
        auto place = co_await jobs.reserve();
        if (place) held = *std::move(place);
        co_return place.error();
    }
    bool whole(std::size_t completed) {
        bool const has_room = static_cast<bool>(jobs.try_reserve());
        return taken && completed <= 1 && has_room == (completed == 0) && static_cast<bool>(held) == (completed == 1);
    }

    channel<message>::place held;
};

// An empty channel, to which somebody sends one.
struct empty_channel {
    explicit empty_channel(stage&) {}
    void complete() { static_cast<void>(jobs.try_send(make_message())); }
    bool whole(std::size_t completed) { return completed <= 1 && received == completed && jobs.size() == 1 - completed; }

    channel<message> jobs{1};
    std::size_t received = 0;
};

struct channel_recv : empty_channel {
    static constexpr description row{.name = "channel::recv",
                                     .kind = on_cancel::loses_place,
                                     .value = "stays in the channel, for the next",
                                     .serves = audience::one};
    using empty_channel::empty_channel;
    task<std::error_code> wait() {
        auto const got = co_await jobs.recv();
        if (got && *got) ++received;
        co_return got.error();
    }
};

struct channel_recv_many : empty_channel {
    static constexpr description row{.name = "channel::recv_many",
                                     .kind = on_cancel::loses_place,
                                     .value = "all stay in the channel, for the next",
                                     .serves = audience::one};
    using empty_channel::empty_channel;
    task<std::error_code> wait() {
        std::array<message, 3> into;
        auto const got = co_await jobs.recv_many(std::span{into});
        if (got && *got == 1 && into[0]) ++received;
        co_return got.error();
    }
};

struct unbounded_recv {
    static constexpr description row{.name = "unbounded_channel::recv, recv_many",
                                     .kind = on_cancel::loses_place,
                                     .value = "stays in the channel, for the next",
                                     .serves = audience::one};
    explicit unbounded_recv(stage&) {}
    task<std::error_code> wait() {
        if (asked++ % 2) co_return co_await wait_for_many();
        auto const got = co_await jobs.recv();
        if (got && *got) ++received;
        co_return got.error();
    }
    void complete() { static_cast<void>(jobs.send(make_message())); }
    bool whole(std::size_t completed) { return completed <= 1 && received == completed && jobs.size() == 1 - completed; }

private:
    task<std::error_code> wait_for_many() {
        std::array<message, 3> into;
        auto const got = co_await jobs.recv_many(std::span{into});
        if (got && *got == 1 && into[0]) ++received;
        co_return got.error();
    }

    unbounded_channel<message> jobs;
    std::size_t received = 0;
    std::atomic<unsigned> asked{0};
};

struct oneshot_recv {
    static constexpr description row{.name = "oneshot_receiver::recv",
                                     .kind = on_cancel::safe,
                                     .value = "stays for a later `recv`",
                                     .serves = audience::lone};
    explicit oneshot_recv(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await halves.second.recv();
        if (got && *got) ++received;
        co_return got.error();
    }
    void complete() { static_cast<void>(halves.first.send(make_message())); }
    bool whole(std::size_t completed) {
        auto const left = halves.second.try_recv();
        return received == completed && left.has_value() == (completed == 0);
    }

    std::pair<oneshot_sender<message>, oneshot_receiver<message>> halves = oneshot<message>();
    std::size_t received = 0;
};

struct oneshot_closed {
    static constexpr description row{.name = "oneshot_sender::closed",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller",
                                     .serves = audience::lone};
    explicit oneshot_closed(stage&) {}
    task<std::error_code> wait() {
        auto const closed = co_await halves.first.closed();
        co_return closed.error();
    }
    void complete() { halves.second = {}; }
    bool whole(std::size_t) { return halves.first.is_closed(); }

    std::pair<oneshot_sender<message>, oneshot_receiver<message>> halves = oneshot<message>();
};

// Every receiver has its own.
struct broadcast_recv {
    static constexpr description row{.name = "broadcast::receiver::recv",
                                     .kind = on_cancel::safe,
                                     .value = "is the next that this receiver gets",
                                     .serves = audience::lone};
    explicit broadcast_recv(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await hears.recv();
        if (got && **got == 1) ++received;
        co_return got.error();
    }
    void complete() { news.send(std::make_shared<int const>(1)); }
    bool whole(std::size_t completed) {
        auto const left = hears.try_recv();
        return received == completed && left.has_value() == (completed == 0);
    }

    broadcast<std::shared_ptr<int const>> news{2};
    broadcast<std::shared_ptr<int const>>::receiver hears = news.subscribe();
    std::size_t received = 0;
};

struct watch_changed {
    static constexpr description row{.name = "watch::receiver::changed",
                                     .kind = on_cancel::safe,
                                     .value = "the change is still to be seen",
                                     .serves = audience::lone};
    explicit watch_changed(stage&) {}
    task<std::error_code> wait() {
        auto const changed = co_await sees.changed();
        co_return changed.error();
    }
    void complete() { setting.send(2); }
    bool whole(std::size_t completed) { return *sees.borrow() == 2 && sees.has_changed() == (completed == 0); }

    watch<int> setting{1};
    watch<int>::receiver sees = setting.subscribe();
};

// A pair, of which one may come and the other be waited for.
struct chunks_recv {
    static constexpr description row{.name = "chunks::recv",
                                     .kind = on_cancel::safe,
                                     .value = "what the chunk has so far is given; the rest stays in the source",
                                     .serves = audience::lone};
    explicit chunks_recv(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await pairs.recv();
        if (got)
            for (auto const& each : *got) received += each != nullptr;
        co_return got.error();
    }
    void complete() {
        static_cast<void>(jobs.try_send(make_message()));
        static_cast<void>(jobs.try_send(make_message()));
    }
    bool whole(std::size_t completed) { return (completed == 0) == (received == 0) && received + jobs.size() == 2; }

    channel<message> jobs{2};
    chunks<channel<message>&> pairs{jobs, 2, std::chrono::hours{48}};
    std::size_t received = 0;
};

struct each_concurrent {
    static constexpr description row{.name = "for_each_concurrent",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what was read is with a task, the rest in the source",
                                     .note = "the source and the tasks are stopped, and all are joined",
                                     .at_once = false};
    explicit each_concurrent(stage&) {}
    task<std::error_code> wait() {
        std::array<event*, 3> const flags{&first, &second, &first};
        std::atomic<int> of_a_task{0};
        auto const end = co_await for_each_concurrent(flags, 2, &wait_for, &of_a_task);
        co_return end ? std::error_code{of_a_task, category()} : end.error();
    }
    void complete() {
        first.set();
        second.set();
    }
    bool whole(std::size_t) { return first.is_set() && second.is_set(); }

private:
    static task<> wait_for(event* flag, std::atomic<int>* end) {
        auto const waited = co_await flag->wait();
        if (!waited) *end = waited.error().value();
    }
    event first;
    event second;
};

// Of a task that nobody stops.
struct results_recv {
    static constexpr description row{.name = "results::recv",
                                     .kind = on_cancel::safe,
                                     .value = "is the next that is received; the tasks go on",
                                     .serves = audience::lone,
                                     .at_once = false};
    explicit results_recv(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) { made.emplace(map_concurrent(opened, names, 2, &make, this)); });
        auto const got = co_await made->recv();
        if (got && *got) ++received;
        co_return got.error();
    }
    void complete() { flag.set(); }
    task<> close() { return children.join(); }
    bool whole(std::size_t completed) { return received == completed; }

private:
    static task<message> make(int, results_recv* self) {
        static_cast<void>(co_await self->flag.wait());
        co_return make_message();
    }
    std::array<int, 1> const names{1};
    event flag;
    own_scope children;
    std::optional<results<message>> made;
    std::size_t received = 0;
};

// Of a task that does not heed its stop.
struct results_close {
    static constexpr description row{.name = "results::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "what had finished can still be received",
                                     .note = "what is under way is stopped, and joined",
                                     .serves = audience::lone,
                                     .at_once = false};
    explicit results_close(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) { made.emplace(unordered(opened, names, 2, &make, this)); });
        co_await yield(); // the task is on its way
        co_await made->close();
        ++closed;
        co_return std::error_code{};
    }
    void complete() { flag.set(); }
    task<> close() { return children.join(); }
    bool whole(std::size_t completed) { return closed == completed; }

private:
    static task<message> make(int, results_close* self) {
        context const& here = co_await this_task();
        context const patient = here.with_stop({});
        co_await use_context(patient);
        static_cast<void>(co_await self->flag.wait());
        co_await use_context(here);
        co_return make_message();
    }
    std::array<int, 1> const names{1};
    event flag;
    own_scope children;
    std::optional<results<message>> made;
    std::size_t closed = 0;
};

using all_channels = std::tuple<channel_send, channel_reserve, channel_recv, channel_recv_many, unbounded_recv,
                                oneshot_recv, oneshot_closed, broadcast_recv, watch_changed, chunks_recv, each_concurrent,
                                results_recv, results_close>;
in_table<all_channels> const lines{group::channels};

} // namespace

TEMPLATE_LIST_TEST_CASE("channels keep the contract of a wait", "", all_channels) { conforms<TestType>(); }
