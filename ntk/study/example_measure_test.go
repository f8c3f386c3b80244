package study_test

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/study"
)

// How well are handwritten digits learned from 20 of them, and from 100?
func ExampleMeasureRows() {
	digits := data.Digits()
	p := study.Problem(ntk.Must(data.Prepare(digits, *digits.Split, data.MeanNorm{})))
	K := ntk.Must(ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1.4, 0.5)).NTK())
	curve := ntk.Must(study.MeasureRows(context.Background(), K, p,
		study.Subsets{N: []int{20, 100}, Trials: []int{20, 10}, Ridge: 1e-2, Seed: 1}))
	for i, n := range curve.At {
		fmt.Printf("n = %3v: %.2f, standard error %.1g\n", n, curve.Measured[i],
			curve.StandardError[i])
	}
	// Output:
	// n =  20: 0.61, standard error 0.02
	// n = 100: 0.26, standard error 0.004
}
