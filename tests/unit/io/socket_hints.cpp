// tests/unit/io/socket_hints.cpp: what is remembered of a socket is not believed of the next one of its number.
#include "support/sockets.hpp"

#include <weir/io/socket_hints.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::test;

TEST_CASE("what is noted holds for that socket, until it is taken back") {
    io::socket_hints hints;
    io::fd_ref const one{5, 100};
    io::fd_ref const far{5000, 101};
    CHECK(!hints.drained(one));
    CHECK(!hints.copies(far));
    hints.note_drained(one, true);
    hints.note_copy(far);
    CHECK(hints.drained(one));
    CHECK(!hints.copies(one));
    CHECK(hints.copies(far));
    CHECK(!hints.drained(far));
    hints.note_drained(one, false);
    CHECK(!hints.drained(one));
}

TEST_CASE("a number that another socket has by now is that of a stranger") {
    io::socket_hints hints;
    hints.note_drained({7, 1}, true);
    hints.note_copy({7, 1});
    io::fd_ref const next{7, 2};
    CHECK(!hints.drained(next));
    CHECK(!hints.copies(next));
    CHECK(!hints.streams(next));
    CHECK(!hints.drained({7, 0})); // no serial: of such a one nothing is known
    CHECK(!hints.streams({7, 0}));
    hints.note_drained({-1, 3}, true); // no socket at all
    CHECK(!hints.drained({-1, 3}));
}

TEST_CASE("the kind of a socket is known once it was asked for") {
    io::socket_hints hints;
    auto const stream = make_pair_of(SOCK_STREAM);
    auto const datagram = make_pair_of(SOCK_DGRAM);
    auto const packets = make_pair_of(SOCK_SEQPACKET);
    CHECK(!hints.streams(stream.near.ref()));
    for (auto const* each : {&stream, &datagram, &packets}) hints.learn_kind(each->near.ref());
    hints.learn_kind(io::fd_ref{});
    CHECK(hints.streams(stream.near.ref()));
    CHECK(!hints.streams(stream.far.ref()));
    CHECK(!hints.streams(datagram.near.ref()));
    CHECK(!hints.streams(packets.near.ref()));
}
