// tests/conformance/runtime.cpp: calls on the blocking pool keep the contract of a wait.
#include "conformance/conformance.hpp"

#include <weir/runtime/worker_local.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

// A pool of one thread, which is busy until the wait is completed.
class busy_pool : job {
public:
    busy_pool() : job{[](job& self) noexcept { static_cast<busy_pool&>(self).free_.wait(); }} {
        blocking_options options;
        options.threads = 1;
        pool_.emplace(options);
        refused_ = static_cast<bool>(pool_->offer(*this));
        while (pool_->counts().queued > 0) std::this_thread::yield();
    }
    blocking_pool& pool() { return *pool_; }
    void let_go() { free_.count_down(); }
    // When nothing is queued or running any more.
    bool idle() {
        while (pool_->counts().idle == 0) std::this_thread::yield();
        return !refused_ && pool_->counts().queued == 0;
    }

private:
    std::latch free_{1};
    bool refused_ = false;
    std::optional<blocking_pool> pool_; // ends first, and waits for the job
};

struct blocking_function {
    static constexpr description row{.name = "blocking",
                                     .kind = on_cancel::loses_place,
                                     .value = "a call that has not begun never happens; of one that has, it is given",
                                     .note = "a call that has begun is waited for: see with_interrupt",
                                     .in_kernel = true};
    explicit blocking_function(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await blocking(busy.pool(), [](std::atomic<int>* happened, std::unique_ptr<int> one) {
            ++*happened;
            return one;
        }, &calls, std::make_unique<int>(1));
        if (got && *got && **got == 1) ++received;
        co_return got.error();
    }
    void complete() { busy.let_go(); }
    bool whole(std::size_t completed) {
        return busy.idle() && received == completed && static_cast<std::size_t>(calls.load()) == completed;
    }

    busy_pool busy;
    std::atomic<int> calls{0};
    std::atomic<std::size_t> received{0};
};

struct local_with {
    static constexpr description row{.name = "worker_local::with",
                                     .kind = on_cancel::loses_place,
                                     .value = "as of blocking; the resource is reset in any case",
                                     .in_kernel = true};
    explicit local_with(stage&) : locals{[] { return 0; }, [this](int&) { ++resets; }, here()} {}
    task<std::error_code> wait() {
        auto const got = co_await locals.with([](int& its) { return ++its; });
        if (got) ++received;
        co_return got.error();
    }
    void complete() { busy.let_go(); }
    bool whole(std::size_t completed) {
        auto const counts = locals.counts();
        return busy.idle() && received == completed && resets == completed && counts.made + counts.reused == completed;
    }

private:
    worker_local_options here() {
        worker_local_options options;
        options.pool = &busy.pool();
        return options;
    }

    busy_pool busy;
    std::atomic<std::size_t> resets{0};
    std::atomic<std::size_t> received{0};
    worker_local<int> locals;
};

using all_of_the_runtime = std::tuple<blocking_function, local_with>;
in_table<all_of_the_runtime> const lines{group::tasks};

} // namespace

TEMPLATE_LIST_TEST_CASE("calls on the blocking pool keep the contract of a wait", "", all_of_the_runtime) {
    conforms<TestType>();
}
