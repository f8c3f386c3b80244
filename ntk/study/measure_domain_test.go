package study_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"github.com/kernelsmith/kernelsmith/ntk/study"
	"gonum.org/v1/gonum/mat"
)

// cubeSplit draws n strings of d bits, none twice, to train on, and tests on all of them.
func cubeSplit(d int) func(n int, random *rand.Rand) (train, test *mat.Dense) {
	return func(n int, random *rand.Rand) (*mat.Dense, *mat.Dense) {
		all := mat.NewDense(1<<d, d, nil)
		for i, s := range random.Perm(1 << d) {
			for b := range d {
				all.Set(i, b, float64(2*(s>>b&1)-1))
			}
		}
		return mat.DenseCopyOf(all.Slice(0, n, 0, d)), all
	}
}

func parityOf(bits int) func(x []float64) float64 {
	return func(x []float64) float64 {
		y := 1.0
		for _, v := range x[:bits] {
			y *= v
		}
		return y
	}
}

// From all M points a mode is learned to Mλ/(Mλ+δ) of itself, in every trial.
func TestDrawsOfAllPoints(t *testing.T) {
	const d, ridge = 6, 0.7
	K := ntk.Must(ntk.GaussianKernel(1))
	draws := study.Draws{Kernel: K, Split: cubeSplit(d), Ridge: ridge, Trials: 3}
	for k := range d + 1 {
		draws.Targets = append(draws.Targets, parityOf(k))
	}
	mean, standardError, err := draws.TestMSE(context.Background(), 1<<d)
	if err != nil {
		t.Fatal(err)
	}
	for k, l := range ntk.Must(spectra.Hypercube{Dim: d}.Spectrum(K)).Levels {
		left := ridge / (l.Eigenvalue*(1<<d) + ridge)
		if math.Abs(mean[k]-left*left) > 1e-12 || standardError[k] > 1e-12 {
			t.Errorf("degree %d: %v ± %v, want %v", k, mean[k], standardError[k], left*left)
		}
	}
}

// Means and standard errors that a plain solution in NumPy has, of other draws: 120 trials
// on the cube of 8 bits with the kernel e^{c-1}.
func TestDrawsAgainstNumPy(t *testing.T) {
	draws := study.Draws{Kernel: ntk.Must(ntk.GaussianKernel(1)), Split: cubeSplit(8), Trials: 100,
		Targets: []func(x []float64) float64{parityOf(1), parityOf(2)}}
	for _, c := range []struct {
		ridge, one, oneError, two, twoError float64
		n                                   int
	}{
		{0, 0.675769, 0.0206318, 1.23876, 0.0131386, 5},
		{0, 0.0901376, 0.00411143, 0.853536, 0.0201855, 20},
		{0, 0.00435535, 0.000179095, 0.155881, 0.00615091, 50},
		{0.1, 0.128918, 0.00418174, 0.878121, 0.0123694, 20},
		{0.1, 0.0143054, 0.000407226, 0.318938, 0.00623342, 50},
		{0.1, 0.00158126, 3.09625e-05, 0.0669975, 0.00128677, 100},
	} {
		draws.Ridge = c.ridge
		mean, standardError, err := draws.TestMSE(context.Background(), c.n)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][2]float64{{c.one, c.oneError}, {c.two, c.twoError}} {
			if off := math.Abs(mean[i] - want[0]); off > 3.5*math.Hypot(standardError[i], want[1]) {
				t.Errorf("ridge %v, n = %d, degree %d: %v ± %v, NumPy has %v ± %v", c.ridge, c.n,
					i+1, mean[i], standardError[i], want[0], want[1])
			}
		}
		// The standard error is that of a mean over 100 trials in place of 120.
		if r := standardError[0] / c.oneError * math.Sqrt(100./120); r < 0.7 || r > 1.4 {
			t.Errorf("ridge %v, n = %d: standard error %v, NumPy has %v of 120 trials", c.ridge,
				c.n, standardError[0], c.oneError)
		}
	}
}

// A point that is drawn twice leaves the Gram matrix singular, and says nothing more.
func TestDrawsWithRepeats(t *testing.T) {
	twice := func(n int, random *rand.Rand) (*mat.Dense, *mat.Dense) {
		x, all := cubeSplit(5)(n/2, random)
		var both mat.Dense
		both.Stack(x, x)
		return &both, all
	}
	draws := study.Draws{Kernel: ntk.Must(ntk.GaussianKernel(1)), Split: twice, Trials: 3,
		Targets: []func(x []float64) float64{parityOf(2)}}
	got, _, err := draws.TestMSE(context.Background(), 20)
	if err != nil {
		t.Fatal(err)
	}
	draws.Split = cubeSplit(5)
	want, _, err := draws.TestMSE(context.Background(), 10)
	if err != nil || math.Abs(got[0]-want[0]) > 1e-8 {
		t.Errorf("%v from ten points twice, %v from ten points (%v)", got, want, err)
	}
}

func TestDrawsRefuse(t *testing.T) {
	good := func() study.Draws {
		return study.Draws{Kernel: ntk.Must(ntk.GaussianKernel(1)), Split: cubeSplit(4), Trials: 2,
			Targets: []func(x []float64) float64{parityOf(1)}}
	}
	split := func(rows int, test *mat.Dense) func(*study.Draws) {
		return func(d *study.Draws) {
			d.Split = func(int, *rand.Rand) (*mat.Dense, *mat.Dense) {
				return mat.NewDense(rows, 2, nil), test
			}
		}
	}
	for says, spoil := range map[string]func(*study.Draws){
		"need a Split":        func(d *study.Draws) { d.Split = nil },
		"at least one target": func(d *study.Draws) { d.Targets = nil },
		"1 trials":            func(d *study.Draws) { d.Trials = 1 },
		"no test points":      split(3, nil),
		"5 training points":   split(5, mat.NewDense(1, 2, nil)),
		"trial 0: target 0 is ": func(d *study.Draws) {
			d.Targets[0] = func([]float64) float64 { return math.NaN() }
		},
		"Ridge":    func(d *study.Draws) { d.Ridge = -1 },
		"features": split(3, mat.NewDense(1, 4, nil)),
		"Kernel":   func(d *study.Draws) { d.Kernel = ntk.Kernel{} },
	} {
		d := good()
		spoil(&d)
		if _, _, err := d.TestMSE(context.Background(), 3); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
	if _, _, err := good().TestMSE(context.Background(), 0); err == nil {
		t.Error("no error of 0 points")
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, _, err := good().TestMSE(stopped, 3); err == nil {
		t.Error("no error of a context that has ended")
	}
}

// The product of two coordinates, learned from 50 points of the sphere in five dimensions.
func ExampleDraws_TestMSE() {
	sphere := func(n int, random *rand.Rand) *mat.Dense {
		x := mat.NewDense(n, 5, nil)
		for i := range n {
			row, squares := x.RawRowView(i), 0.0
			for j := range row {
				row[j] = random.NormFloat64()
				squares += row[j] * row[j]
			}
			for j := range row {
				row[j] *= math.Sqrt(5 / squares)
			}
		}
		return x
	}
	d := study.Draws{Kernel: ntk.Must(ntk.GaussianKernel(1)), Ridge: 0.1, Trials: 20,
		Split: func(n int, random *rand.Rand) (train, test *mat.Dense) {
			return sphere(n, random), sphere(500, random)
		},
		Targets: []func(x []float64) float64{
			func(x []float64) float64 { return x[0] * x[1] * math.Sqrt(7./5) },
		},
	}
	mean, standardError, err := d.TestMSE(context.Background(), 50)
	if err != nil {
		panic(err)
	}
	s := ntk.Must(spectra.Sphere{Dim: 5}.Spectrum(d.Kernel, 20))
	target := spectra.Target{Power: make([]float64, 21)}
	target.Power[2] = 1
	l := ntk.Must(s.Learn(target, 50, d.Ridge))
	fmt.Printf("measured %.3f ± %.3f, predicted %.3f\n", mean[0], standardError[0], l.TestMSE)
	// Output: measured 0.113 ± 0.014, predicted 0.099
}
