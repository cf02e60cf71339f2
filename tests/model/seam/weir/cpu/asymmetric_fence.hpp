// tests/model/seam/weir/cpu/asymmetric_fence.hpp: in a model, a heavy fence is one that every thread has run at that
// moment, as far as its light fences allow: it sees what stands before each thread's last light fence, and what stands
// behind a thread's next one sees what stands before the heavy one.
#pragma once

#include "../../../explorer.hpp"

#include <weir/base/atomic.hpp>

#include <array>

namespace weir::inline v0 {

class asymmetric_fence {
public:
    asymmetric_fence() noexcept : kernel_helps_{helps_from_now_on()} {}

    // What the models that are made from now on find.
    static bool& helps_from_now_on() noexcept {
        static bool helps = true;
        return helps;
    }

    void light() const noexcept {
        if (!kernel_helps_) return store_load_fence();
        auto& engine = *model::explorer::running();
        if (engine.thread() < 0) return;
        auto& mine = passed_[static_cast<std::size_t>(engine.thread())];
        mine = engine.time();
        model::join(mine, engine.sees());
        model::join(engine.sees(), settled_);
    }
    void heavy() const noexcept {
        store_load_fence(); // a step; what follows belongs to it
        if (!kernel_helps_) return;
        auto& engine = *model::explorer::running();
        for (auto const& each : passed_) model::join(engine.sees(), each);
        model::join(settled_, engine.sees());
        model::join(settled_, engine.time());
    }
    bool kernel_helps() const noexcept { return kernel_helps_; }

private:
    bool const kernel_helps_;
    mutable std::array<model::clock_vector, model::max_threads> passed_{}; // what stands before each one's last light fence
    mutable model::clock_vector settled_{}; // and before the heavy ones
};

} // namespace weir
