// bench/io/servers/raw_uring.cpp: the echo server as a loop around io_uring_enter; a receive at a time, into the
// connection's own buffer.
// A receive that follows one which has emptied the socket waits first (POLL_FIRST), as it would find nothing.

#include "raw_ring.hpp"

#include <array>
#include <memory>
#include <vector>

namespace {

struct connection {
    std::array<char, 4096> buffer;
    unsigned from = 0; // what of it is still to be sent
    unsigned left = 0;
    bool drained = false;
};

class server {
public:
    explicit server(int listener) : listener_{listener} { accept(); }
    [[noreturn]] void run() {
        for (;;) {
            ring_.enter(1);
            ring_.for_each_completion([this](io_uring_cqe const& done) {
                int const file = static_cast<int>(done.user_data >> 8);
                switch (static_cast<what>(done.user_data & 0xff)) {
                    case what::accept: accepted(done); break;
                    case what::receive: received(file, done); break;
                    case what::send: sent(file, done.res); break;
                }
            });
        }
    }

private:
    enum class what : std::uint8_t { accept, receive, send };
    static std::uint64_t tag(int file, what of) {
        return static_cast<std::uint64_t>(file) << 8 | static_cast<std::uint64_t>(of);
    }
    void accept() {
        io_uring_sqe& into = ring_.entry();
        into.opcode = IORING_OP_ACCEPT;
        into.ioprio = IORING_ACCEPT_MULTISHOT;
        into.fd = listener_;
        into.accept_flags = SOCK_CLOEXEC;
        into.user_data = tag(listener_, what::accept);
    }
    void accepted(io_uring_cqe const& done) {
        if (!(done.flags & IORING_CQE_F_MORE)) accept();
        if (done.res < 0) return;
        bench::set_no_delay(done.res);
        auto const number = static_cast<std::size_t>(done.res);
        if (number >= connections_.size()) connections_.resize(number * 2);
        connections_[number] = std::make_unique<connection>();
        receive(done.res);
    }
    void receive(int file) {
        connection& of = *connections_[static_cast<std::size_t>(file)];
        io_uring_sqe& into = ring_.entry();
        into.opcode = IORING_OP_RECV;
        into.ioprio = of.drained ? IORING_RECVSEND_POLL_FIRST : 0;
        into.fd = file;
        into.addr = reinterpret_cast<std::uint64_t>(of.buffer.data());
        into.len = static_cast<unsigned>(of.buffer.size());
        into.user_data = tag(file, what::receive);
    }
    void received(int file, io_uring_cqe const& done) {
        connection& of = *connections_[static_cast<std::size_t>(file)];
        if (done.res <= 0) return close(file);
        of.drained = !(done.flags & IORING_CQE_F_SOCK_NONEMPTY);
        of.from = 0;
        of.left = static_cast<unsigned>(done.res);
        send(file);
    }
    void send(int file) {
        connection& of = *connections_[static_cast<std::size_t>(file)];
        io_uring_sqe& into = ring_.entry();
        into.opcode = IORING_OP_SEND;
        into.fd = file;
        into.addr = reinterpret_cast<std::uint64_t>(of.buffer.data() + of.from);
        into.len = of.left;
        into.msg_flags = MSG_NOSIGNAL;
        into.user_data = tag(file, what::send);
    }
    void sent(int file, int count) {
        connection& of = *connections_[static_cast<std::size_t>(file)];
        if (count < 0) return close(file);
        of.from += static_cast<unsigned>(count);
        of.left -= static_cast<unsigned>(count);
        if (of.left > 0) send(file);
        else receive(file);
    }
    void close(int file) {
        connections_[static_cast<std::size_t>(file)].reset();
        ::close(file);
    }

    int const listener_;
    bench::raw_ring ring_{256};
    std::vector<std::unique_ptr<connection>> connections_{64}; // by descriptor
};

} // namespace

int main(int argc, char** argv) { server{bench::listen_at(bench::port_option(argc, argv))}.run(); }
