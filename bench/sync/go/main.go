// bench/sync/go/main.go: Go's mutex, and channels with room for one as semaphore and event.
// `sync_go WORKERS TASKS WHAT` reads how many operations to do, a number a line, and answers each line with the
// nanoseconds that they took and what the tasks have counted.
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
		log.Fatal("usage: sync_go WORKERS TASKS mutex|semaphore|event")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	tasks := number(os.Args[2])
	what, known := map[string]func(int, int) uint64{"mutex": mutex, "semaphore": semaphore, "event": event}[os.Args[3]]
	if !known {
		log.Fatal("no such primitive")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		times := number(lines.Text())
		start := time.Now()
		sum := what(tasks, times/tasks)
		fmt.Printf("%d %d\n", time.Since(start).Nanoseconds(), sum)
	}
}

func mutex(tasks int, count int) uint64 {
	var lock sync.Mutex
	sum := uint64(0)
	together(tasks, func(int) {
		for n := 0; n < count; n++ {
			lock.Lock()
			sum++
			lock.Unlock()
		}
	})
	return sum
}

func semaphore(tasks int, count int) uint64 {
	permits := make(chan struct{}, 1)
	sum := uint64(0)
	together(tasks, func(int) {
		for n := 0; n < count; n++ {
			permits <- struct{}{}
			sum++
			<-permits
		}
	})
	return sum
}

func event(tasks int, count int) uint64 {
	flags := [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	sum := uint64(0)
	together(tasks, func(me int) {
		mine, others := flags[me], flags[(me+1)%tasks]
		for n := 0; n < count; n++ {
			if me == 0 {
				others <- struct{}{}
			}
			<-mine
			sum++
			if me == 1 {
				others <- struct{}{}
			}
		}
	})
	return sum
}

func together(tasks int, work func(int)) {
	var all sync.WaitGroup
	for me := 0; me < tasks; me++ {
		all.Add(1)
		go func(me int) {
			work(me)
			all.Done()
		}(me)
	}
	all.Wait()
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
