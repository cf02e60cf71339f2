// bench/flow/coalescer_go/main.go: Go's singleflight, over a map with a mutex, or over ristretto as the cache.
// `coalescer_go WORKERS CACHE WORK NUMBER` with CACHE `map` or `ristretto` and WORK one of
//
//	same      asks for one key that is kept; NUMBER says nothing
//	fresh     asks for a key that nobody has asked for, and that is not kept
//	crowd     NUMBER goroutines ask for one key whose load ends when all have asked
//	zipf      a goroutine on each worker asks for keys by Zipf's law; NUMBER is how many are kept
//
// reads how many operations to do, a number a line, and answers each line with the nanoseconds that they took and the sum
// of what was got; a 0 is answered with how often it has had to load so far.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"golang.org/x/sync/singleflight"
)

type cache interface {
	get(key uint64) (*uint64, bool)
	put(key uint64, value *uint64)
}

type locked struct {
	lock sync.RWMutex
	kept map[uint64]*uint64
}

func (c *locked) get(key uint64) (*uint64, bool) {
	c.lock.RLock()
	value, found := c.kept[key]
	c.lock.RUnlock()
	return value, found
}

func (c *locked) put(key uint64, value *uint64) {
	c.lock.Lock()
	c.kept[key] = value
	c.lock.Unlock()
}

type admitting struct {
	kept *ristretto.Cache[uint64, *uint64]
}

func (c *admitting) get(key uint64) (*uint64, bool) { return c.kept.Get(key) }
func (c *admitting) put(key uint64, value *uint64)  { c.kept.Set(key, value, 1) }

type coalescer struct {
	kept  cache
	group singleflight.Group
	loads atomic.Uint64
}

func (c *coalescer) get(key uint64) *uint64 {
	if value, found := c.kept.get(key); found {
		return value
	}
	value, _, _ := c.group.Do(strconv.FormatUint(key, 10), func() (any, error) {
		c.loads.Add(1)
		made := key + 1
		c.kept.put(key, &made)
		return &made, nil
	})
	return value.(*uint64)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: coalescer_go WORKERS map|ristretto same|fresh|crowd|zipf NUMBER")
	}
	workers := number(os.Args[1])
	runtime.GOMAXPROCS(workers)
	many := number(os.Args[4])
	asked := &coalescer{kept: makeCache(os.Args[2], many)}
	works := map[string]func(int) uint64{
		"same":  func(times int) uint64 { return same(asked, times) },
		"fresh": func(times int) uint64 { return fresh(asked, times) },
		"crowd": func(times int) uint64 { return crowd(asked, many, times) },
	}
	if os.Args[3] == "zipf" {
		walk := newWalk(asked, workers)
		works["zipf"] = walk.run
	}
	work, known := works[os.Args[3]]
	if !known {
		log.Fatal("no such work")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		times := number(lines.Text())
		if times == 0 {
			fmt.Printf("0 %d\n", asked.loads.Load())
			continue
		}
		start := time.Now()
		sum := work(times)
		fmt.Printf("%d %d\n", time.Since(start).Nanoseconds(), sum)
	}
}

func makeCache(name string, capacity int) cache {
	if name == "map" {
		return &locked{kept: map[uint64]*uint64{}}
	}
	made, err := ristretto.NewCache(&ristretto.Config[uint64, *uint64]{
		NumCounters: int64(10 * capacity), MaxCost: int64(capacity), BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	return &admitting{kept: made}
}

func same(asked *coalescer, times int) uint64 {
	sum := uint64(0)
	for n := 0; n < times; n++ {
		sum += *asked.get(1)
	}
	return sum
}

func fresh(asked *coalescer, times int) uint64 {
	sum := uint64(0)
	for n := 0; n < times; n++ {
		value, _, _ := asked.group.Do(strconv.Itoa(n), func() (any, error) {
			made := uint64(1)
			return &made, nil
		})
		sum += *value.(*uint64)
	}
	return sum
}

func crowd(asked *coalescer, many int, times int) uint64 {
	sum := atomic.Uint64{}
	for ; times > 0; times-- {
		var all sync.WaitGroup
		all.Add(many)
		begun := atomic.Int64{}
		open := make(chan struct{})
		for n := 0; n < many; n++ {
			go func() {
				if begun.Add(1) == int64(many) {
					close(open)
				}
				value, _, _ := asked.group.Do("1", func() (any, error) {
					<-open
					made := uint64(1)
					return &made, nil
				})
				sum.Add(*value.(*uint64))
				all.Done()
			}()
		}
		all.Wait()
	}
	return sum.Load()
}

// The keys that bench/flow/flow.cpp draws.
type walk struct {
	asked  *coalescer
	traces [][]uint64
	at     int
}

const keys, length = 1000000, 1 << 20

func newWalk(asked *coalescer, workers int) *walk {
	shares := make([]float64, keys)
	sum := 0.0
	for n := range shares {
		sum += 1 / math.Pow(float64(n+1), 0.99)
		shares[n] = sum
	}
	made := &walk{asked: asked}
	for w := 0; w < workers; w++ {
		trace := make([]uint64, length)
		state := uint64(w + 1)
		for n := range trace {
			state += 0x9E3779B97F4A7C15
			hash := state
			hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9
			hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb
			hash ^= hash >> 31
			drawn := float64(hash>>11) / (1 << 53) * sum
			trace[n] = uint64(min(sort.SearchFloat64s(shares, drawn), keys-1))
		}
		made.traces = append(made.traces, trace)
	}
	return made
}

func (w *walk) run(times int) uint64 {
	sum := atomic.Uint64{}
	var all sync.WaitGroup
	for _, trace := range w.traces {
		all.Add(1)
		go func(trace []uint64) {
			mine := uint64(0)
			for n := w.at; n < w.at+times; n++ {
				mine += *w.asked.get(trace[n%length])
			}
			sum.Add(mine)
			all.Done()
		}(trace)
	}
	all.Wait()
	w.at += times
	return sum.Load()
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
