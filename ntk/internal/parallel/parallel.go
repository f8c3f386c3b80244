// Package parallel divides work among goroutines.
package parallel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls f on consecutive parts of 0 … n-1 that cover it, each of at least grain
// indices, on all processors, and returns when all calls have. What f computes for an
// index must not depend on the parts. A panic of f goes on in the caller's goroutine.
func For(n, grain int, f func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), n/max(grain, 1))
	if workers <= 1 {
		f(0, n)
		return
	}
	together(workers, func(w int) { f(n*w/workers, n*(w+1)/workers) })
}

// Each calls f(0) … f(n-1) on all processors, until ctx ends or a call fails; f's stop tells a
// call that takes long that this is so. Of several errors it returns that of the first
// index: they are handed out in order, so one that was not reached comes after it. A panic
// of f, which may be a caller's function, goes on in the caller's goroutine.
func Each(ctx context.Context, n int, f func(i int, stop func() bool) error) error {
	var next atomic.Int64
	var failed atomic.Bool
	var mutex sync.Mutex
	var first error
	at := n
	stop := func() bool { return failed.Load() || ctx.Err() != nil }
	together(min(n, runtime.GOMAXPROCS(0)), func(int) {
		panics := true
		defer func() {
			if panics {
				failed.Store(true)
			}
		}()
		for !stop() {
			i := int(next.Add(1)) - 1
			if i >= n {
				break
			}
			if err := f(i, stop); err != nil {
				failed.Store(true)
				mutex.Lock()
				if i < at {
					first, at = err, i
				}
				mutex.Unlock()
			}
		}
		panics = false
	})
	if first != nil {
		return first
	}
	if int(next.Load()) < n { // a context that ends after the work is no matter
		return ctx.Err()
	}
	return nil
}

// together calls f(0) … f(n-1) at once and returns when all have. If some panic, the first
// panic goes on in the caller's goroutine.
func together(n int, f func(w int)) {
	var all struct {
		group    sync.WaitGroup
		once     sync.Once
		panicked any
	}
	for w := range n {
		all.group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					all.once.Do(func() { all.panicked = p })
				}
			}()
			f(w)
		})
	}
	all.group.Wait()
	if all.panicked != nil {
		panic(all.panicked)
	}
}
