package study

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/plotting"
)

func TestLearningCurvesFigure(t *testing.T) {
	n := []float64{10, 20, 50, 100, 200, 500}
	smooth := LearningCurve{Kernel: "1HL ReLU NTK", N: n,
		Predicted: []float64{0.9, 0.7, 0.5, 0.36, 0.25, 0.16}, At: []float64{10, 50, 200},
		Measured: []float64{0.95, 0.48, 0.26}, StandardError: []float64{0.06, 0.02, 0.01}}
	peak := LearningCurve{Kernel: "100 random features", N: n,
		Predicted: []float64{0.91, 0.75, 0.9, math.Inf(1), 0.5, 0.3}, At: []float64{20, 100, 500},
		Measured: []float64{0.8, 40, 0.29}, StandardError: []float64{0.05, 60, 0.01}}
	dots := LearningCurve{Kernel: "Laplace", At: n, Measured: smooth.Predicted}
	f := LearningCurvesFigure("dog against the rest", smooth, peak, dots)
	path := filepath.Join(t.TempDir(), "curves.csv")
	if err := plotting.Save(f, path); err != nil {
		t.Fatal(err)
	}
	b := string(ntk.Must(os.ReadFile(path)))
	// Bars reach a standard error to each side, and down to a tenth where that is below zero.
	for _, want := range []string{",1HL ReLU NTK,line,100,0.36,", ",1HL ReLU NTK,points,50,0.48,",
		",1HL ReLU NTK,line,50,0.46,", ",1HL ReLU NTK,line,50,0.5,",
		",100 random features,line,100,4,", ",100 random features,line,100,100,"} {
		if strings.Count(b, want) == 0 {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	// The ends of one bar, and nothing of the infinite prediction; no bars where there are none.
	for want, times := range map[string]int{",100 random features,line,100,": 2,
		",Laplace,line": 0} {
		if got := strings.Count(b, want); got != times {
			t.Errorf("%d times %q, want %d", got, want, times)
		}
	}
	for says, wrong := range map[string]LearningCurve{
		"6 values of x":   {Kernel: "a", N: n, Predicted: n[:2]},
		"1 values of x":   {Kernel: "a", At: n[:1], Measured: n},
		"standard errors": {Kernel: "a", At: n, Measured: n, StandardError: n[:3]},
		`"a"`:             {Kernel: "a", At: n[:2], Measured: []float64{1, -1}},
	} {
		err := LearningCurvesFigure("", wrong).Err()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
}
