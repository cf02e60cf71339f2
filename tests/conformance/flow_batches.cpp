// tests/conformance/flow_batches.cpp: batchers keep the contract of a wait, also in line, in company and when they close.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <atomic>
#include <span>
#include <tuple>

using namespace weir;
using namespace weir::conformance;

namespace {

// A batcher of one lane, whose handler waits for the completion; and books of what it answered.
template <class Rules = no_rules>
struct of_rows {
    explicit of_rows(stage&) {}
    of_rows(stage&, batcher_options options) : rows{handler{this}, options} {}
    void complete() { written.set(); }
    task<> close() { return rows.close(); }
    bool whole(std::size_t completed) {
        auto const now = rows.figures();
        return had == completed && now.items == answered && now.pending == 0 && now.in_flight == 0;
    }
    std::error_code count(result<int> const& reply) {
        had += reply && *reply == 70;
        return reply.error();
    }

    struct handler {
        of_rows* of;
        task<> operator()(std::span<int> batch, replies<int>& to) {
            static_cast<void>(co_await of->written.wait());
            for (std::size_t n = 0; n < batch.size(); ++n) to.set(n, batch[n] * 10);
            of->answered += batch.size();
        }
    };

    event written;
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> had{0};
    batcher<int, int, Rules> rows{handler{this}};
};

// The first request is on its way, and those that come later are in line.
struct batcher_submit : of_rows<> {
    static constexpr description row{.name = "batcher::submit",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "a request in line is withdrawn and not sent; one that was sent is "
                                              "answered, and the answer is dropped",
                                     .note = "the caller goes on at once either way",
                                     .at_once = false};
    using of_rows::of_rows;
    task<std::error_code> wait() { co_return count(co_await rows.submit(7)); }
    bool took_effect() const { return answered > had; }
    bool whole(std::size_t completed) { return answered >= had && of_rows::whole(completed); }
};

// Nothing is sent before the linger is over, which is when the completion comes.
struct batcher_submit_lingering : of_rows<> {
    static constexpr description row{.name = "batcher::submit, with a linger",
                                     .kind = on_cancel::safe,
                                     .value = "the request is withdrawn and not sent",
                                     .note = "the others linger on; unless it is just being sent",
                                     .at_once = false,
                                     .by_time = true};
    explicit batcher_submit_lingering(stage& on) : of_rows{on, lingering(on)}, place{on} { written.set(); }
    task<std::error_code> wait() { co_return count(co_await rows.submit(7)); }
    void complete() { place.let_due_come(); }
    bool whole(std::size_t completed) { return answered >= had && of_rows::whole(completed); }

private:
    static batcher_options lingering(stage const& on) {
        batcher_options options;
        options.linger = (on.due() - clock::now()) / 2; // it begins with the request
        return options;
    }
    stage& place;
};

// A and B ask for one key, while the lane is busy with a request of another key.
struct shared_by_value {
    int key(int const& one) const noexcept { return one; }
};
struct batcher_submit_shared : of_rows<shared_by_value> {
    static constexpr description row{.name = "batcher::submit, of a key that others have in line",
                                     .kind = on_cancel::safe,
                                     .value = "the request goes with the last who shares it",
                                     .note = "who was first in line leaves its place to the next; once it is sent, as "
                                             "ever",
                                     .at_once = false};
    using of_rows::of_rows;
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        others.open(here, [&](scope& opened) { opened.spawn(&ask_another, this); });
        co_await yield(); // the other request is on its way
        co_return count(co_await rows.submit(7));
    }
    task<> close() {
        co_await others.join();
        co_await rows.close();
    }
    bool whole(std::size_t completed) {
        auto const now = rows.figures();
        return had == completed && now.pending == 0 && now.items == answered && now.items + now.shared >= had;
    }

private:
    static task<> ask_another(batcher_submit_shared* self) { static_cast<void>(co_await self->rows.submit(8)); }
    own_scope others;
};

// A request of somebody else is under way.
template <class Wait>
struct busy_rows : of_rows<> {
    using of_rows::of_rows;
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        others.open(here, [&](scope& opened) { opened.spawn(&ask, this); });
        co_await yield(); // the request is on its way
        co_return co_await static_cast<Wait*>(this)->rest();
    }
    task<> close() {
        co_await others.join();
        co_await rows.close();
    }

private:
    static task<> ask(busy_rows* self) { static_cast<void>(co_await self->rows.submit(7)); }
    own_scope others;
};

struct batcher_drain : busy_rows<batcher_drain> {
    static constexpr description row{.name = "batcher::drain",
                                     .kind = on_cancel::safe,
                                     .value = "there is none; what was sent stays sent",
                                     .at_once = false};
    using busy_rows::busy_rows;
    task<std::error_code> rest() {
        auto const quiet = co_await rows.drain();
        co_return quiet.error();
    }
    bool whole(std::size_t) { return rows.figures().items == answered; }
};

struct batcher_close : busy_rows<batcher_close> {
    static constexpr description row{.name = "batcher::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "there is none",
                                     .note = "what is under way uses the object, and is joined",
                                     .serves = audience::lone,
                                     .at_once = false};
    using busy_rows::busy_rows;
    task<std::error_code> rest() {
        co_await rows.close();
        ++closed;
        co_return std::error_code{};
    }
    bool whole(std::size_t completed) { return closed == completed && rows.figures().in_flight == 0; }

private:
    std::size_t closed = 0;
};

using all_batches =
    std::tuple<batcher_submit, batcher_submit_lingering, batcher_submit_shared, batcher_drain, batcher_close>;
in_table<all_batches> const lines{group::flow};

} // namespace

TEMPLATE_LIST_TEST_CASE("batchers keep the contract of a wait", "", all_batches) { conforms<TestType>(); }
