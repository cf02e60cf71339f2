// bench/runtime/go/main.go: goroutines that wake each other across threads, and that are stolen.
// `runtime_go WORKERS WHAT` reads how often to do it, a number a line, and answers each line with the nanoseconds that this
// took and a sum that shows that it was done.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: runtime_go WORKERS wake|pass|pass_apart|steal")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	what, known := map[string]func(int) (time.Duration, uint64){
		"wake":       wake,
		"pass":       func(times int) (time.Duration, uint64) { return pass(times, func() {}) },
		"pass_apart": func(times int) (time.Duration, uint64) { return pass(times, runtime.LockOSThread) },
		"steal":      steal,
	}[os.Args[2]]
	if !known {
		log.Fatal("no such word")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		took, sum := what(number(lines.Text()))
		fmt.Printf("%d %d\n", took.Nanoseconds(), sum)
	}
}

// A goroutine with a thread of its own, as one from outside has it, starts another and waits for its answer.
func wake(times int) (time.Duration, uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	answer := make(chan uint64, 1)
	sum := uint64(0)
	start := time.Now()
	for n := 0; n < times; n++ {
		go func() { answer <- 1 }()
		sum += <-answer
	}
	return time.Since(start), sum
}

func pass(times int, settle func()) (time.Duration, uint64) {
	there, back, done := make(chan uint64, 1), make(chan uint64, 1), make(chan uint64)
	start := time.Now()
	go func() {
		settle()
		for value := range there {
			back <- value + 1
		}
	}()
	go func() {
		settle()
		value := uint64(0)
		for n := 0; n < times; n++ {
			there <- value
			value = <-back
		}
		close(there)
		done <- value
	}()
	value := <-done
	return time.Since(start), value
}

// Starts two and keeps its processor until one of them has begun elsewhere.
func steal(times int) (time.Duration, uint64) {
	took, sum := time.Duration(0), uint64(0)
	for n := 0; n < times; n++ {
		var stolen atomic.Uint64
		done := make(chan bool, 2)
		start := time.Now()
		for each := 0; each < 2; each++ {
			go func() {
				stolen.Add(1)
				done <- true
			}()
		}
		for stolen.Load() == 0 {
		}
		took += time.Since(start)
		sum++
		<-done
		<-done
		for rest := time.Now(); time.Since(rest) < 200*time.Microsecond; {
		}
	}
	return took, sum
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
