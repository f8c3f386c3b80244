package study_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"github.com/kernelsmith/kernelsmith/ntk/train"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// Two records are asked for. The first time both are made, after that they are loaded.
func ExampleMake() {
	folder, err := os.MkdirTemp("", "study")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chdir(folder); err != nil {
		log.Fatal(err)
	}
	s, err := study.Open("04")
	if err != nil {
		log.Fatal(err)
	}
	width := study.AtScale(s, 4096, 512)
	square := func(n int) study.Task[int] {
		return study.Task[int]{
			Label: fmt.Sprintf("square-%d", n),
			Key:   struct{ N int }{n},
			Run: func(context.Context, string, func(study.Report)) (int, error) {
				return n * n, nil
			},
		}
	}
	missing, err := study.Missing(s, square(3), square(width))
	if err != nil {
		log.Fatal(err)
	}
	squares, err := study.Make(s, "squaring", "squares", square(3), square(width))
	fmt.Println(s, s.Scale(), len(missing), squares, err)
	// Output: 04 at quick scale quick 2 [9 262144] <nil>
}

// Three narrow nets, twice each, beside what they go to at infinite width.
func ExampleRuns() {
	folder := ntk.Must(os.MkdirTemp("", "study"))
	defer os.RemoveAll(folder)
	ntk.Must(0, os.Chdir(folder))
	s := ntk.Must(study.Open("wines"))
	wine := ntk.Must(s.Dataset("wine-quality-red", data.Wine))
	rows := ntk.Must(data.Prepare(wine, *wine.Split, data.MeanNorm{}))
	runs := study.Runs{
		Nets: []study.Net{
			{Name: "1HL ReLU", Arch: ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1.4, 0.1))},
			{Name: "1HL mimic", Arch: ntk.Must(ntk.UniformFCN(1, ntk.PublishedMimic(), 1, 0))},
		},
		Data: study.Problem(rows), Width: 32, Trials: 2,
		Settings: train.Settings{LearningRate: 0.05, Epochs: 10},
	}
	traces, limits := ntk.Must(runs.Train(s)), ntk.Must(runs.Limits(s, nil))
	plotting.Show(study.Curves(traces, limits), "Mean over two trials.")
	m, _ := traces.At("1HL ReLU", 0)
	fmt.Println(traces.Names(), traces.Trials(), m.TrainLoss)
	fmt.Println(len(ntk.Must(study.Missing(s, runs.Tasks()...))), runs.Nets[0].RecordLabel("gram"))
	// Output:
	// [1HL ReLU 1HL mimic] trials: 1HL ReLU 2, 1HL mimic 2 1
	// 0 1HL-ReLU-gram
}

// A table of the runs: their seeds, sizes, times and the arithmetic that they had.
func ExampleResults_ShowRuns() {
	var traces *study.Results // as Runs.Train returns them
	if traces != nil {
		traces.ShowRuns("Runs of this page.")
	}
}
