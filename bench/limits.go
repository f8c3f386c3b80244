package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
)

// limitsOf measures what the hardware allows a side: the bare product of two large matrices by its
// own library, Kernelsmith's through the side of NumPy, which loads the same file; and, with
// Kernelsmith, a copy of memory by all processors.
func (b *bench) limitsOf(ctx context.Context, name string) ([]limit, error) {
	n, size := 4096, 1<<29
	if b.small {
		n, size = 512, 1<<25
	}
	on, library := name, ""
	var all []limit
	if name == kernelsmith {
		on, library = scientific, os.Getenv("KERNELSMITH_OPENBLAS")
		seconds, err := b.alone(ctx, name, "stream", &arguments{N: size})
		if err != nil {
			return nil, err
		}
		all = append(all, limit{name, "memory", 2 * float64(size) / seconds})
		fmt.Fprintf(b.log, "copy of memory: %.1f GB/s read and written\n", all[0].PerSecond/1e9)
		if library == "" || library == "off" {
			return all, nil
		}
	}
	for _, t := range []string{"float32", "float64"} {
		fmt.Fprintf(b.log, "bare product of %s, %s precision:", name, precision(t))
		seconds, err := b.alone(ctx, on, "bare", &arguments{N: n, Type: t, Library: library})
		if err != nil {
			return nil, err
		}
		all = append(all, limit{name, t, 2 * float64(n) * float64(n) * float64(n) / seconds})
		fmt.Fprintf(b.log, " %.0f GFLOP/s\n", all[len(all)-1].PerSecond/1e9)
	}
	return all, nil
}

// alone returns the median of the repetitions of an operation on one side.
func (b *bench) alone(ctx context.Context, name, op string, a *arguments) (float64, error) {
	s, t := b.sides[name], &timing{Side: name}
	if _, err := s.ask(ctx, request{Do: "prepare", Op: op, Args: a}, b.limit); err != nil {
		return 0, err
	}
	var times []float64
	for range b.repetitions {
		r, err := b.once(ctx, s, t)
		if err != nil {
			return 0, err
		}
		times = append(times, r.Seconds)
	}
	_, err := s.ask(ctx, request{Do: "drop"}, b.limit)
	return median(times), err
}

// streamOperation copies N bytes with all processors.
func streamOperation(_ context.Context, a *arguments) (*operation, error) {
	from, to := make([]byte, a.N), make([]byte, a.N)
	for i := range from {
		from[i] = byte(i)
	}
	return &operation{
		work: func(context.Context) error {
			var wait sync.WaitGroup
			parts := runtime.GOMAXPROCS(0)
			for p := range parts {
				wait.Go(func() {
					lo, hi := a.N*p/parts, a.N*(p+1)/parts
					copy(to[lo:hi], from[lo:hi])
				})
			}
			wait.Wait()
			return nil
		},
		values: func() []float64 { return []float64{float64(to[a.N-1])} },
	}, nil
}
