package regress_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

func ExampleNetLikelihood() {
	const n = 40
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		v := 4*float64(i)/n - 2
		x.Set(i, 0, v)
		y.Set(i, 0, math.Abs(v)-1+0.1*math.Sin(float64(i*i)))
	}
	net := ntk.Must(ntk.UniformFCN(2, ntk.ReLU{}, 1, 1))
	l, exact, err := regress.NetLikelihood(net, false, x, y)
	if err != nil {
		panic(err)
	}
	best, err := l.Maximize(context.Background(), []float64{1, 1}, 0.1)
	if err != nil {
		panic(err)
	}
	fmt.Printf("exact gradient: %v; σ_w = %.2f, σ_b = %.2f, log likelihood %.1f\n", exact,
		best.Theta[0], best.Theta[1], best.Value)
	// Output:
	// exact gradient: true; σ_w = 1.35, σ_b = 0.69, log likelihood 28.7
}

// The exact gradient of the likelihood of a net is that of differences; where there is none, the
// result says so.
func TestNetLikelihoodGradient(t *testing.T) {
	const n = 30
	_, _, y, _ := wide(t, n)
	x := mat.NewDense(n, 4, nil)
	x.Apply(func(i, j int, _ float64) float64 {
		return 1.5 * math.Sin(float64(1+i*(2*j+3)+j*j))
	}, x)
	for _, c := range []struct {
		phi   ntk.Activation
		exact bool
	}{{ntk.ReLU{}, true}, {ntk.Erf{}, true}, {ntk.GELU{}, true}, {ntk.Tanh{}, false}} {
		for _, ofNTK := range []bool{false, true} {
			net := ntk.Must(ntk.UniformFCN(2, c.phi, 1, 1))
			l, exact, err := regress.NetLikelihood(net, ofNTK, x, y)
			if err != nil {
				t.Fatal(err)
			}
			if exact != c.exact || exact != (l.Derivatives != nil) {
				t.Errorf("%v: exact is %v", c.phi, exact)
			}
			theta := []float64{1.4, 0.2}
			value, gradient, err := l.At(t.Context(), theta, 0.2)
			if err != nil {
				t.Fatal(err)
			}
			if !exact {
				continue
			}
			l.Derivatives = nil
			same, differences, err := l.At(t.Context(), theta, 0.2)
			if err != nil {
				t.Fatal(err)
			}
			for j, want := range differences {
				if off := math.Abs(gradient[j] - want); value != same ||
					!(off <= 1e-8*(1+math.Abs(want))) {
					t.Errorf("%v, NTK %v: slope %d is %v, by differences %v", c.phi, ofNTK, j,
						gradient[j], want)
				}
			}
		}
	}
}

func TestNetLikelihoodErrors(t *testing.T) {
	x, y := mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6}), mat.NewDense(3, 1, []float64{1, 2, 3})
	relu := ntk.Must(ntk.UniformFCN(1, ntk.ReLU{}, 1, 1))
	of := func(net *ntk.FCN, x, y *mat.Dense) error {
		l, _, err := regress.NetLikelihood(net, true, x, y)
		if (l == nil) != (err != nil) {
			t.Errorf("%v beside %v", l, err)
		}
		return err
	}
	nan := mat.DenseCopyOf(x)
	nan.Set(0, 1, math.NaN())
	for _, c := range []struct {
		says string
		err  error
	}{
		{"a net, inputs and targets", of(nil, x, y)},
		{"a net, inputs and targets", of(relu, nil, y)},
		{"a net, inputs and targets", of(relu, x, &mat.Dense{})},
		{"3 rows of targets for 2", of(relu, x.Slice(0, 2, 0, 2).(*mat.Dense), y)},
		{"column 1 is NaN", of(relu, nan, y)},
	} {
		mustSay(t, c.err, c.says, nil)
	}
	var infinite *ntk.InfiniteNTKError
	if err := of(ntk.Must(ntk.UniformFCN(1, ntk.Step{}, 1, 1)), x, y); !errors.As(err, &infinite) {
		t.Errorf("of a step: %v", err)
	}
	l, _, err := regress.NetLikelihood(relu, true, x, y)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = l.At(t.Context(), []float64{1}, 1)
	mustSay(t, err, "they are σ_w and σ_b", nil)
}
