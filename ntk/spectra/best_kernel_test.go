package spectra

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// cubic is a target on the sphere in 20 dimensions, and the powers to degree 8.
func cubic(t *testing.T) (PowerSpectra, Target) {
	t.Helper()
	p, err := Sphere{20}.PowerSpectra(8)
	if err != nil {
		t.Fatal(err)
	}
	return p, Target{Power: []float64{0, 0.3, 0.1, 0.5, 0, 0, 0, 0, 0}, Noise: 0.1}
}

// Mixed powers have the spectrum of the kernel that they are.
func TestPowerSpectra(t *testing.T) {
	a := []float64{0.1, 0.4, 0, 0.3, 0.15, 0.05}
	K := ntk.Must(ntk.Must(ntk.NewPowerSeries(a)).Kernel())
	for _, d := range []int{2, 3, 20} {
		s := Sphere{d}
		got := ntk.Must(ntk.Must(s.PowerSpectra(len(a) - 1)).Spectrum(a))
		same(t, got, ntk.Must(s.Spectrum(K, len(a)-1)))
	}
	for _, d := range []int{3, 10} { // with more powers than bits, and fewer
		h := Hypercube{d}
		got := ntk.Must(ntk.Must(h.PowerSpectra(len(a) - 1)).Spectrum(a))
		same(t, got, ntk.Must(h.Spectrum(K)))
	}
}

func same(t *testing.T, got, want *Spectrum) {
	t.Helper()
	if len(got.Levels) != len(want.Levels) || math.Abs(got.Tail-want.Tail) > 1e-14 {
		t.Errorf("%d levels and the tail %v; want %d and %v", len(got.Levels), got.Tail,
			len(want.Levels), want.Tail)
	}
	for k, l := range want.Levels {
		if g := got.Levels[k]; math.Abs(g.Eigenvalue-l.Eigenvalue) > 1e-12*l.Eigenvalue+1e-17 ||
			g.Multiplicity != l.Multiplicity || g.Degree != l.Degree {
			t.Errorf("level %d is %v; want %v", k, g, l)
		}
	}
}

// The covariance of a Gaussian prior that the target is from, with the noise for a ridge, is the
// best kernel at any n: λ = v²/m in each level.
func TestBestKernelIsThePrior(t *testing.T) {
	p, _ := cubic(t)
	target := Target{Power: []float64{0, 0.3, 0, 0.5, 0, 0, 0, 0, 0}, Noise: 0.2}
	prior := newSpectrum(Sphere{20}.multiplicities(8))
	for k := range prior.Levels {
		prior.Levels[k].Eigenvalue = target.Power[k] / prior.Levels[k].Multiplicity
	}
	n := []float64{20, 100, 600, 3000}
	var mean float64
	for _, points := range n {
		want := ntk.Must(prior.Learn(target, points, target.Noise)).TestMSE
		mean += math.Log(want) / float64(len(n))
		design := ntk.Must(p.BestKernel(target, []float64{points}, nil))
		if math.Abs(design.TestMSE/want-1) > 1e-5 {
			t.Errorf("n = %v: error %v, of the prior %v", points, design.TestMSE, want)
		}
	}
	design := ntk.Must(p.BestKernel(target, n, nil))
	if math.Abs(design.TestMSE/math.Exp(mean)-1) > 1e-5 {
		t.Errorf("the mean error is %v, of the prior %v", design.TestMSE, math.Exp(mean))
	}
	var sum float64
	for k, l := range design.Spectrum.Levels {
		power := l.Eigenvalue * l.Multiplicity * 0.8 // the prior's K(1) is 0.8
		if sum += design.Coeffs[k]; math.Abs(power-target.Power[k]) > 5e-3 {
			t.Errorf("degree %d has %.4f of the kernel, and %v of the target", k, power,
				target.Power[k])
		}
	}
	if math.Abs(sum-1) > 1e-12 || math.Abs(design.Ridge*0.8-0.2) > 5e-3 {
		t.Errorf("K(1) is %v and the ridge %v; want 1 and 0.25", sum, design.Ridge)
	}
}

// The gradient is what differences say, for the kernel and features, one n and several, and a
// ridge that is given and one that is not.
func TestDesignGradient(t *testing.T) {
	p, target := cubic(t)
	random := rand.New(rand.NewPCG(3, 3))
	for _, d := range []designer{
		{n: []float64{300}, features: math.Inf(1)}, {n: []float64{300}, features: 120},
		{n: []float64{50, 800}, features: 400}, {n: []float64{300}, features: 1000, ridge: 0.1},
	} {
		d.powers, d.target = p, target
		w := d.start(1, random)
		gradient, other := make([]float64, len(w)), make([]float64, len(w))
		if _, err := d.error(w, gradient); err != nil {
			t.Fatal(err)
		}
		for j := range w {
			h, at := 1e-4*w[j], w[j]
			w[j] = at + h
			up := ntk.Must(d.error(w, other))
			w[j] = at - h
			down := ntk.Must(d.error(w, other))
			w[j] = at
			want := (up - down) / (2 * h)
			if math.Abs(gradient[j]-want) > 1e-5*math.Abs(want)+1e-9 {
				t.Errorf("%v points, %v features: slope %d is %v, by differences %v", d.n,
					d.features, j, gradient[j], want)
			}
		}
	}
}

// No random kernel with its own best ridge is better, with features neither.
func TestBestKernelIsBest(t *testing.T) {
	cube := Hypercube{12}
	p := ntk.Must(cube.PowerSpectra(6))
	target := ntk.Must(cube.Parities(Parity{[]int{0}, 0.5}, Parity{[]int{1, 2}, 0.5},
		Parity{[]int{3, 4, 5, 6}, 0.7}))
	target.Noise = 0.05
	random := rand.New(rand.NewPCG(1, 1))
	for _, features := range []float64{0, 150} {
		set := &BestKernelSettings{Features: features}
		design := ntk.Must(p.BestKernel(target, []float64{250}, set))
		if again := ntk.Must(p.BestKernel(target, []float64{250}, set)); !slices.Equal(
			design.Coeffs, again.Coeffs) {
			t.Errorf("a second search ends at %v, the first at %v", again.Coeffs, design.Coeffs)
		}
		k := features
		if k == 0 {
			k = math.Inf(1)
		}
		for range 200 {
			a := make([]float64, len(p))
			for j := range a {
				a[j] = math.Exp(3 * random.NormFloat64())
			}
			_, l, err := ntk.Must(p.Spectrum(a)).BestRidge(target, 250, k)
			if err != nil {
				t.Fatal(err)
			}
			if l.TestMSE < design.TestMSE*(1-1e-6) {
				t.Errorf("%v features: %v has the error %v, the design %v", k, a, l.TestMSE,
					design.TestMSE)
			}
		}
	}
}

// From c, which learns all that there is to learn, towards c³, of which the points learn the noise,
// the error rises and then stays: it is not convex.
func TestErrorIsNotConvex(t *testing.T) {
	p, _ := cubic(t)
	target := Target{Power: []float64{0, 0.5, 0, 0, 0, 0, 0, 0, 0}, Noise: 0.5}
	d := designer{powers: p, target: target, n: []float64{600}, features: math.Inf(1), ridge: 0.01}
	at := func(share float64) float64 {
		w := make([]float64, len(p))
		w[1], w[3] = 1-share, share
		return ntk.Must(d.error(w, make([]float64, len(w))))
	}
	if middle, mean := at(0.2), (at(0)+at(0.4))/2; !(middle > 1.1*mean) {
		t.Errorf("between two kernels the error is %v, the mean of theirs %v", middle, mean)
	}
}

// Designed from rows of the sphere and noisy labels, a kernel is nearly as good for the true
// target as the one that is designed for that.
func TestDataBestKernel(t *testing.T) {
	const rows, d, n = 800, 12, 300
	random := rand.New(rand.NewPCG(5, 5))
	x, y := mat.NewDense(rows, d, nil), mat.NewDense(rows, 1, nil)
	for i := range rows {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = random.NormFloat64()
		}
		floats.Scale(math.Sqrt(d)/floats.Norm(row, 2), row)
		y.Set(i, 0, math.Sqrt(0.4)*row[0]+math.Sqrt(0.4*(d+2)/d)*row[1]*row[2]+
			math.Sqrt(0.2)*random.NormFloat64())
	}
	s := ntk.Must(MeasureData(x))
	design, err := s.BestKernel(y, []float64{n}, &DataKernelSettings{Degree: 5})
	if err != nil {
		t.Fatal(err)
	}
	p := ntk.Must(Sphere{d}.PowerSpectra(5))
	target := Target{Power: []float64{0, 0.4, 0.4, 0, 0, 0}, Noise: 0.2}
	best := ntk.Must(p.BestKernel(target, []float64{n}, nil)).TestMSE
	got := ntk.Must(ntk.Must(p.Spectrum(design.Coeffs)).Learn(target, n, design.Ridge)).TestMSE
	if got > 1.05*best {
		t.Errorf("the design %.3f, ridge %.3f, has the error %v; the best is %v", design.Coeffs,
			design.Ridge, got, best)
	}
	if math.Abs(design.TestMSE/best-1) > 0.2 {
		t.Errorf("the predicted error is %v, that of the best kernel %v", design.TestMSE, best)
	}
	for _, e := range []struct {
		y    *mat.Dense
		n    []float64
		set  *DataKernelSettings
		want string
	}{
		{mat.NewDense(rows, 1, nil), []float64{n}, nil, "nothing to learn"},
		{mat.NewDense(3, 1, nil), []float64{n}, nil, "3 rows"},
		{y, []float64{0}, nil, "n is 0"},
		{y, []float64{n}, &DataKernelSettings{Degree: 13}, "Degree is 13"},
		{y, []float64{n}, &DataKernelSettings{Modes: rows}, "Modes is 800"},
	} {
		if _, err := s.BestKernel(e.y, e.n, e.set); err == nil ||
			!strings.Contains(err.Error(), e.want) {
			t.Errorf("%v; want %q", err, e.want)
		}
	}
	if _, err := (*DataStatistics)(nil).BestKernel(y, []float64{n}, nil); err == nil {
		t.Error("no error without statistics")
	}
}

// The modes that are counted and those that are listed are all modes.
func TestOtherCounts(t *testing.T) {
	s := &DataStatistics{Variances: []float64{4, 3, 2, 1}, Norm2: 10}
	given := hermiteModes([]float64{1, 1, 1, 1}, s.shares(), 10)
	listed := make([]float64, 4)
	for _, m := range given {
		listed[len(m.coordinates)]++
	}
	counts := s.otherCounts(given, 4)
	for degree, all := range []float64{1, 4, 10, 20} {
		if got := floats.Sum(counts[degree]); got != all-listed[degree] {
			t.Errorf("degree %d: %v modes beside %v; want %v together", degree, got, listed[degree],
				all)
		}
	}
}

// Rates are those that labels were drawn with.
func TestOtherRates(t *testing.T) {
	const rows, d = 1200, 8
	random := rand.New(rand.NewPCG(2, 2))
	x, y := mat.NewDense(rows, d, nil), mat.NewDense(rows, 30, nil)
	for i := range rows {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = random.NormFloat64()
		}
		floats.Scale(math.Sqrt(d)/floats.Norm(row, 2), row)
	}
	s := ntk.Must(MeasureData(x))
	// Thirty targets of all the modes of degree 2 alike, and noise of variance 0.4.
	table := newModeTable(hermiteModes([]float64{0, 0, 1}, s.shares(), 100), d)
	values := make([]float64, rows*len(table.ends))
	s.modeValues(values, table, 0, rows)
	weights := mat.NewDense(len(table.ends), 30, nil)
	for i := range len(table.ends) {
		for j := range 30 {
			weights.Set(i, j, math.Sqrt(0.6*rows/float64(len(table.ends)))*random.NormFloat64())
		}
	}
	y.Mul(mat.NewDense(rows, len(table.ends), values), weights)
	power := math.Pow(mat.Norm(y, 2), 2) / rows
	for i := range rows {
		for j := range 30 {
			y.Set(i, j, y.At(i, j)+math.Sqrt(0.4)*random.NormFloat64())
		}
	}
	rates := s.otherRates(hermiteModes([]float64{1, 1}, s.shares(), 5), y, 3)
	// Of c² the constant, which is given, has 1/d.
	for degree, want := range []float64{0, 0, power / (1 - 1./d), 0} {
		if math.Abs(rates[degree]-want) > 0.05*power {
			t.Errorf("degree %d has the rate %v; want %v", degree, rates[degree], want)
		}
	}
}

// Within its range a coefficient costs a percent at most, and beyond more.
func TestRanges(t *testing.T) {
	p, target := cubic(t)
	design := ntk.Must(p.BestKernel(target, []float64{50, 200, 600}, nil))
	ranges, err := design.Ranges(1.01)
	if err != nil {
		t.Fatal(err)
	}
	for j, r := range ranges {
		if a := design.Coeffs[j]; r[0] > a || r[1] < a {
			t.Errorf("a_%d is %v, and its range %v", j, a, r)
		}
		for side, step := range []float64{-0.02, 0.02} {
			beyond := r[side] + step
			if beyond < 0 || beyond > 1 {
				continue
			}
			if least := ntk.Must(design.with(j, beyond)); least <= 1.01*design.TestMSE {
				t.Errorf("a_%d = %v, outside of %v, has the error %v, the least %v", j, beyond, r,
					least, design.TestMSE)
			}
		}
	}
	if width := ranges[3][1] - ranges[3][0]; width > 0.6 || ranges[3][0] < 0.2 {
		t.Errorf("a_3, which the target needs, ranges over %v", ranges[3])
	}
}

func TestBestKernelErrors(t *testing.T) {
	p, target := cubic(t)
	other := ntk.Must(Sphere{7}.PowerSpectra(8))
	zero := Target{Power: make([]float64, 9), Noise: 1}
	even := PowerSpectra{p[0], p[2], p[4]}
	odd := Target{Power: []float64{0, 1, 0, 0.5, 0, 0, 0, 0, 0}}
	n := []float64{100}
	for _, e := range []struct {
		p      PowerSpectra
		target Target
		n      []float64
		set    *BestKernelSettings
		want   string
	}{
		{p, zero, n, nil, "no power"},
		{even, odd, n, nil, "no power"},
		{p, Target{Power: []float64{1}}, n, nil, "one number per level"},
		{p, target, nil, nil, "no number of points"},
		{p, target, []float64{100, 0}, nil, "n is 0"},
		{p, target, []float64{math.NaN()}, nil, "n is NaN"},
		{p, target, n, &BestKernelSettings{Ridge: -1}, "Ridge -1"},
		{p, target, n, &BestKernelSettings{Features: -2}, "Features is -2"},
		{p, target, n, &BestKernelSettings{Starts: -1}, "Starts -1"},
		{nil, target, n, nil, "no spectra"},
		{PowerSpectra{p[0], nil}, target, n, nil, "power 1 is nil"},
		{PowerSpectra{p[0], other[1]}, target, n, nil, "must be the same"},
	} {
		if _, err := e.p.BestKernel(e.target, e.n, e.set); err == nil ||
			!strings.Contains(err.Error(), e.want) {
			t.Errorf("%v; want %q", err, e.want)
		}
	}
	if _, err := (Sphere{20}).PowerSpectra(-1); err == nil {
		t.Error("no error of degree -1")
	}
	if _, err := (Hypercube{0}).PowerSpectra(3); err == nil {
		t.Error("no error of dimension 0")
	}
	if _, err := p.Spectrum([]float64{1, -1, 0, 0, 0, 0, 0, 0, 0}); err == nil {
		t.Error("no error of a negative coefficient")
	}
	if _, err := ntk.Must(p.BestKernel(target, n, nil)).Ranges(0.9); err == nil {
		t.Error("no error of a factor below 1")
	}
}

// The slope of the error by each power, which noise gives what it takes, is that of differences.
func TestKernelDesignUncertainty(t *testing.T) {
	x := scaled(normalRows(300, 12, 51), 1)
	centre(x)
	s := ntk.Must(MeasureData(x))
	set := &DataKernelSettings{Degree: 3, Modes: 40}
	set.Starts, set.Features, set.Ridge = 1, 150, 0.02
	k := ntk.Must(s.BestKernel(noisySigns(x, 51), []float64{30, 100}, set))
	if !(k.Uncertainty > 0.005*k.TestMSE && k.Uncertainty < 0.2*k.TestMSE) {
		t.Errorf("%v ± %v", k.TestMSE, k.Uncertainty)
	}
	mse := func() float64 {
		log := 0.0
		for _, l := range ntk.Must(k.LearningCurve([]float64{30, 100})) {
			log += math.Log(l.TestMSE) / 2
		}
		return math.Exp(log)
	}
	const step = 1e-6
	power := k.of.target.Power
	noise := k.of.target.Noise
	for _, i := range []int{0, 1, 7, 39} {
		only := &hermiteCoefficients{variances: make([]float64, 40)}
		only.variances[i] = 1
		first := mse()
		power[i] += step
		k.of.target.Noise -= step
		slope := (first - mse()) / step
		power[i] -= step
		k.of.target.Noise = noise
		if got := k.uncertainty(only); math.Abs(got/slope-1) > 1e-4 {
			t.Errorf("mode %d: slope %v, by differences %v", i, got, slope)
		}
	}
	k.of.target.Noise += step
	slope := (mse() - k.TestMSE) / step
	if got := k.uncertainty(&hermiteCoefficients{powerVariance: 1}); math.Abs(got/slope-1) > 1e-4 {
		t.Errorf("noise: slope %v, by differences %v", got, slope)
	}
}
