// bench/forkjoin/go/main.go: problems that divide themselves into goroutines; the last part is a plain call.
// `forkjoin_go WORKERS WHAT` reads how often to solve it, a number a line, and answers each line with the nanoseconds
// that this took and the sum of the answers.
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

const (
	fibNumber    = 30
	skynetLeaves = 1_000_000
	skynetParts  = 10
	queens       = 11
	matrixSide   = 512
	blockSide    = 32
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: forkjoin_go WORKERS fib|skynet|queens|matmul")
	}
	runtime.GOMAXPROCS(number(os.Args[1]))
	problems := map[string]func() uint64{
		"fib":    func() uint64 { return fib(fibNumber) },
		"skynet": func() uint64 { return skynet(0, skynetLeaves) },
		"queens": func() uint64 { return place(board{}) },
		"matmul": newMatrices().solve,
	}
	solve, known := problems[os.Args[2]]
	if !known {
		log.Fatal("no such problem")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		times := number(lines.Text())
		sum := uint64(0)
		start := time.Now()
		for n := 0; n < times; n++ {
			sum += solve()
		}
		fmt.Printf("%d %d\n", time.Since(start).Nanoseconds(), sum)
	}
}

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	left := make(chan uint64, 1)
	go func() { left <- fib(n - 1) }()
	right := fib(n - 2)
	return <-left + right
}

func skynet(first uint64, leaves uint64) uint64 {
	if leaves == 1 {
		return first
	}
	each := leaves / skynetParts
	values := make(chan uint64, skynetParts)
	for n := uint64(0); n+1 < skynetParts; n++ {
		go func(n uint64) { values <- skynet(first+n*each, each) }(n)
	}
	sum := skynet(first+(skynetParts-1)*each, each)
	for n := 0; n+1 < skynetParts; n++ {
		sum += <-values
	}
	return sum
}

// A board with a queen in each of its first rows.
type board struct {
	columns [queens]uint8
	rows    int
}

func (b *board) admits(column int) bool {
	for row := 0; row < b.rows; row++ {
		other := int(b.columns[row])
		apart := b.rows - row
		if other == column || other+apart == column || other == column+apart {
			return false
		}
	}
	return true
}

func (b board) with(column int) board {
	b.columns[b.rows] = uint8(column)
	b.rows++
	return b
}

func place(now board) uint64 {
	if now.rows == queens {
		return 1
	}
	var columns [queens]int
	count := 0
	for column := 0; column < queens; column++ {
		if now.admits(column) {
			columns[count] = column
			count++
		}
	}
	if count == 0 {
		return 0
	}
	values := make(chan uint64, count)
	for _, column := range columns[:count-1] {
		go func(next board) { values <- place(next) }(now.with(column))
	}
	sum := place(now.with(columns[count-1]))
	for n := 0; n+1 < count; n++ {
		sum += <-values
	}
	return sum
}

type matrices struct {
	a, b, c []uint32
}

func newMatrices() *matrices {
	const size = matrixSide * matrixSide
	const apart = 17 * 16 // as in contenders/problem.hpp
	all := make([]uint32, 3*size+2*apart)
	m := &matrices{all[:size], all[size+apart:][:size], all[2*(size+apart):]}
	for n := range m.a {
		m.a[n] = uint32(n % 251)
		m.b[n] = uint32(n % 241)
	}
	return m
}

func (m *matrices) solve() uint64 {
	for n := range m.c {
		m.c[n] = 0
	}
	m.multiply(0, 0, 0, matrixSide)
	sum := uint64(0)
	for n, value := range m.c {
		sum += uint64(value) * uint64(n%239)
	}
	return sum
}

// c += a × b, of the squares with this side that begin at these places.
func (m *matrices) multiply(a int, b int, c int, side int) {
	if side == blockSide {
		m.multiplyBlock(a, b, c)
		return
	}
	half := side / 2
	for k := 0; k < 2; k++ {
		var all sync.WaitGroup
		part := func(i int, j int) {
			m.multiply(a+(i*matrixSide+k)*half, b+(k*matrixSide+j)*half, c+(i*matrixSide+j)*half, half)
		}
		spawn := func(i int, j int) {
			all.Add(1)
			go func() {
				part(i, j)
				all.Done()
			}()
		}
		spawn(0, 0)
		spawn(0, 1)
		spawn(1, 0)
		part(1, 1)
		all.Wait()
	}
}

func (m *matrices) multiplyBlock(a int, b int, c int) {
	for i := 0; i < blockSide; i++ {
		to := m.c[c+i*matrixSide:][:blockSide]
		for k := 0; k < blockSide; k++ {
			factor := m.a[a+i*matrixSide+k]
			from := m.b[b+k*matrixSide:][:blockSide]
			for j := range to {
				to[j] += factor * from[j]
			}
		}
	}
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		log.Fatal(err)
	}
	return value
}
