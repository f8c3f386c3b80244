package spectra

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// allTuples calls f with every multi-index of the degree over so many coordinates.
func allTuples(coordinates, degree int, f func(t []int32)) {
	var extend func(t []int32)
	extend = func(t []int32) {
		if len(t) == degree {
			f(t)
			return
		}
		from := int32(0)
		if len(t) > 0 {
			from = t[len(t)-1]
		}
		for i := from; int(i) < coordinates; i++ {
			extend(append(slices.Clone(t), i))
		}
	}
	extend(nil)
}

func product(shares []float64, t []int32) float64 {
	p := 1.0
	for _, i := range t {
		p *= shares[i]
	}
	return p
}

func TestLevelTraces(t *testing.T) {
	shares := []float64{0.5, 0.3, 0.15, 0.05}
	for l, got := range levelTraces(shares, 6) {
		var want float64
		allTuples(len(shares), l, func(t []int32) { want += product(shares, t) })
		if math.Abs(got-want) > 1e-15 {
			t.Errorf("h_%d is %v, want %v", l, got, want)
		}
	}
	// Of d equal shares, C(d+ℓ-1, ℓ)/d^ℓ.
	const d = 3072
	equal := make([]float64, d)
	for i := range equal {
		equal[i] = 1. / d
	}
	want := 1.0
	for l, got := range levelTraces(equal, highestLevel) {
		if l > 0 {
			want *= float64(d+l-1) / float64(l) / d
		}
		if math.Abs(got/want-1) > 1e-12 {
			t.Errorf("h_%d of equal shares is %v, want %v", l, got, want)
		}
	}
}

func TestHermiteModesAreTheLargest(t *testing.T) {
	for _, shares := range [][]float64{
		{1}, {0.5, 0.3, 0.15, 0.05}, {0.25, 0.25, 0.25, 0.25}, {0.9, 0.06, 0.04},
	} {
		a := []float64{0.4, 0.3, 0, 0.2, 0.05, 0.05}
		traces := levelTraces(shares, len(a)-1)
		var want []float64
		for l, v := range a {
			allTuples(len(shares), l, func(t []int32) {
				if v > 0 {
					want = append(want, v/traces[l]*product(shares, t))
				}
			})
		}
		slices.SortFunc(want, func(x, y float64) int { return -1 + 2*btoi(x < y) })
		modes := hermiteModes(a, shares, len(want)+10)
		if len(modes) != len(want) {
			t.Fatalf("%v: %d modes, want %d", shares, len(modes), len(want))
		}
		sums := make([]float64, len(a))
		seen := map[string]bool{}
		for i, m := range modes {
			if math.Abs(m.eigenvalue-want[i]) > 1e-15 {
				t.Errorf("%v: eigenvalue %d is %v, want %v", shares, i, m.eigenvalue, want[i])
			}
			key := fmt.Sprint(m.coordinates)
			if seen[key] || !slices.IsSorted(m.coordinates) {
				t.Errorf("%v: mode %v is there twice or out of order", shares, m.coordinates)
			}
			seen[key] = true
			sums[len(m.coordinates)] += m.eigenvalue
		}
		for l, v := range a {
			if math.Abs(sums[l]-v) > 1e-14 {
				t.Errorf("%v: level %d sums to %v, want %v", shares, l, sums[l], v)
			}
		}
		few := hermiteModes(a, shares, 5)
		for i, m := range few {
			if !slices.Equal(m.coordinates, modes[i].coordinates) {
				t.Errorf("%v: mode %d of few is %v, of all %v", shares, i, m, modes[i])
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestHermiteValues(t *testing.T) {
	h := make([]float64, 5)
	for _, z := range []float64{-2.5, 0, 0.3, 7} {
		hermiteValues(h, z)
		want := []float64{1, z, (z*z - 1) / math.Sqrt2, (z*z*z - 3*z) / math.Sqrt(6),
			(z*z*z*z - 6*z*z + 3) / math.Sqrt(24)}
		for k, v := range want {
			if math.Abs(h[k]-v) > 1e-13*(1+math.Abs(v)) {
				t.Errorf("h_%d(%v) is %v, want %v", k, z, h[k], v)
			}
		}
	}
}

// Against Householder reflections of the whole matrix.
func TestFitAgainstQR(t *testing.T) {
	const n, outputs = 700, 3
	x := normalRows(n, 6, 1)
	s, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	modes := hermiteModes([]float64{1, 1, 0.5, 0.2, 0.1}, s.shares(), 300)
	y := normalRows(n, outputs, 2)
	for i := range n {
		y.Set(i, 0, y.At(i, 0)+x.At(i, 0)*x.At(i, 1))
	}
	f := s.fit(modes, []*mat.Dense{y})
	h := mat.NewDense(n, len(modes), nil)
	values := make([]float64, 10)
	for i := range n {
		for j, m := range modes {
			v := 1 / math.Sqrt(n)
			for c := range s.Variances {
				degree := 0
				for _, k := range m.coordinates {
					degree += btoi(int(k) == c)
				}
				hermiteValues(values, s.whitened[i*len(s.Variances)+c])
				v *= values[degree]
			}
			h.Set(i, j, v)
		}
	}
	var qr mat.QR
	qr.Factorize(h)
	var q, v mat.Dense
	qr.QTo(&q)
	v.Mul(q.T(), y)
	v.Scale(1/math.Sqrt(n), &v)
	var noise float64
	want := make([]float64, len(modes))
	for c := range outputs {
		var rho2 float64
		for i := len(modes); i < n; i++ {
			rho2 += v.At(i, c) * v.At(i, c)
		}
		rho2 /= 1 - float64(len(modes))/n
		noise += rho2
		for j := range want {
			want[j] += v.At(j, c)*v.At(j, c) - rho2/n
		}
	}
	got := f.targets[0]
	if math.Abs(got.noise/noise-1) > 1e-7 {
		t.Errorf("noise %v, want %v", got.noise, noise)
	}
	var sum float64
	for j, w := range want {
		if math.Abs(got.squares[j]-w) > 1e-7*noise {
			t.Errorf("power of mode %d is %v, want %v", j, got.squares[j], w)
		}
		sum += got.squares[j]
	}
	if math.Abs(sum+got.noise-got.power) > 1e-10*got.power {
		t.Errorf("the target's power is %v, the parts sum to %v", got.power, sum+got.noise)
	}
	if f.dependent != 0 {
		t.Errorf("%d modes are made of others", f.dependent)
	}
}

// On ±1 every square is constant, and products are independent: modes that are made of others
// have no part, and what is left is exact.
func TestFitOfDependentModes(t *testing.T) {
	const bits = 6
	x, y := mat.NewDense(1<<bits, bits, nil), mat.NewDense(1<<bits, 1, nil)
	for i := range 1 << bits {
		for j := range bits {
			// Variances that differ, so that directions are the features.
			x.Set(i, j, float64(2*(i>>j&1)-1)*(1+0.1*float64(bits-j)))
		}
		sign := func(j int) float64 { return float64(2*(i>>j&1) - 1) }
		y.Set(i, 0, 3*sign(0)+2*sign(1)*sign(2)+1)
	}
	s, err := MeasureData(x)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.TwoValued-1) > 1e-12 {
		t.Errorf("two-valued is %v, want 1", s.TwoValued)
	}
	modes := hermiteModes([]float64{1, 0.5, 0.3}, s.shares(), 100)
	f := s.fit(modes, []*mat.Dense{y})
	if f.dependent != bits {
		t.Errorf("%d modes are made of others, want %d", f.dependent, bits)
	}
	for j, m := range modes {
		want := map[string]float64{"[]": 1, "[0]": 9, "[1 2]": 4}[fmt.Sprint(m.coordinates)]
		if got := f.targets[0].squares[j]; math.Abs(got-want) > 1e-8 {
			t.Errorf("mode %v has %v, want %v", m.coordinates, got, want)
		}
	}
	if noise := f.targets[0].noise; noise > 1e-8 {
		t.Errorf("noise %v, want 0", noise)
	}
}
