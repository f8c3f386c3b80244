package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/device"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// deviceSide is Kernelsmith's side on a device: the same program in another process.
var deviceSide = server{
	operations: map[string]operationOf{
		"solve": deviceSolveOperation,
		"trials": func(_ context.Context, a *arguments) (*operation, error) {
			d, err := device.Open()
			if err != nil {
				return nil, err
			}
			return trialsOperation(a, d)
		},
	},
	about: func() (map[string]string, error) {
		d, err := device.Open()
		if err != nil {
			return nil, err
		}
		return map[string]string{deviceKey: d.String()}, nil
	},
}

// deviceKey is what sides name their device by, beside their versions.
const deviceKey = "on"

// snapshotsOf are the epochs whose losses are compared, the last one before the last step.
func snapshotsOf(steps int) []int { return []int{(steps - 1) / 10, (steps - 1) / 3, steps - 1} }

// trialsOperation is steps of gradient descent on all points, in all trials; nil is no device.
// What is timed are the steps after the first, for all trials together.
func trialsOperation(a *arguments, d train.Device) (*operation, error) {
	problem, err := problemOf(a)
	if err != nil {
		return nil, err
	}
	var lock sync.Mutex
	var first, last time.Time
	settings := train.Settings{
		LearningRate: a.Rate, Epochs: a.Steps, Snapshots: snapshotsOf(a.Steps), Device: d,
		Progress: func(train.Progress) {
			lock.Lock()
			defer lock.Unlock()
			if last = time.Now(); first.IsZero() {
				first = last
			}
		},
	}
	var runs []train.Run
	for trial := range a.Trials {
		model, err := modelOf(a, trial)
		if err != nil {
			return nil, err
		}
		runs = append(runs, train.Run{Model: model, Problem: problem, Settings: settings})
	}
	var traces []*train.Trace
	return &operation{
		work: func(ctx context.Context) error {
			first = time.Time{}
			if traces, err = train.Trials(ctx, runs); err != nil {
				return err
			}
			if at := traces[0].Arithmetic; d != nil && at != d.String() {
				return fmt.Errorf("bench: trained with %s, not on the device: %q", at,
					traces[0].Notes)
			}
			return nil
		},
		values: func() (losses []float64) {
			for _, t := range traces {
				for _, p := range t.Points {
					losses = append(losses, p.TrainLoss)
				}
			}
			return losses
		},
		seconds: func() float64 { return last.Sub(first).Seconds() / float64(a.Steps-1) },
	}, nil
}

// deviceSolveOperation is solveOperation by device.Regress, whose ridge is no share of the
// diagonal.
func deviceSolveOperation(_ context.Context, a *arguments) (*operation, error) {
	d, err := device.Open()
	if err != nil {
		return nil, err
	}
	x, err := read[float64](a.X)
	if err != nil {
		return nil, err
	}
	y, err := matrix(a.Y, a.N, a.Outputs)
	if err != nil {
		return nil, err
	}
	z, err := read[float64](a.Z)
	if err != nil {
		return nil, err
	}
	var f *mat.Dense
	return &operation{
		work: func(ctx context.Context) error {
			K, err := kernelOf(a.Net)
			if err != nil {
				return err
			}
			top, err := K.Curve([]float64{1})
			if err != nil {
				return err
			}
			f, err = d.Regress(ctx, K, ntk.Inputs[float64]{Rows: x, N: a.N, D: a.D}, y,
				ntk.Inputs[float64]{Rows: z, N: a.M, D: a.D}, a.Ridge*top[0])
			return err
		},
		values: func() []float64 { return numbersOf(a.M, a.Outputs, f.RawMatrix().Data) },
	}, nil
}
