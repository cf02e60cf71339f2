// weir/io/path.hpp: the name of a file as the kernel wants it, kept by the operation that walks it.
// For:      authors of primitives.
#pragma once

#include <weir/io/fd.hpp>

#include <fcntl.h>
#include <string>
#include <utility>

namespace weir::inline v0::io {

class path {
public:
    // One with a NUL in it, which would end it early, names nothing: it becomes the empty path, and gives ENOENT.
    explicit path(std::string text) noexcept : text_{std::move(text)} {
        if (text_.find('\0') != std::string::npos) text_.clear();
    }
    char const* c_str() const noexcept { return text_.c_str(); }

private:
    std::string text_;
};

// The folder that a relative path begins at when no other is named.
inline fd_ref working_folder() noexcept { return {AT_FDCWD, 0}; }

} // namespace weir::io
