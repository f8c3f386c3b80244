package spectra_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/spectra"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func near(t *testing.T, what string, got, want []float64, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= within) {
			t.Errorf("%s: entry %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestCircleTarget(t *testing.T) {
	waves := func(a float64) float64 {
		return 0.5 + 3*math.Cos(a) - math.Sin(a) + 2*math.Sin(3*a) + math.Cos(8*a)
	}
	for _, c := range []struct {
		points, degree int
		power          []float64
		noise          float64
	}{
		{0, 3, []float64{0.25, 5, 0, 2}, 0.5},
		{17, 100, []float64{0.25, 5, 0, 2, 0, 0, 0, 0, 0.5}, 0},
		{16, 8, []float64{0.25, 5, 0, 2, 0, 0, 0, 0, 1}, 0}, // cos 8θ is ±1 at all 16 points
		{16, 2, []float64{0.25, 5, 0}, 3},
		{1, 0, []float64{4.5 * 4.5}, 0},
	} {
		got, err := spectra.Circle{Points: c.points}.Target(waves, c.degree)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "power", got.Power, c.power, 1e-14)
		near(t, "noise", []float64{got.Noise}, []float64{c.noise}, 1e-14)
	}
	// A square wave: (4/(πk))²/2 at odd k.
	square := func(a float64) float64 { return math.Copysign(1, math.Pi-a) }
	got := ntk.Must(spectra.Circle{}.Target(square, 9))
	for k, v := range got.Power {
		if want := 8 / math.Pow(math.Pi*float64(k), 2) * float64(k%2); math.Abs(v-want) > 1e-8 &&
			k > 0 {
			t.Errorf("square wave, degree %d: %v, want %v", k, v, want)
		}
	}
	// The levels are those of the spectrum.
	for _, points := range []int{0, 1, 2, 9, 16} {
		c := spectra.Circle{Points: points}
		s := ntk.Must(c.Spectrum(ntk.Must(ntk.GaussianKernel(1)), 5))
		if target := ntk.Must(c.Target(waves, 5)); len(target.Power) != len(s.Levels) {
			t.Errorf("%d points: %d levels of the target, %d of the spectrum", points,
				len(target.Power), len(s.Levels))
		}
	}
}

func TestHypercubeTarget(t *testing.T) {
	cube := spectra.Hypercube{Dim: 9}
	terms := []spectra.Parity{{nil, -2}, {[]int{3}, 1}, {[]int{8}, 0.5}, {[]int{0, 8}, 3},
		{[]int{8, 0}, -1}, {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8}, 0.1}}
	f := func(x []float64) float64 {
		var sum float64
		for _, term := range terms {
			v := term.Coefficient
			for _, bit := range term.Bits {
				v *= x[bit]
			}
			sum += v
		}
		return sum
	}
	want := []float64{4, 1.25, 4, 0, 0, 0, 0, 0, 0, 0.01}
	near(t, "by values", ntk.Must(cube.Target(f)).Power, want, 1e-14)
	near(t, "by terms", ntk.Must(cube.Parities(terms...)).Power, want, 1e-14)
	// The sign of a sum of three is half of it less half of its parity.
	majority := func(x []float64) float64 { return math.Copysign(1, x[0]+x[1]+x[2]) }
	got := ntk.Must(spectra.Hypercube{Dim: 3}.Target(majority))
	near(t, "majority", got.Power, []float64{0, 0.75, 0, 0.25}, 1e-15)
	large := ntk.Must(spectra.Hypercube{Dim: 100}.Parities(spectra.Parity{[]int{0, 63, 64, 99}, 2},
		spectra.Parity{[]int{0, 64, 99}, 1}))
	if large.Power[4] != 4 || large.Power[3] != 1 || len(large.Power) != 101 {
		t.Errorf("100 bits: %v", large.Power[:6])
	}
}

func TestZonalTarget(t *testing.T) {
	for _, d := range []int{2, 3, 5, 40} {
		sphere, f := spectra.Sphere{Dim: d}, float64(d)
		// c³ = 3c/(d+2) + …, and E c^6 = 15/(d(d+2)(d+4)).
		cube := ntk.Must(sphere.ZonalTarget(func(c float64) float64 { return c * c * c }, 4))
		first := 9 / (f * (f + 2) * (f + 2))
		near(t, "c³", cube.Power, []float64{0, first, 0, 15/(f*(f+2)*(f+4)) - first, 0}, 1e-14)
		if cube.Noise != 0 {
			t.Errorf("d = %d: c³ leaves %v", d, cube.Noise)
		}
		low := ntk.Must(sphere.ZonalTarget(func(c float64) float64 { return c * c * c }, 2))
		near(t, "c³ to degree 2", []float64{low.Noise}, []float64{cube.Power[3]}, 1e-14)
	}
	// On S² a step has (2k+1)(∫_0^1 P_k)², which is 3/4, 7/64, …
	step := ntk.Must(spectra.Sphere{Dim: 3}.ZonalTarget(func(c float64) float64 {
		return math.Copysign(1, c)
	}, 5))
	near(t, "step", step.Power, []float64{0, 0.75, 0, 7. / 64, 0, 11. / 256}, 1e-12)
	near(t, "step", []float64{step.Noise}, []float64{1 - 0.75 - 7./64 - 11./256}, 1e-12)
	// 1 - c is 0 at c = 1.
	near(t, "1-c", ntk.Must(spectra.Sphere{Dim: 4}.ZonalTarget(func(c float64) float64 {
		return 1 - c
	}, 1)).Power, []float64{1, 0.25}, 1e-14)
}

func onSphere(rows, d int, random *rand.Rand) *mat.Dense {
	x := mat.NewDense(rows, d, nil)
	for i := range rows {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = random.NormFloat64()
		}
		norm := mat.Norm(x.RowView(i), 2)
		for j := range row {
			row[j] *= math.Sqrt(float64(d)) / norm
		}
	}
	return x
}

// An estimate is unbiased and as far off as it says: √5 x_0 √.5 and the degree 2 √(7/5)·5 x_0 x_1
// √.3 on S⁴, here with x of norm √5, and noise of variance .2.
func TestSampledTarget(t *testing.T) {
	const d, rows, trials = 5, 120, 100
	want := []float64{0, 0.5, 0.3, 0}
	random := rand.New(rand.NewPCG(3, 4))
	found, stated := make([][]float64, 4), make([][]float64, 4)
	var noise float64
	for range trials {
		x, y := onSphere(rows, d, random), mat.NewDense(rows, 1, nil)
		for i := range rows {
			y.Set(i, 0, math.Sqrt(0.5)*x.At(i, 0)+math.Sqrt(0.3*7/5)*x.At(i, 0)*x.At(i, 1)+
				math.Sqrt(0.2)*random.NormFloat64())
		}
		e := ntk.Must(spectra.Sphere{Dim: d}.SampledTarget(x, y, 3))
		noise += e.Noise / trials
		for k := range found {
			found[k] = append(found[k], e.Power[k])
			stated[k] = append(stated[k], e.StandardError[k])
		}
	}
	for k := range found {
		mean, std := stat.MeanStdDev(found[k], nil)
		said := stat.Mean(stated[k], nil)
		t.Logf("degree %d: %.3f ± %.3f, stated ± %.3f, true %v", k, mean, std, said, want[k])
		if math.Abs(mean-want[k]) > 4*std/math.Sqrt(trials) {
			t.Errorf("degree %d: %v ± %v, want %v", k, mean, std/math.Sqrt(trials), want[k])
		}
		if said < 0.8*std || said > 1.3*std {
			t.Errorf("degree %d: the standard error is %v, stated %v", k, std, said)
		}
	}
	if math.Abs(noise-0.2) > 0.05 {
		t.Errorf("noise %v", noise)
	}
}

// Labels of two outputs over given modes with noise: no bias, and as far off as stated.
func TestDataTarget(t *testing.T) {
	const rows, modes, trials = 90, 60, 400
	random := rand.New(rand.NewPCG(5, 6))
	raw := mat.NewDense(rows, modes, nil)
	for i := range rows {
		for j := range modes {
			raw.Set(i, j, random.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(raw)
	var q mat.Dense
	qr.QTo(&q)
	basis := mat.DenseCopyOf(q.Slice(0, rows, 0, modes))
	v := []float64{0.6, 0.2, 0.05, 0}
	found, stated := make([][]float64, len(v)), make([][]float64, len(v))
	var noise float64
	for range trials {
		y := mat.NewDense(rows, 2, nil)
		for i := range rows {
			for k, a := range v {
				y.Set(i, 0, y.At(i, 0)+math.Sqrt(rows)*a*basis.At(i, k))
			}
			y.Set(i, 0, y.At(i, 0)+0.5*random.NormFloat64())
			y.Set(i, 1, math.Sqrt(rows)*basis.At(i, 1)+random.NormFloat64())
		}
		e := ntk.Must(spectra.DataTarget(basis, y))
		noise += e.Noise / trials
		for k := range v {
			found[k] = append(found[k], e.Power[k])
			stated[k] = append(stated[k], e.StandardError[k])
		}
	}
	for k, a := range v {
		want := a * a
		if k == 1 {
			want++
		}
		mean, std := stat.MeanStdDev(found[k], nil)
		said := stat.Mean(stated[k], nil)
		t.Logf("mode %d: %.4f ± %.4f, stated ± %.4f, true %v", k, mean, std, said, want)
		if math.Abs(mean-want) > 4*std/math.Sqrt(trials) || said < 0.8*std || said > 1.4*std {
			t.Errorf("mode %d: %v ± %v, stated %v, want %v", k, mean, std, said, want)
		}
	}
	if math.Abs(noise-1.25) > 0.05 {
		t.Errorf("noise %v, want 1.25", noise)
	}
}

func TestTargetBadInput(t *testing.T) {
	zero := func(float64) float64 { return 0 }
	nan := func(float64) float64 { return math.NaN() }
	ones := func(rows, cols int) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		for i := range rows {
			for j := range cols {
				m.Set(i, j, 1)
			}
		}
		return m
	}
	infinite := ones(4, 1)
	infinite.Set(2, 0, math.Inf(1))
	sphere, cube := spectra.Sphere{Dim: 3}, spectra.Hypercube{Dim: 4}
	half := ones(4, 2)
	half.Scale(0.5, half) // unit columns that are the same
	for says, err := range map[string]error{
		"Circle.Points": second(spectra.Circle{Points: -1}.Target(zero, 3)),
		"degree is -1":  second(spectra.Circle{Points: 8}.Target(zero, -1)),
		"at the angle":  second(spectra.Circle{Points: 8}.Target(nan, 3)),
		"is 21":         second(spectra.Hypercube{Dim: 21}.Target(nil)),
		"is 0":          second(spectra.Hypercube{}.Target(nil)),
		"at the point": second(cube.Target(func(x []float64) float64 {
			return 1 / (1 - x[0])
		})),
		"Dim is 101":          second(spectra.Hypercube{Dim: 101}.Parities()),
		"has bit 4;":          second(cube.Parities(spectra.Parity{[]int{1, 4}, 1})),
		"has bit 1 twic":      second(cube.Parities(spectra.Parity{[]int{1, 1}, 1})),
		"at term 0":           second(cube.Parities(spectra.Parity{nil, math.NaN()})),
		"Sphere.Dim":          second(spectra.Sphere{Dim: 1}.ZonalTarget(zero, 3)),
		"the target\" is NaN": second(sphere.ZonalTarget(nan, 3)),
		"at least 3 of 3":     second(sphere.SampledTarget(ones(2, 3), ones(2, 1), 3)),
		"labels of 4":         second(sphere.SampledTarget(ones(5, 3), ones(4, 1), 3)),
		"of sample 2 is +Inf": second(sphere.SampledTarget(ones(4, 3), infinite, 3)),
		"sample 0 has":        second(spectra.Sphere{Dim: 2}.SampledTarget(half, ones(4, 1), 3)),
		"degree is 2000":      second(sphere.SampledTarget(ones(5, 3), ones(5, 1), 2000)),
		"of 5 samples":        second(spectra.DataTarget(half, ones(5, 1))),
		"sample 2 is +Inf":    second(spectra.DataTarget(half, infinite)),
		"column 0":            second(spectra.DataTarget(ones(4, 2), ones(4, 1))),
		"not orthogonal":      second(spectra.DataTarget(half, ones(4, 1))),
		"4 modes of 4":        second(spectra.DataTarget(ones(4, 4), ones(4, 1))),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
}

// The curve that is predicted from eigenvectors and labels of the embedded digits, even against
// odd, beside regression on some of them and its error on all, of which the spectrum is.
func TestDataTargetPredicts(t *testing.T) {
	const rows, modes, trials, ridge = 900, 300, 12, 0.02
	digits := data.Digits()
	x := mat.DenseCopyOf(digits.X.Slice(0, rows, 0, 64))
	y := mat.NewDense(rows, 1, nil)
	for i := range rows {
		y.Set(i, 0, float64(1-2*(digits.Labels[i]%2)))
	}
	gram := ntk.Must(ntk.Must(ntk.LaplaceKernel(1)).Gram(x))
	found := ntk.Must(spectra.Gram(context.Background(), ntk.MatrixTiles(gram),
		spectra.GramSettings{Top: modes, Vectors: true}))
	target := ntk.Must(spectra.DataTarget(found.Vectors, y)).Target
	random := rand.New(rand.NewPCG(8, 9))
	for _, n := range []int{30, 60, 120} {
		var measured float64
		for range trials {
			order := random.Perm(rows)
			k, b := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
			for i := range n {
				for j := range n {
					k.Set(i, j, gram.At(order[i], order[j]))
				}
				k.Set(i, i, k.At(i, i)+ridge)
				b.SetVec(i, y.At(order[i], 0))
			}
			var alpha mat.VecDense
			if err := alpha.SolveVec(k, b); err != nil {
				t.Fatal(err)
			}
			for row := range rows {
				left := y.At(row, 0)
				for i := range n {
					left -= alpha.AtVec(i) * gram.At(row, order[i])
				}
				measured += left * left / float64(rows*trials)
			}
		}
		theory := ntk.Must(found.Learn(target, float64(n), ridge)).TestMSE
		t.Logf("n = %d: theory %.3f, measured %.3f", n, theory, measured)
		if math.Abs(math.Log(theory/measured)) > 0.05 {
			t.Errorf("n = %d: theory %v, measured %v", n, theory, measured)
		}
	}
}
