// bench/io/servers/raw_uring_multishot.cpp: the echo server as a loop around io_uring_enter, with multishot receives into
// provided buffers, so that a request costs one entry, that of its answer.
// A connection's answers leave one after the other: two sends under way at once might change places.

#include "raw_ring.hpp"

#include <vector>

namespace {

constexpr unsigned buffers = 4096;
constexpr unsigned buffer_size = 2048;
constexpr std::uint16_t none = 0xffff;

struct piece { // what lies in a buffer
    unsigned length = 0;
    unsigned sent = 0;
    std::uint16_t next = none; // of the same connection
};

struct connection {
    std::uint16_t first = none; // under way
    std::uint16_t last = none;
    bool open = false; // its receive is with the kernel, or it waits for buffers
};

class server {
public:
    explicit server(int listener) : listener_{listener}, memory_(std::size_t{buffers} * buffer_size), pieces_(buffers) {
        std::size_t const bytes = buffers * sizeof(io_uring_buf);
        ring_buffers_ = static_cast<io_uring_buf*>(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        io_uring_buf_reg wanted{};
        wanted.ring_addr = reinterpret_cast<std::uint64_t>(ring_buffers_);
        wanted.ring_entries = buffers;
        if (::syscall(SYS_io_uring_register, ring_.file(), IORING_REGISTER_PBUF_RING, &wanted, 1) < 0)
            bench::fail("io_uring_register");
        for (unsigned n = 0; n < buffers; ++n) give_back(static_cast<std::uint16_t>(n));
        accept();
    }
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
            // [ring] the kernel acquires it; the tail is where the first buffer's resv is
            std::atomic_ref{ring_buffers_[0].resv}.store(tail_, std::memory_order_release);
            if (!starving_.empty()) feed();
        }
    }

private:
    enum class what : std::uint8_t { accept, receive, send };
    static std::uint64_t tag(int file, what of) {
        return static_cast<std::uint64_t>(file) << 8 | static_cast<std::uint64_t>(of);
    }
    connection& at(int file) { return connections_[static_cast<std::size_t>(file)]; }
    char* memory_of(std::uint16_t buffer) { return memory_.data() + std::size_t{buffer} * buffer_size; }
    void give_back(std::uint16_t buffer) {
        io_uring_buf& next = ring_buffers_[tail_++ % buffers];
        next.addr = reinterpret_cast<std::uint64_t>(memory_of(buffer));
        next.len = buffer_size;
        next.bid = buffer;
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
        at(done.res) = {none, none, true};
        receive(done.res);
    }
    void receive(int file) {
        io_uring_sqe& into = ring_.entry();
        into.opcode = IORING_OP_RECV;
        into.ioprio = IORING_RECV_MULTISHOT;
        into.flags = IOSQE_BUFFER_SELECT;
        into.fd = file;
        into.buf_group = 0;
        into.user_data = tag(file, what::receive);
    }
    void received(int file, io_uring_cqe const& done) {
        connection& of = at(file);
        if (done.res == -ENOBUFS) { // in a while there will be some again
            starving_.push_back(file);
            return;
        }
        if (done.res <= 0) {
            of.open = false;
            return close_if_over(file);
        }
        auto const buffer = static_cast<std::uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT);
        pieces_[buffer] = {static_cast<unsigned>(done.res), 0, none};
        if (of.first == none) {
            of.first = of.last = buffer;
            send(file);
        } else {
            pieces_[of.last].next = buffer;
            of.last = buffer;
        }
        if (!(done.flags & IORING_CQE_F_MORE)) receive(file);
    }
    void send(int file) {
        std::uint16_t const buffer = at(file).first;
        io_uring_sqe& into = ring_.entry();
        into.opcode = IORING_OP_SEND;
        into.fd = file;
        into.addr = reinterpret_cast<std::uint64_t>(memory_of(buffer) + pieces_[buffer].sent);
        into.len = pieces_[buffer].length - pieces_[buffer].sent;
        into.msg_flags = MSG_NOSIGNAL;
        into.user_data = tag(file, what::send);
    }
    void sent(int file, int count) {
        connection& of = at(file);
        piece& under_way = pieces_[of.first];
        under_way.sent += static_cast<unsigned>(count < 0 ? 0 : count);
        if (count >= 0 && under_way.sent < under_way.length) return send(file);
        std::uint16_t const next = under_way.next;
        give_back(of.first);
        of.first = next;
        if (next != none) send(file); // to a peer that has gone, each fails by itself
        else close_if_over(file);
    }
    void feed() {
        std::vector<int> hungry;
        hungry.swap(starving_);
        for (int const file : hungry) receive(file);
    }
    void close_if_over(int file) {
        if (!at(file).open && at(file).first == none) ::close(file);
    }

    int const listener_;
    bench::raw_ring ring_{1024};
    std::vector<char> memory_;
    std::vector<piece> pieces_; // by buffer
    io_uring_buf* ring_buffers_;
    std::uint16_t tail_ = 0; // wraps
    std::vector<int> starving_;
    std::vector<connection> connections_{64}; // by descriptor
};

} // namespace

int main(int argc, char** argv) { server{bench::listen_at(bench::port_option(argc, argv))}.run(); }
