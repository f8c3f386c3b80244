package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
)

// An operation is ready to run: work does all of it, values are the numbers of its last result
// that are compared, and seconds, if not nil, is what its last run measured itself.
type operation struct {
	work    func(ctx context.Context) error
	values  func() []float64
	seconds func() float64
}

type operationOf func(ctx context.Context, a *arguments) (*operation, error)

// A server is a side of Kernelsmith's: its operations, by the names that all sides have for them,
// and what it says of itself.
type server struct {
	operations map[string]operationOf
	about      func() (map[string]string, error)
}

// plainSide is that of the processor.
var plainSide = server{operations, func() (map[string]string, error) {
	return map[string]string{"Go": runtime.Version(), "arithmetic": ntk.BLAS()}, nil
}}

var operations = map[string]operationOf{
	"conv":        convOperation,
	"curve":       curveOperation,
	"design":      designOperation,
	"eigenvalues": eigenvaluesOperation,
	"empirical":   empiricalOperation,
	"gaussian":    gaussianOperation,
	"gram":        gramOperation,
	"learn":       learnOperation,
	"predict":     predictOperation,
	"series":      seriesOperation,
	"solve":       solveOperation,
	"stream":      streamOperation,
	"train":       trainOperation,
	"trials": func(_ context.Context, a *arguments) (*operation, error) {
		return trialsOperation(a, nil)
	},
}

// serve answers requests until there are no more.
func (side server) serve(ctx context.Context, from io.Reader, to io.Writer) error {
	lines := bufio.NewReader(from)
	var ready *operation
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var q request
		r := new(reply)
		if err := json.Unmarshal(line, &q); err != nil {
			r.Error = err.Error()
		} else if r, err = side.answer(ctx, &q, &ready); err != nil {
			r = &reply{Error: err.Error()}
			ready = nil
		}
		b, err := json.Marshal(r)
		if err != nil {
			b, _ = json.Marshal(reply{Error: err.Error()})
		}
		if _, err := to.Write(append(b, '\n')); err != nil {
			return err
		}
	}
}

func (side server) answer(
	ctx context.Context, q *request, ready **operation,
) (*reply, error) {
	switch q.Do {
	case "about":
		versions, err := side.about()
		return &reply{Threads: runtime.GOMAXPROCS(0), Versions: versions}, err
	case "prepare":
		*ready = nil
		debug.FreeOSMemory()
		start := time.Now()
		known := side.operations[q.Op]
		if known == nil || q.Args == nil {
			return nil, fmt.Errorf("bench: there is no operation %q", q.Op)
		}
		op, err := known(ctx, q.Args)
		if err == nil && !q.Args.Cold {
			err = op.work(ctx)
		}
		if err != nil {
			return nil, err
		}
		*ready = op
		return &reply{Seconds: time.Since(start).Seconds()}, nil
	case "run":
		if *ready == nil {
			return nil, fmt.Errorf("bench: nothing is prepared")
		}
		return repeat(ctx, *ready, q.Least)
	case "drop":
		*ready = nil
		debug.FreeOSMemory()
		return new(reply), nil
	}
	return nil, fmt.Errorf("bench: there is no request %q", q.Do)
}

// repeat runs the operation for at least so many seconds and returns the median of its runs.
func repeat(ctx context.Context, op *operation, least float64) (*reply, error) {
	var times []float64
	for sum := 0.; len(times) == 0 || sum < least && len(times) < 1000; {
		runtime.GC()
		start := time.Now()
		if err := op.work(ctx); err != nil {
			return nil, err
		}
		took := time.Since(start).Seconds()
		sum += took
		if op.seconds != nil {
			took = op.seconds()
		}
		times = append(times, took)
	}
	r := &reply{Seconds: median(times), Calls: len(times), Values: op.values()}
	debug.FreeOSMemory() // the other sides need it
	return r, nil
}

// median returns the middle of the numbers, which are not changed.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
