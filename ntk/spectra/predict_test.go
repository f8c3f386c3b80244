package spectra

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/regress"
	"gonum.org/v1/gonum/mat"
)

// scaled makes the rows' variances fall over the features like (3+j)^{-decay} and sum to d.
func scaled(x *mat.Dense, decay float64) *mat.Dense {
	n, d := x.Dims()
	var sum float64
	for j := range d {
		sum += math.Pow(float64(j+3), -decay)
	}
	for j := range d {
		scale := math.Sqrt(float64(d) / sum * math.Pow(float64(j+3), -decay))
		for i := range n {
			x.Set(i, j, x.At(i, j)*scale)
		}
	}
	return x
}

// noisySigns are the signs of a noisy function of the first features.
func noisySigns(x *mat.Dense, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 1))
	n, _ := x.Dims()
	y := mat.NewDense(n, 1, nil)
	for i := range n {
		v := x.At(i, 0) - x.At(i, 1) + x.At(i, 2) + 0.3*x.At(i, 0)*x.At(i, 1)
		y.Set(i, 0, math.Copysign(1, v+rng.NormFloat64()))
	}
	return y
}

func relu(depth int) ntk.Kernel {
	return ntk.Must(ntk.Must(ntk.UniformFCN(depth, ntk.ReLU{}, math.Sqrt2, 0.5)).NTK())
}

// regression returns the test error of kernel ridge regression, its mean over trials, and the
// standard error.
func regression(
	t *testing.T, K ntk.Kernel, x, y *mat.Dense, n, trials int, ridge float64,
) (mean, deviation float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	total, d := x.Dims()
	_, outputs := y.Dims()
	test := min(1000, total-n)
	var square float64
	for range trials {
		order := rng.Perm(total)
		pick := func(rows []int) (a, b *mat.Dense) {
			a, b = mat.NewDense(len(rows), d, nil), mat.NewDense(len(rows), outputs, nil)
			for i, r := range rows {
				a.SetRow(i, x.RawRowView(r))
				b.SetRow(i, y.RawRowView(r))
			}
			return a, b
		}
		a, ya := pick(order[:n])
		b, yb := pick(order[n : n+test])
		fit, err := regress.NewRidge(context.Background(),
			ntk.MatrixTiles(ntk.Must(K.Gram(a))), ya, &regress.RidgeSettings{Ridge: ridge})
		if err != nil {
			t.Fatal(err)
		}
		f, err := fit.Predict(context.Background(), ntk.MatrixTiles(ntk.Must(K.Cross(b, a))))
		if err != nil {
			t.Fatal(err)
		}
		f.Sub(f, yb)
		e := mat.Norm(f, 2) * mat.Norm(f, 2) / float64(test)
		mean += e / float64(trials)
		square += e * e / float64(trials)
	}
	return mean, math.Sqrt((square - mean*mean) / float64(trials-1))
}

func TestPredictAgainstRegression(t *testing.T) {
	x := scaled(normalRows(3000, 60, 1), 1.6)
	y := noisySigns(x, 2)
	s, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	ns := []int{20, 100, 300}
	for _, K := range []ntk.Kernel{relu(1), relu(3), ntk.Must(ntk.LaplaceKernel(3)),
		ntk.Must(ntk.MaternKernel(1, 1.5))} {
		p, err := s.Predict(K, ns, &PredictSettings{Ridge: 1e-2}, y)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range ns {
			want, deviation := regression(t, K, x, y, n, []int{30, 12, 6}[i], 1e-2)
			got := p[0].TestMSE[i]
			if off := math.Abs(math.Log(got / want)); off > 0.05+3*deviation/want {
				t.Errorf("%v, n = %d: predicted %.4f, measured %.4f ± %.4f", K, n, got, want,
					deviation)
			}
		}
	}
}

// A target in one mode, on many rows, has its power there.
func TestPredictFindsTheTarget(t *testing.T) {
	x := scaled(normalRows(4000, 10, 3), 1)
	y := mat.NewDense(4000, 1, nil)
	s, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4000 {
		z := s.whitened[i*10:]
		y.Set(i, 0, 2*z[0]*z[1]+1)
	}
	// So little of it is left that the theory is far off, which the verdict says.
	p, err := s.Predict(relu(1), []int{50}, &PredictSettings{Modes: 300, Outside: true}, y)
	if err != nil {
		t.Fatal(err)
	}
	var rest float64
	for j, m := range p[0].Modes {
		got := p[0].Target.Power[j]
		switch {
		case len(m) == 0 && math.Abs(got-1) < 0.1:
		case len(m) == 2 && m[0] == 0 && m[1] == 1 && math.Abs(got-4) < 0.5:
		default:
			rest += math.Abs(got)
		}
	}
	if rest > 0.3 || p[0].Target.Noise > 0.05 {
		t.Errorf("%v of the power is elsewhere, and %v in noise", rest, p[0].Target.Noise)
	}
	v := p[0].Verdict
	want, deviation := regression(t, relu(1), x, y, 50, 20, 1e-9)
	if off := math.Log(p[0].TestMSE[0] / want); v.Fits || v.Checked != 50 || off > -0.3 ||
		math.Abs(v.Off-off) > 3*math.Hypot(v.OffError, deviation/want) {
		t.Errorf("predicted %v, measured %v ± %v: %v", p[0].TestMSE[0], want, deviation, v)
	}
	l := p[0].Spectrum.Levels
	if math.Abs(p[0].Spectrum.kept()+p[0].Spectrum.Tail-ntk.Must(s.trace(relu(1)))) > 1e-12 ||
		l[0].Eigenvalue < l[1].Eigenvalue {
		t.Error("the spectrum does not sum to the trace, or is not in order")
	}
}

// The kernel sees rows as they are: with s times the rows, a kernel of s times the length is the
// same, and so is a net of 1/s times the weights.
func TestPredictKnowsTheNorm(t *testing.T) {
	x := scaled(normalRows(800, 30, 4), 1)
	y := noisySigns(x, 4)
	const factor = 3
	large := mat.DenseCopyOf(x)
	large.Scale(factor, large)
	a, b := ntk.Must(MeasureData(x)), ntk.Must(MeasureData(large))
	net := func(w float64) ntk.Kernel {
		return ntk.Must(ntk.Must(ntk.NewFCN([]ntk.Layer{
			{Activation: ntk.ReLU{}, WeightStd: w, BiasStd: 0.7},
			{Activation: ntk.Erf{}, WeightStd: 1.2, BiasStd: 0.1},
		}, ntk.Readout{WeightStd: 1})).NTK())
	}
	for _, c := range [][2]ntk.Kernel{
		{ntk.Must(ntk.GaussianKernel(1)), ntk.Must(ntk.GaussianKernel(factor))},
		{ntk.Must(ntk.LaplaceKernel(2)), ntk.Must(ntk.LaplaceKernel(2 * factor))},
		{net(1.5), net(1.5 / factor)},
	} {
		p := ntk.Must(a.Predict(c[0], []int{100}, nil, y))[0]
		q := ntk.Must(b.Predict(c[1], []int{100}, nil, y))[0]
		if math.Abs(p.TestMSE[0]/q.TestMSE[0]-1) > 1e-9 {
			t.Errorf("%v: %v, and with larger rows %v", c[0], p.TestMSE[0], q.TestMSE[0])
		}
	}
	// The same net sees larger rows otherwise.
	p := ntk.Must(a.Predict(net(1.5), []int{100}, nil, y))[0]
	q := ntk.Must(b.Predict(net(1.5), []int{100}, nil, y))[0]
	if math.Abs(p.TestMSE[0]/q.TestMSE[0]-1) < 1e-3 {
		t.Errorf("a net with biases has the error %v whatever the norms", p.TestMSE[0])
	}
}

// A kernel known by its values alone has error bars, and its exact prediction is within them.
func TestPredictByValues(t *testing.T) {
	x := scaled(normalRows(800, 40, 6), 1)
	y := noisySigns(x, 6)
	// On the sphere and centred, so that a function of the cosine is the kernel.
	for i := range 400 {
		row := x.RawRowView(i)
		scale := math.Sqrt(40) / mat.Norm(mat.NewVecDense(40, row), 2)
		for j := range row {
			row[j] *= scale
			x.Set(i+400, j, -row[j])
		}
	}
	s := ntk.Must(MeasureData(x))
	for _, K := range []ntk.Kernel{relu(1), relu(4), ntk.Must(ntk.GaussianKernel(1))} {
		values := ntk.Must(ntk.FromFunc("values", func(c float64) float64 {
			return ntk.Must(K.Curve([]float64{c}))[0]
		}))
		exact := ntk.Must(s.Predict(K, []int{10, 100}, nil, y))[0]
		got := ntk.Must(s.Predict(values, []int{10, 100}, nil, y))[0]
		for i, want := range exact.TestMSE {
			// Uncertainty has that of the coefficients, the same in both, and the levels'.
			bar := math.Sqrt(max(0, got.Uncertainty[i]*got.Uncertainty[i]-
				exact.Uncertainty[i]*exact.Uncertainty[i]))
			if off := math.Abs(got.TestMSE[i] - want); off > bar+1e-8*want || bar > 0.05*want {
				t.Errorf("%v, n = %d: %v ± %v from values, %v from the series", K, got.N[i],
					got.TestMSE[i], bar, want)
			}
		}
		var largest float64
		for _, u := range got.LevelUncertainty {
			largest = max(largest, u)
		}
		if largest == 0 {
			t.Errorf("%v: levels from values have no error bars", K)
		}
	}
}

// Of many draws of the rows, predictions differ by about what Uncertainty says.
func TestPredictUncertainty(t *testing.T) {
	var sum, square, said float64
	const draws = 24
	for i := range draws {
		x := scaled(normalRows(600, 20, uint64(10+i)), 0.5)
		s := ntk.Must(MeasureData(x))
		p := ntk.Must(s.Predict(relu(1), []int{100}, nil, noisySigns(x, uint64(i))))[0]
		sum += p.TestMSE[0] / draws
		square += p.TestMSE[0] * p.TestMSE[0] / draws
		said += p.Uncertainty[0] / draws
	}
	spread := math.Sqrt((square - sum*sum) * draws / (draws - 1))
	if ratio := spread / said; ratio < 0.5 || ratio > 2 {
		t.Errorf("predictions spread by %v; they say %v", spread, said)
	}
}

func TestVerdicts(t *testing.T) {
	const n = 2000
	rng := rand.New(rand.NewPCG(3, 4))
	student := func(joint bool) *mat.Dense { // t with three degrees of freedom
		x := normalRows(n, 40, 8)
		for i := range n {
			var chi float64
			for j := range 40 {
				if j == 0 || !joint {
					a, b, c := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
					chi = math.Sqrt((a*a + b*b + c*c) / 3)
				}
				x.Set(i, j, x.At(i, j)/chi)
			}
		}
		return x
	}
	clusters := func(share, apart float64) *mat.Dense {
		x := normalRows(n, 40, 9)
		for i := range n {
			if rng.Float64() < share {
				x.Set(i, 0, x.At(i, 0)+apart)
			}
		}
		return x
	}
	// All directions have one variance, so that the covariance does not know that of the clusters.
	hidden := normalRows(n, 9, 20)
	for i := range n {
		hidden.Set(i, 0, (hidden.At(i, 0)+float64(i%2*5))/math.Sqrt(1+2.5*2.5))
	}
	oneHot := func(columns, categories int) *mat.Dense {
		x := mat.NewDense(n, columns*categories, nil)
		for i := range n {
			for j := range columns {
				x.Set(i, j*categories+rng.IntN(categories), 1)
			}
		}
		return x
	}
	shifted := normalRows(n, 40, 10)
	for i := range n {
		shifted.Set(i, 0, shifted.At(i, 0)+1)
	}
	for _, c := range []struct {
		name, reason string
		x            *mat.Dense
		centred      bool
	}{
		{"normal", "", normalRows(n, 40, 11), true},
		{"normal, variances that fall", "", scaled(normalRows(n, 50, 12), 1.5), true},
		{"fewer rows than features", "", normalRows(n/8, n/4, 13), true},
		{"few directions", "directions", scaled(normalRows(n, 30, 14), 4), true},
		{"one feature", "directions", normalRows(n, 1, 15), true},
		{"heavy tails of each feature", "heavy tails", student(false), true},
		{"heavy tails of the norm", "norms spread", student(true), true},
		{"two clusters", "two clusters", clusters(0.5, 5), true},
		{"two clusters, one small", "two clusters", clusters(0.2, 9), true},
		{"two clusters, hidden", "two clusters", hidden, true},
		{"one-hot", "two values", oneHot(1, 30), true},
		{"one-hot columns", "two values", oneHot(6, 5), true},
		{"not centred", "centre the rows", shifted, false},
	} {
		if c.centred {
			centre(c.x)
		}
		s := ntk.Must(MeasureData(c.x))
		rows, _ := c.x.Dims()
		y := normalRows(rows, 1, 16)
		_, err := s.Predict(relu(1), []int{10}, nil, y)
		var outside *OutsideError
		if c.reason == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if !errors.As(err, &outside) || !strings.Contains(err.Error(), c.reason) ||
			outside.Verdict.Fits {
			t.Errorf("%s: %v, want %q", c.name, err, c.reason)
		}
		p, err := s.Predict(relu(1), []int{10}, &PredictSettings{Outside: true}, y)
		if err != nil || p[0].Verdict.Fits || !(p[0].TestMSE[0] > 0) {
			t.Errorf("%s, asked for: %v", c.name, err)
		}
	}
}

// Handwritten digits are in clusters, which kernels that are not smooth learn faster than normal
// data of their covariance; how many modes or rows there are is not the reason. The verdict knows,
// and what it says agrees with regression on other rows.
func TestVerdictOfDigits(t *testing.T) {
	set := data.Digits()
	split := ntk.Must(set.StratifiedSplit(2.0/3, 1))
	_, d := set.Dims()
	known := len(split.Train)
	x := mat.NewDense(known+len(split.Test), d, nil)
	y := mat.NewDense(known+len(split.Test), 1, nil)
	for i, row := range slices.Concat(split.Train, split.Test) {
		set.Row(row, x.RawRowView(i))
		y.Set(i, 0, float64(1-set.Labels[row]%2*2))
	}
	centre(x)
	x.Scale(math.Sqrt(float64(x.RawMatrix().Rows*d))/mat.Norm(x, 2), x)
	s := ntk.Must(MeasureData(x.Slice(0, known, 0, d).(*mat.Dense)))
	const n = 500
	for _, c := range []struct {
		kernel  ntk.Kernel
		refused bool
	}{
		{ntk.Must(ntk.GaussianKernel(4)), false},
		{ntk.Must(ntk.LaplaceKernel(4 * math.Sqrt2)), true},
		{ntk.Must(ntk.Must(ntk.UniformFCN(4, ntk.ReLU{}, math.Sqrt2, 0.1)).NTK()), true},
	} {
		set := &PredictSettings{Ridge: 1e-3, Modes: known / 2, Outside: true}
		p := ntk.Must(s.Predict(c.kernel, []int{n}, set, y.Slice(0, known, 0, 1).(*mat.Dense)))[0]
		want, deviation := regression(t, c.kernel, x, y, n, 4, 1e-3)
		off := math.Log(p.TestMSE[0] / want)
		v := p.Verdict
		if v.Fits == c.refused || c.refused != (off > 0.15) || v.Checked != n ||
			math.Abs(v.Off-off) > 3*math.Hypot(v.OffError, deviation/want) {
			t.Errorf("%v: predicted %v, measured %v ± %v: %v", c.kernel, p.TestMSE[0], want,
				deviation, v)
		}
		if c.refused != strings.Contains(v.Reason, "over that of regression") {
			t.Errorf("%v: %s", c.kernel, v.Reason)
		}
	}
}

// Of many draws of normal data none is refused.
func TestVerdictOfNormalData(t *testing.T) {
	for i := range 20 {
		x := scaled(normalRows(400+50*i, 40, uint64(300+i)), float64(i%4)/2)
		centre(x)
		s := ntk.Must(MeasureData(x))
		for _, K := range []ntk.Kernel{relu(1), ntk.Must(ntk.LaplaceKernel(4))} {
			p, err := s.Predict(K, []int{100}, &PredictSettings{Ridge: 1e-2},
				noisySigns(x, uint64(i)))
			if err != nil {
				t.Errorf("draw %d, %v: %v", i, K, err)
			} else if v := p[0].Verdict; math.Abs(v.Off) > 3*v.OffError+0.1 || v.OffError > 0.15 {
				t.Errorf("draw %d, %v: %v", i, K, v)
			}
		}
	}
}

func centre(x *mat.Dense) {
	n, d := x.Dims()
	for j := range d {
		var mean float64
		for i := range n {
			mean += x.At(i, j) / float64(n)
		}
		for i := range n {
			x.Set(i, j, x.At(i, j)-mean)
		}
	}
}

func TestPredictReports(t *testing.T) {
	x := normalRows(200, 10, 1)
	centre(x)
	s := ntk.Must(MeasureData(x))
	y, ones := normalRows(200, 1, 2), []int{10}
	infinite := mat.DenseCopyOf(y)
	infinite.Set(3, 0, math.Inf(1))
	negative := ntk.Must(ntk.FromFunc("1 - c", func(c float64) float64 { return 1 - c }))
	for _, c := range []struct {
		want    string
		data    *DataStatistics
		kernel  ntk.Kernel
		ns      []int
		set     *PredictSettings
		targets []*mat.Dense
	}{
		{"no statistics", nil, relu(1), ones, nil, []*mat.Dense{y}},
		{"no statistics", &DataStatistics{}, relu(1), ones, nil, []*mat.Dense{y}},
		{"0 numbers", s, relu(1), nil, nil, []*mat.Dense{y}},
		{"0 targets", s, relu(1), ones, nil, nil},
		{"0 training points", s, relu(1), []int{0}, nil, []*mat.Dense{y}},
		{"Ridge", s, relu(1), ones, &PredictSettings{Ridge: -1}, []*mat.Dense{y}},
		{"Modes", s, relu(1), ones, &PredictSettings{Modes: 200}, []*mat.Dense{y}},
		{"Modes", s, relu(1), ones, &PredictSettings{Modes: -1}, []*mat.Dense{y}},
		{"is empty", s, relu(1), ones, nil, []*mat.Dense{nil}},
		{"has 199 rows", s, relu(1), ones, nil, []*mat.Dense{mat.NewDense(199, 1, nil)}},
		{"row 3, column 0", s, relu(1), ones, nil, []*mat.Dense{infinite}},
		{"target 1 is 0", s, relu(1), ones, nil, []*mat.Dense{y, mat.NewDense(200, 1, nil)}},
		{"more than the 50 modes", s, relu(1), []int{60}, nil, []*mat.Dense{y}},
		{"more than half", s, relu(1), []int{110}, &PredictSettings{Modes: 120}, []*mat.Dense{y}},
		{"depends on norms too much", s, ntk.Must(ntk.PolynomialKernel(8, 0)), ones, nil,
			[]*mat.Dense{y}},
		{"no kernel", s, negative, ones, nil, []*mat.Dense{y}},
		{"zero Kernel", s, ntk.Kernel{}, ones, nil, []*mat.Dense{y}},
	} {
		_, err := c.data.Predict(c.kernel, c.ns, c.set, c.targets...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
