package regress

import (
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/tiled"
	"gonum.org/v1/gonum/blas"
)

func processors() int { return runtime.GOMAXPROCS(0) }

// meter adds up the work of a solution, in microseconds of one processor.
type meter struct {
	tell func(done, total int)
	// tile is the time of a tile of the kernel, and of an addition or multiplication in
	// a product of either precision.
	tile, single, double float64

	lock        sync.Mutex
	done, total float64
}

// newMeter takes the times if somebody wants to know them; one computes a tile.
func newMeter(tell func(done, total int), one func() error) (*meter, error) {
	m := &meter{tell: tell}
	if tell == nil {
		return m, nil
	}
	start := time.Now()
	if err := one(); err != nil {
		return nil, err
	}
	m.tile = microseconds(start)
	m.single, m.double = timeOfOperation[float32](), timeOfOperation[float64]()
	return m, nil
}

func microseconds(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1e3 }

// timeOfOperation times a product.
func timeOfOperation[T accel.Float]() float64 {
	const n = 256
	a, best := make([]T, 3*n*n), math.Inf(1)
	for range 2 { // the first one loads the library's code
		start := time.Now()
		accel.SerialOf[T]().Gemm(blas.NoTrans, blas.Trans, n, n, n, 1, a, n, a[n*n:], n, 0,
			a[2*n*n:], n)
		best = math.Min(best, microseconds(start)/(2*n*n*n))
	}
	return best
}

// pass is the time of all tiles on and below the diagonal of n rows.
func (m *meter) pass(n int) float64 {
	tiles := float64(n) / tiled.Size
	return m.tile * math.Max(1, tiles*(tiles+1)/2)
}

// operation is the time of an addition or multiplication.
func (m *meter) operation(single bool) float64 {
	if single {
		return m.single
	}
	return m.double
}

// step is the time of a tile that is done.
func (m *meter) step() { m.add(m.tile) }

// add tells of work that is done.
func (m *meter) add(work float64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.done += work
	m.report()
}

// left says how much there is still to do, as far as that can be told.
func (m *meter) left(work float64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.total = m.done + work
	m.report()
}

func (m *meter) report() {
	if m.tell != nil {
		m.total = math.Max(m.total, m.done)
		m.tell(int(m.done), int(math.Ceil(m.total)))
	}
}
