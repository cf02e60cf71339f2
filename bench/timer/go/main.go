// bench/timer/go/main.go: a thousand goroutines sleep for 50 ms, as often as the argument says; prints nanoseconds.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	times, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	began := time.Now()
	for ; times > 0; times-- {
		var all sync.WaitGroup
		for n := 0; n < 1000; n++ {
			all.Add(1)
			go func() {
				time.Sleep(50 * time.Millisecond)
				all.Done()
			}()
		}
		all.Wait()
	}
	fmt.Println(time.Since(began).Nanoseconds())
}
