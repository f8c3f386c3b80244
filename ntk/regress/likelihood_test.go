package regress_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// σ_w and σ_b of a net, and the noise, from the likelihood of its NNGP kernel.
func ExampleLikelihood_Maximize() {
	const n = 40
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		v := 4*float64(i)/n - 2
		x.Set(i, 0, v)
		y.Set(i, 0, math.Abs(v)-1+0.1*math.Sin(float64(i*i)))
	}
	l := &regress.Likelihood{Y: y, Gram: func(_ context.Context, p []float64) (*mat.SymDense,
		error) {
		net, err := ntk.UniformFCN(2, ntk.ReLU{}, p[0], p[1])
		if err != nil {
			return nil, err
		}
		K, err := net.NNGP()
		if err != nil {
			return nil, err
		}
		return K.Gram(x)
	}}
	before, _, err := l.At(context.Background(), []float64{1, 1}, 0.1)
	if err != nil {
		panic(err)
	}
	best, err := l.Maximize(context.Background(), []float64{1, 1}, 0.1)
	if err != nil {
		panic(err)
	}
	fmt.Printf("log likelihood %.1f, then %.1f\n", before, best.Value)
	fmt.Printf("σ_w = %.2f, σ_b = %.2f, noise of standard deviation %.3f\n", best.Theta[0],
		best.Theta[1], math.Sqrt(best.Ridge))
	// Output:
	// log likelihood -5.2, then 28.7
	// σ_w = 1.35, σ_b = 0.69, noise of standard deviation 0.076
}

// One point of variance θ + δ: log N(2; 0, 1 + 1) and its slopes.
func ExampleLikelihood_At() {
	l := &regress.Likelihood{
		Y: mat.NewDense(1, 1, []float64{2}),
		Gram: func(_ context.Context, p []float64) (*mat.SymDense, error) {
			return mat.NewSymDense(1, []float64{p[0]}), nil
		},
	}
	value, gradient, err := l.At(context.Background(), []float64{1}, 1)
	fmt.Printf("%.4f %.4f %v\n", value, gradient, err) // -½·4/2 - ½ log 4π, ½(4/4 - 1/2)
	// Output: -2.2655 [0.2500 0.2500] <nil>
}

// kernelLikelihood is that of a kernel with parameters on inputs of several norms.
func kernelLikelihood(
	n int, y *mat.Dense, kernel func(p []float64) (ntk.Kernel, error),
) *regress.Likelihood {
	x := mat.NewDense(n, 4, nil)
	x.Apply(func(i, j int, _ float64) float64 {
		return 1.5 * math.Sin(float64(1+i*(2*j+3)+j*j))
	}, x)
	return &regress.Likelihood{Y: y, Gram: func(_ context.Context, p []float64) (*mat.SymDense,
		error) {
		K, err := kernel(p)
		if err != nil {
			return nil, err
		}
		return K.Gram(x)
	}}
}

func ofNet(net *ntk.FCN, err error) (ntk.Kernel, error) {
	if err != nil {
		return ntk.Kernel{}, err
	}
	return net.NTK()
}

// The gradient against differences of the likelihood itself, in σ_w, σ_b and the ridge of deep
// ReLU and erf nets, and in the seven parameters of a designed activation.
func TestLikelihoodGradient(t *testing.T) {
	const n = 30
	_, _, y, _ := wide(t, n)
	noise := make([]float64, n)
	for i := range noise {
		noise[i] = 1 + 0.5*math.Sin(float64(i))
	}
	relu := kernelLikelihood(n, y, func(p []float64) (ntk.Kernel, error) {
		return ofNet(ntk.UniformFCN(3, ntk.ReLU{}, p[0], p[1]))
	})
	erf := kernelLikelihood(n, y, func(p []float64) (ntk.Kernel, error) {
		return ofNet(ntk.UniformFCN(2, ntk.Erf{}, p[0], p[1]))
	})
	erf.Noise = noise
	mimic := kernelLikelihood(n, y, func(p []float64) (ntk.Kernel, error) {
		phi := ntk.Mimic{}
		for j, at := range []*float64{&phi.A, &phi.B, &phi.C, &phi.D, &phi.E, &phi.F, &phi.G} {
			*at = p[j]
		}
		return ofNet(ntk.UniformFCN(1, phi, 1, 0))
	})
	mimic.Signed = slices.Repeat([]bool{true}, 7)
	m := ntk.PublishedMimic()
	for name, c := range map[string]struct {
		l     *regress.Likelihood
		theta []float64
	}{
		"ReLU":  {relu, []float64{math.Sqrt2, 0.1}},
		"erf":   {erf, []float64{1.5, 0.3}},
		"mimic": {mimic, []float64{m.A, m.B, m.C, m.D, m.E, m.F, m.G}},
	} {
		const ridge = 0.2
		_, got, err := c.l.At(t.Context(), c.theta, ridge)
		if err != nil {
			t.Fatal(name, err)
		}
		all := append(slices.Clone(c.theta), ridge)
		at := func(j int, v float64) float64 {
			beside := slices.Clone(all)
			beside[j] = v
			flat := *c.l // without the cost of derivatives
			flat.Derivatives = func(context.Context, []float64) ([]*mat.SymDense, error) {
				return slices.Repeat([]*mat.SymDense{mat.NewSymDense(n, nil)}, len(c.theta)), nil
			}
			value, _, err := flat.At(t.Context(), beside[:len(c.theta)], beside[len(c.theta)])
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
		for j, v := range all {
			h := 1e-3 * math.Max(math.Abs(v), 0.1)
			want := (8*(at(j, v+h)-at(j, v-h)) - (at(j, v+2*h) - at(j, v-2*h))) / (12 * h)
			if off := math.Abs(got[j] - want); !(off <= 1e-8*(1+math.Abs(want))) {
				t.Errorf("%s: slope %d is %v, by differences %v", name, j, got[j], want)
			}
		}
	}
}

// Derivatives that are known in closed form: of a ReLU net without biases the kernel is
// homogeneous of degree 2·depth in σ_w, and of √2 sin(ωz + π/4) it is e^(-ω²(1-c)).
func TestLikelihoodDerivatives(t *testing.T) {
	const n = 25
	_, _, y, _ := wide(t, n)
	relu := kernelLikelihood(n, y, func(p []float64) (ntk.Kernel, error) {
		return ofNet(ntk.UniformFCN(3, ntk.ReLU{}, p[0], 0))
	})
	angles := mat.NewDense(n, 2, nil)
	for i := range n {
		a := 2 * math.Pi * float64(i) / n
		angles.SetRow(i, []float64{math.Sqrt2 * math.Cos(a), math.Sqrt2 * math.Sin(a)})
	}
	wave := &regress.Likelihood{Y: y, Gram: func(_ context.Context, p []float64) (*mat.SymDense,
		error) {
		net, err := ntk.UniformFCN(1, ntk.GaussianFeature(p[0]), 1, 0)
		if err != nil {
			return nil, err
		}
		return ntk.Must(net.NNGP()).Gram(angles)
	}}
	for name, c := range map[string]struct {
		l     *regress.Likelihood
		theta float64
		exact func(k, theta float64, i, j int) float64
	}{
		"ReLU": {relu, 1.3, func(k, theta float64, _, _ int) float64 { return 6 * k / theta }},
		"wave": {wave, 1.7, func(k, theta float64, i, j int) float64 {
			return -2 * theta * (1 - math.Cos(2*math.Pi*float64(i-j)/n)) * k
		}},
	} {
		theta := []float64{c.theta}
		want := *c.l
		want.Derivatives = func(ctx context.Context, p []float64) ([]*mat.SymDense, error) {
			k, err := want.Gram(ctx, p)
			if err != nil {
				return nil, err
			}
			d := mat.NewSymDense(n, nil)
			for i := range n {
				for j := range i + 1 {
					d.SetSym(i, j, c.exact(k.At(i, j), p[0], i, j))
				}
			}
			return []*mat.SymDense{d}, nil
		}
		value, got, err := c.l.At(t.Context(), theta, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		same, exact, err := want.At(t.Context(), theta, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		for j := range got { // measured 1e-11
			if value != same || !(math.Abs(got[j]-exact[j]) <= 2e-10*math.Abs(exact[j])) {
				t.Errorf("%s: %v and slope %v, exactly %v and %v", name, value, got, same, exact)
			}
		}
	}
}

// A scale alone has its maximum at yᵀK⁻¹y/n; a scale and the noise are where the slopes end, and
// below at every other place near.
func TestLikelihoodMaximum(t *testing.T) {
	const n = 40
	gram, _, y, _ := wide(t, n)
	scaled := &regress.Likelihood{Y: mat.DenseCopyOf(y.Slice(0, n, 0, 1)), KeepRidge: true,
		Gram: func(_ context.Context, p []float64) (*mat.SymDense, error) {
			var k mat.SymDense
			k.ScaleSym(p[0], gram)
			return &k, nil
		}}
	r := ntk.Must(regress.NewRidge(t.Context(), tiles(gram), scaled.Y, nil))
	want := mat.Dot(mat.DenseCopyOf(r.Weights()).ColView(0), scaled.Y.ColView(0)) / n
	got, err := scaled.Maximize(t.Context(), []float64{1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Theta[0]/want-1) > 1e-6 || got.Ridge != 0 {
		t.Errorf("scale %v with ridge %v, want %v", got.Theta, got.Ridge, want)
	}
	scaled.KeepRidge = false
	// Targets with noise of standard deviation 0.3, of which nothing else is in the kernel.
	for i := range n {
		scaled.Y.Set(i, 0, scaled.Y.At(i, 0)+0.3*math.Sin(float64(7*i*i)))
	}
	for _, start := range []float64{0, 1e-6, 0.1, 100} {
		got, err := scaled.Maximize(t.Context(), []float64{1}, start)
		if err != nil {
			t.Fatal(err)
		}
		value, gradient, err := scaled.At(t.Context(), got.Theta, got.Ridge)
		if err != nil || math.Abs(value-got.Value) > 1e-11 {
			t.Fatalf("%v at the maximum of %v, %v", value, got.Value, err)
		}
		if s := math.Abs(gradient[0]*got.Theta[0]) + math.Abs(gradient[1]*got.Ridge); s > 1e-4 {
			t.Errorf("from ridge %v: slopes %v at %+v", start, gradient, got)
		}
		for _, by := range []float64{0.7, 1.4} {
			for _, place := range [][2]float64{{by, 1}, {1, by}, {by, by}} {
				v, _, err := scaled.At(t.Context(), []float64{got.Theta[0] * place[0]},
					got.Ridge*place[1])
				if err != nil || v >= got.Value {
					t.Errorf("from ridge %v: %v beside the maximum %v, %v", start, v, got.Value,
						err)
				}
			}
		}
	}
}

// Values without noise take the ridge to its floor, and parameters that the kernel refuses are a
// wall to the search.
func TestLikelihoodEnds(t *testing.T) {
	const n = 12
	x := mat.NewDense(n, 1, nil)
	y := mat.NewDense(n, 1, nil)
	for i := range n {
		x.Set(i, 0, float64(i)/n)
		y.Set(i, 0, 2*float64(i)/n)
	}
	l := &regress.Likelihood{Y: y, Gram: func(_ context.Context, p []float64) (*mat.SymDense,
		error) {
		if p[0] > 3 {
			return nil, fmt.Errorf("no such kernel")
		}
		k := mat.NewSymDense(n, nil)
		k.SymOuterK(p[0]*p[0], x)
		return k, nil
	}}
	got, err := l.Maximize(t.Context(), []float64{1}, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	var mean float64
	for i := range n {
		mean += math.Pow(x.At(i, 0), 2) / n
	}
	if got.Ridge < 1e-9*mean || got.Ridge > 1.2e-9*mean || math.Abs(got.Theta[0]-2) > 1e-3 {
		t.Errorf("%+v, of values 2x without noise", got)
	}
}

func TestLikelihoodBadInput(t *testing.T) {
	y := mat.NewDense(2, 1, []float64{1, 2})
	scale := func(_ context.Context, p []float64) (*mat.SymDense, error) {
		return mat.NewSymDense(2, []float64{p[0], 0, 0, p[0]}), nil
	}
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	at := func(ctx context.Context, l regress.Likelihood, theta []float64, ridge float64) error {
		if l.Y == nil {
			l.Y = y
		}
		if l.Gram == nil {
			l.Gram = scale
		}
		_, _, err := l.At(ctx, theta, ridge)
		best, max := l.Maximize(ctx, theta, ridge)
		if err != nil && (max == nil || best != nil) {
			t.Errorf("At says %v, Maximize %v", err, max)
		}
		if err == nil {
			return max
		}
		return err
	}
	one := []float64{1}
	for _, c := range []struct {
		says string
		err  error
		is   error
	}{
		{"needs its Gram", second3b((&regress.Likelihood{Y: y}).At(t.Context(), one, 1)), nil},
		{"Signed has 2", at(t.Context(), regress.Likelihood{Signed: make([]bool, 2)}, one, 1), nil},
		{"parameter 0 is -1", at(t.Context(), regress.Likelihood{}, []float64{-1}, 1), nil},
		{"parameter 0 is NaN", at(t.Context(), regress.Likelihood{Signed: []bool{true}},
			[]float64{math.NaN()}, 1), nil},
		{"ridge is -1", at(t.Context(), regress.Likelihood{}, one, -1), nil},
		{"Noise has 1 entries for 2", at(t.Context(), regress.Likelihood{Noise: one}, one, 1), nil},
		{"Noise of point 1 is 0", at(t.Context(), regress.Likelihood{Noise: []float64{1, 0}}, one,
			1), nil},
		{"target is NaN", at(t.Context(), regress.Likelihood{Y: mat.NewDense(1, 1,
			[]float64{math.NaN()})}, one, 1), nil},
		{"3 training points", at(t.Context(), regress.Likelihood{Y: mat.NewDense(3, 1,
			[]float64{1, 2, 3}), Gram: scale}, one, 1), nil},
		{"broken", at(t.Context(), regress.Likelihood{Gram: func(context.Context, []float64) (
			*mat.SymDense, error) {
			return nil, broken
		}}, one, 1), broken},
		{"returns 0 matrices for 1", at(t.Context(), regress.Likelihood{
			Derivatives: func(context.Context, []float64) ([]*mat.SymDense, error) {
				return nil, nil
			}}, one, 1), nil},
		{"no matrix of the 2", at(t.Context(), regress.Likelihood{
			Derivatives: func(context.Context, []float64) ([]*mat.SymDense, error) {
				return []*mat.SymDense{nil}, nil
			}}, one, 1), nil},
		{"not vary smoothly", at(t.Context(), regress.Likelihood{
			Gram: func(_ context.Context, p []float64) (*mat.SymDense, error) {
				v := 2 + math.Abs(p[0]-1) + 0.3*p[0]
				return mat.NewSymDense(2, []float64{v, 0, 0, 1}), nil
			}}, []float64{1.00001}, 1), nil},
		{"all targets are 0", at(t.Context(), regress.Likelihood{Y: mat.NewDense(2, 1, nil)}, one,
			1), nil},
		{"nothing to maximise", at(t.Context(), regress.Likelihood{KeepRidge: true,
			Gram: func(context.Context, []float64) (*mat.SymDense, error) {
				return mat.NewSymDense(2, []float64{1, 0, 0, 1}), nil
			}}, nil, 1), nil},
		{"canceled", at(ended, regress.Likelihood{}, one, 1), context.Canceled},
	} {
		mustSay(t, c.err, c.says, nil)
		if c.is != nil && !errors.Is(c.err, c.is) {
			t.Errorf("%v is not %v", c.err, c.is)
		}
	}
}

func second3b(_ float64, _ []float64, err error) error { return err }

// A search that is interrupted on its way says so.
func TestLikelihoodInterrupt(t *testing.T) {
	_, _, y, _ := wide(t, 20)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	l := kernelLikelihood(20, y, func(p []float64) (ntk.Kernel, error) {
		if calls++; calls == 20 {
			cancel()
		}
		return ofNet(ntk.UniformFCN(1, ntk.ReLU{}, p[0], p[1]))
	})
	best, err := l.Maximize(ctx, []float64{1, 1}, 1)
	if !errors.Is(err, context.Canceled) || best != nil || calls > 25 {
		t.Errorf("%v, %v after %d calls", best, err, calls)
	}
}
