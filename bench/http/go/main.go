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
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// What /v1/models is answered from: the keys by their text, and the list as it is sent.
type models struct {
	keys map[string]int
	list []byte
}

func (from *models) ServeHTTP(reply http.ResponseWriter, asked *http.Request) {
	reply.Header().Set("Content-Type", "application/json")
	key, isBearer := strings.CutPrefix(asked.Header.Get("Authorization"), "Bearer ")
	if _, isKnown := from.keys[key]; !isBearer || !isKnown {
		reply.WriteHeader(http.StatusUnauthorized)
		io.WriteString(reply, `{"error":"no such key"}`)
		return
	}
	reply.Write(from.list)
}

func main() {
	port := flag.Int("port", 8080, "port on the loopback address")
	keys := flag.String("keys", "", "a file of keys, one a line")
	list := flag.String("models", "", "a file of what /v1/models answers")
	flag.Parse()

	routes := http.NewServeMux()
	routes.HandleFunc("/health", func(reply http.ResponseWriter, _ *http.Request) {
		reply.Header().Set("Content-Type", "application/json")
		io.WriteString(reply, `{"status":"ok"}`) // short enough that net/http adds Content-Length; it adds Date, too
	})
	if *keys != "" {
		known := &models{keys: map[string]int{}, list: read(*list)}
		for number, key := range strings.Fields(string(read(*keys))) {
			known.keys[key] = number
		}
		routes.Handle("/v1/models", known)
	}
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

func read(name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	return text
}
