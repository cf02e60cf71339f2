// bench/flow/batcher/go/main.go: goroutines that send a request with a channel for the answer to one that takes what there
// is, up to 256 at a time, and answers each. A goroutine keeps its channel from request to request.
// `batcher_go WORKERS TASKS` reads how many requests to make, a number a line, and answers each line with the nanoseconds
// that they took and what the answers add up to.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type request struct {
	number uint64
	answer chan uint64
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: batcher_go WORKERS TASKS")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	tasks := number(os.Args[2])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		times := number(lines.Text())
		start := time.Now()
		sum := ask(tasks, uint64(times/tasks))
		fmt.Printf("%d %d\n", time.Since(start).Nanoseconds(), sum)
	}
}

func ask(tasks int, count uint64) uint64 {
	requests := make(chan request, 1024)
	go serve(requests)
	var sum atomic.Uint64
	var all sync.WaitGroup
	for n := 0; n < tasks; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			answer := make(chan uint64, 1)
			mine := uint64(0)
			for n := uint64(0); n < count; n++ {
				requests <- request{n, answer}
				mine += <-answer
			}
			sum.Add(mine)
		}()
	}
	all.Wait()
	close(requests)
	return sum.Load()
}

func serve(requests chan request) {
	batch := make([]request, 0, 256)
	for first := range requests {
		batch = append(batch[:0], first)
	gather:
		for len(batch) < cap(batch) {
			select {
			case one, more := <-requests:
				if !more {
					break gather
				}
				batch = append(batch, one)
			default:
				break gather
			}
		}
		for _, one := range batch {
			one.answer <- 2 * one.number
		}
	}
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil || value < 1 {
		log.Fatal("not a positive number: ", word)
	}
	return value
}
