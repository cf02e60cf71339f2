// weir/net.hpp: connections over the network.
#pragma once

#include <weir/net/address.hpp>  // address: parse and print
#include <weir/net/tcp.hpp>      // tcp_listener, tcp_socket, connect_tcp
#include <weir/net/stream.hpp>   // stream: buffered reading and writing
#include <weir/net/sendfile.hpp> // sendfile: from a file into a socket
