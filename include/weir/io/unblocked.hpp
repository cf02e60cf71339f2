// weir/io/unblocked.hpp: a descriptor that does not block for a while, for calls that have no flag to say so.
// The flag is the open file's, so whoever shares it meets EAGAIN meanwhile; the library's operations do not mind.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>

#include <cerrno>
#include <fcntl.h>

namespace weir::inline v0::io {

class unblocked : immovable {
public:
    explicit unblocked(int number) noexcept : number_{number}, before_{::fcntl(number, F_GETFL)} {
        if (before_ >= 0 && !(before_ & O_NONBLOCK)) ::fcntl(number_, F_SETFL, before_ | O_NONBLOCK);
    }
    ~unblocked() {
        if (before_ >= 0 && !(before_ & O_NONBLOCK)) ::fcntl(number_, F_SETFL, before_);
    }
    // False when there is no such descriptor.
    explicit operator bool() const noexcept { return before_ >= 0; }

private:
    int const number_;
    int const before_; // its flags
};

} // namespace weir::io
