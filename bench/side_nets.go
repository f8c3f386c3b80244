package main

import (
	"context"
	"fmt"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk/fcn"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"gonum.org/v1/gonum/mat"
)

// modelOf is the net of finite width that a row is about, in a trial, from 0.
func modelOf(a *arguments, trial int) (fcn.Model, error) {
	arch, err := architecture(a.Net)
	return fcn.Model{Arch: arch, Config: fcn.Config{Inputs: a.D, Width: a.Width,
		Outputs: a.Outputs, Seed: uint64(trial + 1)}}, err
}

// saveNet writes the net of a trial for all sides to read.
func saveNet(path string, a *arguments, trial int) error {
	model, err := modelOf(a, trial)
	if err != nil {
		return err
	}
	net, err := fcn.New(model.Arch, model.Config)
	if err != nil {
		return err
	}
	return net.Save(path)
}

// single reads a file of numbers in single precision as a matrix, which holds them exactly.
func single(path string, rows, columns int) (*mat.Dense, error) {
	v, err := read[float32](path)
	if err != nil {
		return nil, err
	}
	wide := make([]float64, len(v))
	for i := range v {
		wide[i] = float64(v[i])
	}
	return mat.NewDense(rows, columns, wide), nil
}

func loadNet(a *arguments) (*fcn.Net, error) {
	arch, err := architecture(a.Net)
	if err != nil {
		return nil, err
	}
	return fcn.Load(a.File, arch)
}

// empiricalOperation is the NTK of a net of finite width between all pairs of N points.
func empiricalOperation(_ context.Context, a *arguments) (*operation, error) {
	x, err := single(a.X, a.N, a.D)
	if err != nil {
		return nil, err
	}
	net, err := loadNet(a)
	if err != nil {
		return nil, err
	}
	var k *mat.Dense
	return &operation{
		work: func(context.Context) error {
			k, err = net.EmpiricalNTK(x, x, 0)
			return err
		},
		values: func() []float64 { return numbersOf(a.N, a.N, k.RawMatrix().Data) },
	}, nil
}

// problemOf is what a row trains on; a point of it to test on, since that is not what is timed.
func problemOf(a *arguments) (train.Problem, error) {
	x, err := single(a.X, a.N, a.D)
	if err != nil {
		return train.Problem{}, err
	}
	y, err := single(a.Y, a.N, a.Outputs)
	if err != nil {
		return train.Problem{}, err
	}
	few := func(m *mat.Dense, columns int) *mat.Dense {
		return m.Slice(0, 1, 0, columns).(*mat.Dense)
	}
	return train.Problem{XTrain: x, YTrain: y, XTest: few(x, a.D), YTest: few(y, a.Outputs)}, nil
}

// trainOperation is steps of gradient descent on all points. What is timed are the steps after the
// first.
func trainOperation(_ context.Context, a *arguments) (*operation, error) {
	problem, err := problemOf(a)
	if err != nil {
		return nil, err
	}
	start, err := loadNet(a)
	if err != nil {
		return nil, err
	}
	var loss, perStep float64
	return &operation{
		work: func(ctx context.Context) error {
			var first, last time.Time
			_, err := train.Train(ctx, start.Clone(), problem, train.Settings{
				LearningRate: a.Rate, Epochs: a.Steps, Snapshots: []int{0, a.Steps},
				Progress: func(p train.Progress) {
					if last = time.Now(); first.IsZero() {
						first = last
					}
					loss = p.TrainLoss
				},
			})
			if err == nil && a.Steps < 2 {
				err = fmt.Errorf("bench: fewer than two steps")
			}
			perStep = last.Sub(first).Seconds() / float64(a.Steps-1)
			return err
		},
		values:  func() []float64 { return []float64{loss} },
		seconds: func() float64 { return perStep },
	}, nil
}
