// bench/io/go/main.go: the echo server in Go, a goroutine a connection. GOMAXPROCS says how many run at once.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
)

func main() {
	port := flag.Int("port", 0, "port on the loopback address")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	for {
		peer, err := listener.Accept() // which turns Nagle's algorithm off
		if err != nil {
			log.Fatal(err)
		}
		go echo(peer)
	}
}

func echo(peer net.Conn) {
	defer peer.Close()
	buffer := make([]byte, 4096)
	for {
		got, err := peer.Read(buffer)
		if err != nil {
			return
		}
		if _, err = peer.Write(buffer[:got]); err != nil {
			return
		}
	}
}
