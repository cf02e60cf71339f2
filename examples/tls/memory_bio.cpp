// examples/tls/memory_bio.cpp: the functions that OpenSSL calls for the bytes.
#include "memory_bio.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <span>

namespace tls {

namespace {

wire& wire_of(BIO* bio) noexcept { return *static_cast<wire*>(BIO_get_data(bio)); }

int read(BIO* bio, char* into, std::size_t room, std::size_t* got) {
    auto& bytes = wire_of(bio);
    BIO_clear_retry_flags(bio);
    *got = std::min(room, bytes.in.size());
    if (*got == 0) {
        if (!bytes.ended) BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(into, bytes.in.readable().data(), *got);
    bytes.in.consume(*got);
    return 1;
}

int write(BIO* bio, char const* from, std::size_t size, std::size_t* taken) {
    BIO_clear_retry_flags(bio);
    *taken = 0;
    try {
        wire_of(bio).out.append(std::as_bytes(std::span{from, size}));
    } catch (std::exception const&) { // no memory, which C code passes on as a failed write
        return 0;
    }
    *taken = size;
    return 1;
}

long control(BIO* bio, int command, long, void*) {
    auto const& bytes = wire_of(bio);
    switch (command) {
        case BIO_CTRL_EOF: return bytes.ended && bytes.in.empty();
        case BIO_CTRL_PENDING: return static_cast<long>(bytes.in.size());
        case BIO_CTRL_FLUSH: return 1; // the layer above sends what is written
        default: return 0;
    }
}

bio_method_ptr make_method() noexcept {
    bio_method_ptr method{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of a weir connection")};
    if (!method) return method;
    BIO_meth_set_read_ex(method.get(), &read);
    BIO_meth_set_write_ex(method.get(), &write);
    BIO_meth_set_ctrl(method.get(), &control);
    return method;
}

} // namespace

bio_ptr make_memory_bio(wire& of) noexcept {
    static bio_method_ptr const method = make_method();
    if (!method) return nullptr;
    bio_ptr made{BIO_new(method.get())};
    if (!made) return made;
    BIO_set_data(made.get(), &of);
    BIO_set_init(made.get(), 1);
    return made;
}

} // namespace tls
