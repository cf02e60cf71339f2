// tests/model/seam/weir/cpu/pause.hpp: in a model, who spins lets the others go on.
#pragma once

#include "../../../explorer.hpp"

#include <weir/base/platform.hpp>

namespace weir::inline v0 {

inline void pause() noexcept { model::explorer::running()->give_way(); }

class backoff {
public:
    void operator()() noexcept { pause(); }
    bool spins() const noexcept { return true; }
    void reset() noexcept {}
};

} // namespace weir
