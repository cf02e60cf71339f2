// weir/coro/joint.hpp: where several tasks come to their end, and who then says which coroutine goes on.
// A task that was awaited alone goes on with its awaiter. One of several tells a joint instead: a scope, or a fork_join.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>

#include <coroutine>

namespace weir::inline v0 {

class promise_base;

// Needs: to outlive the end of every task that ends here.
class joint : immovable {
public:
    // `ended` is suspended for the last time; from here on its frame is the joint's to keep or to free.
    // Returns: who goes on on this thread; a noop_coroutine for nobody.
    std::coroutine_handle<> end_of(promise_base& ended) noexcept { return end_of_(*this, ended); }

protected:
    using end_function = std::coroutine_handle<> (*)(joint& self, promise_base& ended) noexcept;

    explicit joint(end_function what) noexcept : end_of_{what} {}
    ~joint() = default;

private:
    end_function const end_of_;
};

} // namespace weir
