package design

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
	"gonum.org/v1/gonum/mat"
)

// Domain is where a design's kernel is compared with its target: pairs of inputs with
// weights. It comes from [Angles], [Cosines], [Norms] or [Rows]. The zero value is
// Angles(101, nil), and for samples, which need it, the samples with 1/Std².
type Domain struct {
	name   string
	places []place
	lo, hi float64 // of ‖x‖²/d
	err    error
}

// String names the domain.
func (d Domain) String() string { return d.name }

// onSphere reports whether all inputs have ‖x‖² = d.
func (d Domain) onSphere() bool { return d.lo == 1 && d.hi == 1 }

// Angles is the sphere ‖x‖² = d at this many angles, uniform on [0, π], both ends
// included; weight (nil for 1) is a function of θ.
func Angles(points int, weight func(theta float64) float64) Domain {
	d := Domain{name: fmt.Sprintf("%d angles", points), lo: 1, hi: 1}
	if points < 2 {
		d.err = fmt.Errorf("design: Angles needs at least 2 points, not %d", points)
		return d
	}
	for i := range points {
		theta := math.Pi * float64(i) / float64(points-1)
		sin, cos := math.Sincos(theta / 2)
		d.add(1, 1, 2*sin*sin, 2*cos*cos, weight, theta)
	}
	return d
}

// Cosines is the sphere ‖x‖² = d at this many cosines, uniform on [-1, 1]; weight (nil
// for 1) is a function of c.
func Cosines(points int, weight func(c float64) float64) Domain {
	d := Domain{name: fmt.Sprintf("%d cosines", points), lo: 1, hi: 1}
	if points < 2 {
		d.err = fmt.Errorf("design: Cosines needs at least 2 points, not %d", points)
		return d
	}
	for i := range points {
		minus := 2 * float64(i) / float64(points-1)
		d.add(1, 1, minus, 2-minus, weight, 1-minus)
	}
	return d
}

func (d *Domain) add(q, q2, minus, plus float64, weight func(float64) float64, at float64) {
	w := 1.0
	if weight != nil {
		w = weight(at)
	}
	if !(w >= 0) || math.IsInf(w, 0) {
		d.err = fmt.Errorf("design: the weight at %v is %v; weights must be finite and ≥ 0", at, w)
	}
	d.places = append(d.places, place{q: q, q2: q2, minus: minus, plus: plus, weight: w})
}

// Norms is inputs with ‖x‖²/d between lo and hi, at norms uniform in the logarithm and
// angles uniform on [0, π].
func Norms(lo, hi float64) Domain {
	d := Domain{name: fmt.Sprintf("‖x‖²/d from %.3g to %.3g", lo, hi), lo: lo, hi: hi}
	if !(lo > 0 && hi >= lo) || math.IsInf(hi, 0) {
		d.err = fmt.Errorf("design: Norms from %v to %v; 0 < lo ≤ hi is needed", lo, hi)
		return d
	}
	const norms, angles = 5, 21
	at := func(i int) float64 { return lo * math.Pow(hi/lo, float64(i)/(norms-1)) }
	for i := range norms {
		for j := i; j < norms; j++ {
			for l := range angles {
				sin, cos := math.Sincos(math.Pi * float64(l) / (angles - 1) / 2)
				w := 2.0
				if i == j {
					w = 1
				}
				d.places = append(
					d.places,
					place{
						q:      at(i),
						q2:     at(j),
						minus:  2 * sin * sin,
						plus:   2 * cos * cos,
						weight: w,
					},
				)
			}
		}
	}
	return d
}

// Rows is the joint distribution of (‖x‖²/d, ‖x'‖²/d, c) over the pairs of rows of a
// data set, where the kernel is used: about this many pairs drawn by the seed, and
// equal rows with their share. Rows that are zero are left out. Rows that are all
// normalised to ‖x‖² = d, but for rounding, are a domain on the sphere.
func Rows(x *mat.Dense, pairs int, seed uint64) Domain {
	d := Domain{name: fmt.Sprintf("%d pairs of rows", pairs)}
	n, features := 0, 0
	if x != nil {
		n, features = x.Dims()
	}
	if n == 0 || features == 0 || pairs < 10 {
		d.err = fmt.Errorf("design: Rows has a matrix of inputs of %d×%d and %d pairs; it needs a "+
			"matrix with rows and columns and at least 10 pairs", n, features, pairs)
		return d
	}
	var rows []int
	norm := make([]float64, n)
	for i := range n {
		norm[i] = mat.Dot(x.RowView(i), x.RowView(i)) / float64(features)
		if !special.Finite(norm[i]) {
			d.err = fmt.Errorf("design: row %d of the inputs is not finite", i)
			return d
		}
		if math.Abs(norm[i]-1) < 1e-12 { // normalised, but for rounding: on the sphere
			norm[i] = 1
		}
		if norm[i] > 0 {
			rows = append(rows, i)
		}
	}
	if len(rows) < 2 {
		d.err = fmt.Errorf("design: Rows needs at least two rows that are not zero")
		return d
	}
	d.lo, d.hi = math.Inf(1), 0
	for _, i := range rows {
		d.lo, d.hi = math.Min(d.lo, norm[i]), math.Max(d.hi, norm[i])
	}
	r := rand.New(rand.NewPCG(seed, 1))
	equal := min(len(rows), max(8, pairs/8))
	for _, i := range r.Perm(len(rows))[:equal] {
		q := norm[rows[i]]
		d.places = append(d.places,
			place{q: q, q2: q, minus: 0, plus: 2, weight: 1 / float64(len(rows)) / float64(equal)})
	}
	rest := (1 - 1/float64(len(rows))) / float64(pairs-equal)
	for range pairs - equal {
		i, j := r.IntN(len(rows)), r.IntN(len(rows)-1)
		if j >= i {
			j++
		}
		a, b := rows[i], rows[j]
		minus, plus := angle(x.RowView(a), x.RowView(b), norm[a], norm[b])
		d.places = append(d.places,
			place{q: norm[a], q2: norm[b], minus: minus, plus: plus, weight: rest})
	}
	return d
}

// angle is 1 - c and 1 + c for the cosine c of two rows with ‖x‖²/d = q and q2. Of near rows the
// former is of their difference, which their inner product does not tell, and of nearly opposite
// ones the latter of their sum.
func angle(x, z mat.Vector, q, q2 float64) (minus, plus float64) {
	s, features := math.Sqrt(q)*math.Sqrt(q2), float64(x.Len())
	c := math.Max(-1, math.Min(1, mat.Dot(x, z)/features/s))
	if math.Abs(c) < 0.9 {
		return 1 - c, 1 + c
	}
	sign := math.Copysign(1, c)
	var square, difference float64 // ‖x∓z‖² and ‖x‖²-‖z‖²
	for i := range x.Len() {
		apart, both := x.AtVec(i)-sign*z.AtVec(i), x.AtVec(i)+sign*z.AtVec(i)
		square += apart * apart
		difference += apart * both
	}
	if q == q2 {
		difference = 0
	}
	gap := gauss.Near(q, q2, square/(2*features), difference/features).Minus / s
	if sign > 0 {
		return gap, 2 - gap
	}
	return 2 - gap, gap
}
