package train

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Trials trains the runs and returns their traces in the same order. It trains several at a
// time, each on one processor, or one after the other, each on all processors, whichever is
// faster for their size. With the portable arithmetic the traces are the same bytes either
// way. Runs whose models are all Steppers, or that have one [Device], are trained together.
//
// The first run that fails interrupts the others. The traces up to there are returned with its
// error, which has the number of the run, counted from 0. A run that was not begun has a nil
// trace. The Progress functions of several runs may be called at the same time.
func Trials(ctx context.Context, runs []Run) ([]*Trace, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if traces, done, err := together(ctx, cancel, runs); done {
		return traces, err
	}
	workers := 1
	if sideBySide(runs) {
		workers = min(runtime.GOMAXPROCS(0), len(runs))
	}
	traces := make([]*Trace, len(runs))
	var first error
	var lock sync.Mutex
	next := 0
	take := func() (int, bool) {
		lock.Lock()
		defer lock.Unlock()
		if next == len(runs) || first != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				trace, err := runs[i].train(ctx, workers > 1)
				lock.Lock()
				traces[i] = trace
				if err != nil && first == nil {
					first = fmt.Errorf("run %d: %w", i, err)
					cancel()
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	return traces, first
}

// together trains the runs as one set, if their device or their models, as Steppers, can. cancel
// interrupts the context.
func together(
	ctx context.Context, cancel func(), runs []Run,
) (traces []*Trace, done bool, err error) {
	if len(runs) < 2 {
		return nil, false, nil
	}
	for _, r := range runs {
		_, steps := r.Model.(Stepper)
		device := r.Settings.Device
		if device != runs[0].Settings.Device || device == nil && !steps {
			return nil, false, nil
		}
	}
	traces = make([]*Trace, len(runs))
	trials := make([]*Trial, len(runs))
	for i, r := range runs {
		if trials[i], err = r.trial(); err != nil {
			return traces, true, fmt.Errorf("run %d: %w", i, err)
		}
	}
	steps, err := newSteps(trials, false)
	if steps == nil {
		return traces, err != nil, err
	}
	defer release(steps)
	first := -1
	drive(ctx, steps, trials, func(i int) {
		if first < 0 {
			first = i
			cancel()
		}
	})
	for i, t := range trials {
		traces[i] = t.trace
	}
	if first >= 0 {
		err = fmt.Errorf("run %d: %w", first, trials[first].err)
	}
	return traces, true, err
}

// sideBySide reports whether the runs are faster when each is on a processor of its own. They
// are if the products of a step are too small to gain from being divided. On 2 idle
// cores with OpenBLAS, the best of 5 times of two trials on 1024 points side by
// side was, for 4HL ReLU of width 32, 64, 128, 256, 512 and 1024, 2.6, 2.2, 1.5,
// 1.2, 1.0 and 1.1 times as fast as one after the other, and for 1HL nets 1.9 times
// at width 128 and 1.03 to 1.2 times from 512 to 4096. One after the other needs
// the memory of only one run.
func sideBySide(runs []Run) bool {
	if len(runs) < 2 || runtime.GOMAXPROCS(0) < 2 {
		return false
	}
	for _, r := range runs {
		if r.Model == nil || r.Problem.XTrain == nil {
			return false // Train says what is wrong
		}
		points, _ := r.Problem.XTrain.Dims()
		if b := r.Settings.Batch; b > 0 {
			points = min(points, b)
		}
		if float64(points)*r.Model.Describe().Product >= 1<<27 {
			return false
		}
	}
	return true
}
