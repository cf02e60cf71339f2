// weir/base/immovable.hpp: a base for what other threads or frames point to.
#pragma once

namespace weir::inline v0 {

struct immovable {
    immovable() = default;
    immovable(immovable const&) = delete;
    immovable& operator=(immovable const&) = delete;
};

} // namespace weir
