// bench/channel/go/main.go: Go's channels. `channel_go WORKERS ROOM PAIRS` reads how many items to send, a number a line,
// and answers each line with the nanoseconds that it took and the sum of what was received.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: channel_go WORKERS ROOM PAIRS")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	room := number(os.Args[2])
	pairs := number(os.Args[3])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		took, sum := transfer(room, pairs, uint64(number(lines.Text())))
		fmt.Printf("%d %d\n", took.Nanoseconds(), sum)
	}
}

func transfer(room int, pairs int, times uint64) (time.Duration, uint64) {
	start := time.Now()
	values := make(chan uint64, room)
	sums := make(chan uint64, pairs)
	var sending sync.WaitGroup
	for pair := 0; pair < pairs; pair++ {
		sending.Add(1)
		go func() {
			sum := uint64(0)
			for value := range values {
				sum += value
			}
			sums <- sum
		}()
		go func() {
			for value := uint64(1); value <= times/uint64(pairs); value++ {
				values <- value
			}
			sending.Done()
		}()
	}
	sending.Wait()
	close(values)
	sum := uint64(0)
	for pair := 0; pair < pairs; pair++ {
		sum += <-sums
	}
	return time.Since(start), sum
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
