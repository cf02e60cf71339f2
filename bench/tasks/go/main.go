// bench/tasks/go/main.go: goroutines that give way, that give a value, and that are waited for.
// `tasks_go WORKERS AT_ONCE WHAT` reads how often to do it, a number a line, and answers each line with the nanoseconds
// that this took and how often it was done.
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

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: tasks_go WORKERS AT_ONCE yield|when_all|join")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	atOnce := number(os.Args[2])
	what, known := map[string]func(int, int) uint64{"yield": yield, "when_all": whenAll, "join": join}[os.Args[3]]
	if !known {
		log.Fatal("no such word")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		times := number(lines.Text())
		start := time.Now()
		sum := what(times, atOnce)
		fmt.Printf("%d %d\n", time.Since(start).Nanoseconds(), sum)
	}
}

func yield(times int, _ int) uint64 {
	sum := uint64(0)
	for n := 0; n < times; n++ {
		runtime.Gosched()
		sum++
	}
	return sum
}

func whenAll(times int, atOnce int) uint64 {
	sum := uint64(0)
	for times > 0 {
		values := make([]uint64, least(times, atOnce))
		var all sync.WaitGroup
		all.Add(len(values))
		for n := range values {
			go func(value *uint64) {
				*value = 1
				all.Done()
			}(&values[n])
		}
		all.Wait()
		for _, value := range values {
			sum += value
		}
		times -= len(values)
	}
	return sum
}

func join(times int, atOnce int) uint64 {
	sum := uint64(0)
	for times > 0 {
		count := least(times, atOnce)
		var all sync.WaitGroup
		all.Add(count)
		for n := 0; n < count; n++ {
			go func() {
				atomic.AddUint64(&sum, 1)
				all.Done()
			}()
		}
		all.Wait()
		times -= count
	}
	return sum
}

func least(one int, other int) int {
	if one < other {
		return one
	}
	return other
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
