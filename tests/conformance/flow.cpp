// tests/conformance/flow.cpp: coalescers and batchers keep the contract of a wait.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <atomic>
#include <span>
#include <tuple>

using namespace weir;
using namespace weir::conformance;

namespace {

struct coalescer_get {
    static constexpr description row{.name = "coalescer::get",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it",
                                     .note = "with the last caller the loader is asked to stop; who comes then "
                                             "starts anew",
                                     .at_once = false};
    explicit coalescer_get(stage&) {}
    task<std::error_code> wait() {
        auto const page = co_await pages.get(7);
        had += page && **page == 70;
        co_return page.error();
    }
    void complete() { loaded.set(); }
    task<> close() { return pages.close(); }
    bool whole(std::size_t completed) { return had == completed && pages.figures().in_flight == 0; }

    event loaded;
    coalescer<int, int> pages{[this](int key) -> task<result<int>> {
        auto const waited = co_await loaded.wait();
        if (!waited) co_return waited.error();
        co_return key * 10;
    }};
    std::atomic<std::size_t> had{0};
};

// One lane, whose handler waits: so the first request is on its way, and those that come later are in line.
struct batcher_submit {
    static constexpr description row{.name = "batcher::submit",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "a request in line is withdrawn and not sent; one that was sent is "
                                              "answered, and the answer is dropped",
                                     .note = "the caller goes on at once either way",
                                     .at_once = false};
    explicit batcher_submit(stage&) {}
    task<std::error_code> wait() {
        auto const reply = co_await rows.submit(7);
        had += reply && *reply == 70;
        co_return reply.error();
    }
    void complete() { written.set(); }
    bool took_effect() const { return answered > had; }
    task<> close() { return rows.close(); }
    bool whole(std::size_t completed) {
        auto const now = rows.figures();
        return had == completed && answered >= had && now.items == answered && now.pending == 0 && now.in_flight == 0;
    }

    event written;
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> had{0};
    batcher<int, int> rows{[this](std::span<int> batch, replies<int>& to) -> task<> {
        static_cast<void>(co_await written.wait());
        for (std::size_t n = 0; n < batch.size(); ++n) to.set(n, batch[n] * 10);
        answered += batch.size();
    }};
};

// Closed while a batch is under way.
struct batcher_close {
    static constexpr description row{.name = "batcher::close, coalescer::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "there is none",
                                     .note = "what is under way uses the object, and is joined",
                                     .serves = audience::lone,
                                     .at_once = false};
    explicit batcher_close(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) { opened.spawn(&ask, this); });
        co_await yield(); // the request is on its way
        co_await rows.close();
        ++closed;
        co_return std::error_code{};
    }
    void complete() { written.set(); }
    task<> close() { return children.join(); }
    bool whole(std::size_t completed) { return closed == completed && rows.figures().in_flight == 0; }

private:
    static task<> ask(batcher_close* self) { static_cast<void>(co_await self->rows.submit(7)); }

    event written;
    std::size_t closed = 0;
    own_scope children;
    batcher<int, int> rows{[this](std::span<int> batch, replies<int>& to) -> task<> {
        static_cast<void>(co_await written.wait());
        for (std::size_t n = 0; n < batch.size(); ++n) to.set(n, batch[n] * 10);
    }};
};

using all_flow = std::tuple<coalescer_get, batcher_submit, batcher_close>;
in_table<all_flow> const lines{group::flow};

} // namespace

TEMPLATE_LIST_TEST_CASE("coalescers and batchers keep the contract of a wait", "", all_flow) { conforms<TestType>(); }
