// Package parallel divides loops among goroutines.
package parallel

import (
	"runtime"
	"sync"
)

// For calls f on consecutive parts of 0 … n-1 that cover it, each of at least grain
// indices, on all processors, and returns when all calls have. What f computes for an
// index must not depend on the parts.
func For(n, grain int, f func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), n/max(grain, 1))
	if workers <= 1 {
		f(0, n)
		return
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { f(n*w/workers, n*(w+1)/workers) })
	}
	group.Wait()
}
