// weir/io/fd.hpp: a file descriptor that is closed at the end of its life.
// Each carries a serial number besides, because the kernel gives a closed descriptor's number to the next file: what a
// driver remembers of a number holds only for the serial that it remembers with it.
// Not:      copyable; a copy would share what the kernel keeps of the file.
#pragma once

#include <weir/base/atomic.hpp>

#include <cstdint>
#include <unistd.h>
#include <utility>

namespace weir::inline v0::io {

// A borrowed descriptor.
class fd_ref {
public:
    fd_ref() = default;
    fd_ref(int number, std::uint32_t serial) noexcept : number_{number}, serial_{serial} {}
    int number() const noexcept { return number_; }
    std::uint32_t serial() const noexcept { return serial_; }

private:
    int number_ = -1;
    std::uint32_t serial_ = 0;
};

class fd {
public:
    fd() = default;
    // Takes `number` over; a negative one is nothing.
    explicit fd(int number) noexcept : ref_{number, number < 0 ? 0 : next_serial()} {}
    fd(fd&& other) noexcept : ref_{std::exchange(other.ref_, {})} {}
    fd& operator=(fd&& other) noexcept {
        fd gone{std::move(*this)};
        ref_ = std::exchange(other.ref_, {});
        return *this;
    }
    // Needs: no operation on it in flight.
    ~fd() { reset(); }

    explicit operator bool() const noexcept { return ref_.number() >= 0; }
    int number() const noexcept { return ref_.number(); }
    fd_ref ref() const noexcept { return ref_; }

    void reset() noexcept {
        // Linux frees the number even when close reports EINTR, so it is never tried again.
        if (*this) ::close(std::exchange(ref_, {}).number());
    }
    // Gives the number away.
    int release() noexcept { return std::exchange(ref_, {}).number(); }

private:
    static std::uint32_t next_serial() noexcept {
        static atomic<std::uint32_t> last{0};
        return last.fetch_add(1, relaxed) + 1; // only has to differ
    }

    fd_ref ref_;
};

} // namespace weir::io
