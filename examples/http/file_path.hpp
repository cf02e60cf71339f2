// examples/http/file_path.hpp: from the path of a request to a file below a folder, and never to one outside.
// Not:      an access check by name: who may read the folder may read all of it but for hidden files, whose names begin
//           with a dot.
#pragma once

#include <weir/base/result.hpp>
#include <weir/io/fd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace http {

// The path below the folder, without the leading slash: percent-decoded, and none of its names empty but for the last,
// beginning with a dot, or with a slash or a NUL of their own.  Returns: nothing for any other path.
std::optional<std::string> decode_path(std::string_view path);

enum class look_up : bool {
    cached,  // fails with EAGAIN where it would wait for the disk
    patient, // waits; for a thread that may
};

// Opens a file below `folder` for reading. A symbolic link that leads out of it is refused; on kernels before Linux 5.6
// every one is.
// Needs: a path that decode_path gave.  Errors: those of openat2(2); EAGAIN on kernels before 5.12, if cached.
weir::result<weir::io::fd> open_beneath(weir::io::fd_ref folder, std::string const& path, look_up how);

namespace detail {

// As open_beneath, for kernels without openat2.
weir::result<weir::io::fd> walk_beneath(weir::io::fd_ref folder, std::string_view path);

} // namespace detail

} // namespace http
