// tests/unit/flow/told_time.hpp: a clock for options.now that goes when the test says so.
#pragma once

#include <weir/coro/context.hpp>

namespace weir::test {

// One at a time.
class told_time {
public:
    told_time() noexcept { now_ = time_point{std::chrono::hours{1000}}; }
    static time_point now() noexcept { return now_; }
    void pass(duration length) noexcept { now_ += length; }

private:
    inline static time_point now_;
};

} // namespace weir::test
