// bench/http/go/main.go: the HTTP contender on Go's net/http, written as one writes it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	port := flag.Int("port", 8080, "port on the loopback address")
	flag.Parse()

	routes := http.NewServeMux()
	routes.HandleFunc("/health", func(reply http.ResponseWriter, _ *http.Request) {
		reply.Header().Set("Content-Type", "application/json")
		io.WriteString(reply, `{"status":"ok"}`) // short enough that net/http adds Content-Length; it adds Date, too
	})
	server := &http.Server{Handler: routes}

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go server.Serve(listener)
	<-stop.Done()

	deadline, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		log.Fatal(err)
	}
}
