// weir/net.hpp: addresses, connections, datagrams, names.
// Cancel: a wait that is stopped has sent or received nothing, unless its line says otherwise.
#pragma once

#include <weir/net/address_errc.hpp>    // address_errc: what is wrong with a text that should be an address
#include <weir/net/address.hpp>         // address: parse and print v4, v6, Unix; order, hash
#include <weir/net/socket_option.hpp>   // no_delay, keep_alive, user_timeout ...: set and read
#include <weir/net/socket.hpp>          // socket: descriptor, options, addresses
#include <weir/net/stream_socket.hpp>   // stream_socket; byte_stream, what a stream stands on
#include <weir/net/listener.hpp>        // listener; accepted: connections accepted ahead
#include <weir/net/tcp.hpp>             // tcp_listener, tcp_socket, connect_tcp
#include <weir/net/happy_eyeballs.hpp>  // connect_tcp_any: the first of several addresses that answers
#include <weir/net/stream.hpp>          // basic_stream, stream: buffered reading and writing
#include <weir/net/unix.hpp>            // unix_socket, unix_listener, unix_datagram; open files with messages
#include <weir/net/datagram_socket.hpp> // datagram_socket: what UDP and Unix datagrams share
#include <weir/net/datagram_batch.hpp>  // datagram_batch: many received by one call
#include <weir/net/udp.hpp>             // udp_socket: one by one, and batches (GSO, GRO)
#include <weir/net/resolve_errc.hpp>    // resolve_errc: getaddrinfo's errors in words
#include <weir/net/resolve.hpp>         // resolver: names on the blocking pool, coalesced
#include <weir/net/sendfile.hpp>        // sendfile: from a file into a socket
