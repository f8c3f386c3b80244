//go:build verify

package regress_test

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

func TestTmp(t *testing.T) {
	const n, m, d = 60000, 3000, 100
	r := rand.New(rand.NewPCG(1, 1))
	x := ntk.Inputs[float32]{Rows: make([]float32, n*d), N: n, D: d}
	y := mat.NewDense(n, 1, nil)
	for i := range n {
		s := 0.
		row := x.Rows[i*d : i*d+d]
		for j := range row {
			v := r.NormFloat64() / float64(1+j) // decaying covariance
			row[j] = float32(v)
			s += v * v
		}
		for j := range row {
			row[j] *= float32(math.Sqrt(d / s))
		}
		y.Set(i, 0, math.Sin(float64(row[0]))+float64(row[1]*row[2])*.1+r.NormFloat64()*.1)
	}
	z := ntk.Inputs[float32]{Rows: x.Rows[:m*d], N: m, D: d}
	z64 := ntk.Inputs[float64]{Rows: make([]float64, m*d), N: m, D: d}
	for i := range z64.Rows {
		z64.Rows[i] = float64(z.Rows[i])
	}
	K := ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK())
	for _, ridge := range []float64{30} {
		c, w := cpu(), time.Now()
		fit, err := regress.FitLandmarks(t.Context(), ntk.Must(ntk.CrossTiles(t.Context(), K, x, z)), ntk.Must(ntk.GramTiles(t.Context(), K, z64)), y,
			&regress.SolveSettings{Ridge: ridge, Tolerance: 1e-4})
		t.Logf("ridge %v %v %v cpu %.2f wall %v", ridge, err, fit, cpu()-c, time.Since(w))
	}
}
