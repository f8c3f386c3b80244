package parallel

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestForCovers(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100} {
		for _, grain := range []int{0, 1, 3, 1000} {
			calls := make([]atomic.Int32, n)
			For(n, grain, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					calls[i].Add(1)
				}
			})
			for i := range calls {
				if c := calls[i].Load(); c != 1 {
					t.Errorf("n = %d, grain %d: index %d came %d times", n, grain, i, c)
				}
			}
		}
	}
}

func TestEachCallsAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls [50]atomic.Int32
	err := Each(ctx, len(calls), func(i int, stop func() bool) error {
		if calls[i].Add(1); i == len(calls)-1 {
			cancel() // after the work is handed out
		}
		return nil
	})
	if err != nil {
		t.Errorf("a context that ends with the work: %v", err)
	}
	for i := range calls {
		if c := calls[i].Load(); c != 1 {
			t.Errorf("index %d came %d times", i, c)
		}
	}
	if err := Each(ctx, 3, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := Each(ctx, 0, nil); err != nil {
		t.Errorf("no work: %v", err)
	}
}

func TestEachReturnsTheFirstError(t *testing.T) {
	for range 100 {
		err := Each(t.Context(), 40, func(i int, _ func() bool) error {
			if i >= 5 {
				return fmt.Errorf("index %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "index 5" {
			t.Fatalf("error %v, want that of index 5", err)
		}
	}
}

// One call waits until another has failed.
func TestStop(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	got := func() (got any) {
		defer func() { got = recover() }()
		_ = Each(t.Context(), 100, func(i int, stop func() bool) error {
			if i == 1 {
				panic("one")
			}
			// With one processor, as in WebAssembly, there is nobody to wait for.
			for i == 0 && runtime.GOMAXPROCS(0) > 1 && !stop() {
			}
			return nil
		})
		return nil
	}()
	if got != "one" {
		t.Errorf("recovered %v, want the panic of a call", got)
	}
}
