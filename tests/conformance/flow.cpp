// tests/conformance/flow.cpp: coalescers, and loaders, which are one over a batcher, keep the contract of a wait.
#include "conformance/conformance.hpp"
#include "conformance/own_scope.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/loader.hpp>
#include <weir/sync/event.hpp>

#include <atomic>
#include <chrono>
#include <span>
#include <tuple>

using namespace weir;
using namespace weir::conformance;

namespace {

// A coalescer whose loader waits for the completion.
struct of_pages {
    explicit of_pages(stage&, coalescer_options options = {})
        : pages{[this](int key) { return load(key); }, options} {}
    void complete() { loaded.set(); }
    task<> close() { return pages.close(); }
    bool whole(std::size_t completed) { return had == completed && pages.figures().in_flight == 0; }

    std::error_code count(result<shared_value<int>> const& page) {
        had += page && **page == 70;
        return page.error();
    }
    task<result<int>> load(int key) {
        auto const waited = co_await loaded.wait();
        if (!waited) co_return waited.error();
        co_return key * 10;
    }

    event loaded;
    std::atomic<std::size_t> had{0};
    coalescer<int, int> pages;
};

struct coalescer_get : of_pages {
    static constexpr description row{.name = "coalescer::get",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it",
                                     .note = "with the last caller the loader is asked to stop; who comes then "
                                             "starts anew",
                                     .at_once = false};
    using of_pages::of_pages;
    task<std::error_code> wait() { co_return count(co_await pages.get(7)); }
};

struct coalescer_get_with : of_pages {
    static constexpr description row{.name = "coalescer::get_with",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it",
                                     .note = "what the function was given lives as long as its flight, "
                                             "whoever leaves",
                                     .at_once = false};
    using of_pages::of_pages;
    task<std::error_code> wait() { co_return count(co_await pages.get_with(7, &load_anew, this)); }

private:
    static task<result<int>> load_anew(int key, of_pages* self) { return self->load(key); }
};

// An older value is kept, and would do for `get`.
struct coalescer_refresh : of_pages {
    static constexpr description row{.name = "coalescer::refresh",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it; what was kept before stays",
                                     .note = "with the last caller the loader is asked to stop",
                                     .at_once = false};
    explicit coalescer_refresh(stage& on) : of_pages{on, keeping()} {}
    task<std::error_code> wait() {
        auto const old = co_await pages.get_with(7, &older);
        if (old) kept = **old == 60 || **old == 70; // the second after a refresh has landed
        co_return count(co_await pages.refresh(7));
    }
    task<> close() {
        closed = true; // which forgets what is kept
        return of_pages::close();
    }
    bool whole(std::size_t completed) {
        auto const now = pages.peek(7);
        bool const stays = !kept || closed || (now && *now == (completed ? 70 : 60));
        return stays && of_pages::whole(completed);
    }

private:
    static coalescer_options keeping() {
        coalescer_options options;
        options.time_to_live = duration::max();
        return options;
    }
    static task<result<int>> older(int) { co_return 60; }
    std::atomic<bool> kept{false};
    bool closed = false;
};

// Closed while something is under way that heeds no stop.
template <class Closed>
struct closed_at_work {
    explicit closed_at_work(stage&) {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        children.open(here, [&](scope& opened) { opened.spawn(&ask, static_cast<Closed*>(this)); });
        for (int n = 0; n < 8; ++n) co_await yield(); // the request is on its way
        co_await static_cast<Closed*>(this)->object.close();
        ++closed;
        co_return std::error_code{};
    }
    void complete() { flag.set(); }
    task<> close() { return children.join(); }
    bool whole(std::size_t completed) { return closed == completed && static_cast<Closed*>(this)->at_rest(); }

protected:
    static task<> patiently(closed_at_work* self) {
        context const& here = co_await this_task();
        context const patient = here.with_stop({});
        co_await use_context(patient);
        static_cast<void>(co_await self->flag.wait());
        co_await use_context(here);
    }

private:
    static task<> ask(Closed* self) { static_cast<void>(co_await self->get()); }

    event flag;
    std::size_t closed = 0;
    own_scope children;
};

struct coalescer_close : closed_at_work<coalescer_close> {
    static constexpr description row{.name = "coalescer::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "there is none",
                                     .note = "the flights use the object; they are stopped, and joined",
                                     .serves = audience::lone,
                                     .at_once = false};
    using closed_at_work::closed_at_work;
    auto get() { return object.get(7); }
    bool at_rest() { return object.figures().in_flight == 0 && object.figures().waiters == 0; }

    coalescer<int, int> object{[this](int key) -> task<result<int>> {
        co_await patiently(this);
        co_return key * 10;
    }};
};

struct loader_get {
    static constexpr description row{.name = "loader::get",
                                     .kind = on_cancel::safe,
                                     .value = "goes to the others who wait for it",
                                     .note = "with the last caller the key is withdrawn, unless it has been sent",
                                     .at_once = false};
    explicit loader_get(stage&) {}
    task<std::error_code> wait() {
        auto const found = co_await rows.get(7);
        had += found && **found == 70;
        co_return found.error();
    }
    void complete() { written.set(); }
    task<> close() { return rows.close(); }
    bool whole(std::size_t completed) {
        return had == completed && rows.flights().in_flight == 0 && rows.batches().pending == 0;
    }

    event written;
    std::atomic<std::size_t> had{0};
    loader<int, int> rows{[this](std::span<int> keys, replies<int>& to) -> task<> {
        static_cast<void>(co_await written.wait());
        for (std::size_t n = 0; n < keys.size(); ++n) to.set(n, keys[n] * 10);
    }};
};

struct loader_close : closed_at_work<loader_close> {
    static constexpr description row{.name = "loader::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "there is none",
                                     .note = "what is under way uses the object, and is joined",
                                     .serves = audience::lone,
                                     .at_once = false};
    using closed_at_work::closed_at_work;
    auto get() { return object.get(7); }
    bool at_rest() { return object.flights().in_flight == 0 && object.batches().in_flight == 0; }

    loader<int, int> object{[this](std::span<int> keys, replies<int>& to) -> task<> {
        co_await patiently(this);
        for (std::size_t n = 0; n < keys.size(); ++n) to.set(n, keys[n] * 10);
    }};
};

using all_flow =
    std::tuple<coalescer_get, coalescer_get_with, coalescer_refresh, coalescer_close, loader_get, loader_close>;
in_table<all_flow> const lines{group::flow};

} // namespace

TEMPLATE_LIST_TEST_CASE("coalescers and loaders keep the contract of a wait", "", all_flow) { conforms<TestType>(); }
