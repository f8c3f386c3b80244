package cnn

import (
	"context"
	"math"
	"reflect"
	"sync"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/internal/accel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/parallel"
	"github.com/kernelsmith/kernelsmith/ntk/internal/vec32"
)

// Activations that are smooth have few Hermite coefficients b_k(σ) = E[φ(σz) h_k(z)] that matter,
// and with those of both pre-activations of a pair
//
//	E[φ(u)φ(v)] = Σ b_k(σ) b_k(σ') ρ^k,   E[φ'(u)φ'(v)] = Σ k b_k(σ) b_k(σ') ρ^(k-1)/(σσ')
//
// for all ρ in [-1, 1]. The coefficients are found once for each position of an image, from tables.

// coefficients are the b_k of an activation as functions of σ, by interpolation within quarters of
// octaves, each of which is made when it is first asked for.
type coefficients struct {
	phi       ntk.Activation
	most      int     // coefficients
	tolerance float64 // of E[φ(u)φ(v)] relative to equal inputs

	mutex  sync.Mutex
	pieces map[int]*piece
}

// piece is b_k on [low, high): their values at Chebyshev's points.
type piece struct {
	low, high float64
	needed    int // coefficients, 0 if they are more than most or cannot be had
	values    [][pieceNodes]float64
}

const pieceNodes = 12

// pieceNode is Chebyshev's point j on [-1, 1].
func pieceNode(j int) float64 { return math.Cos(math.Pi * (float64(j) + 0.5) / pieceNodes) }

// coefficientsOf returns the tables of an activation, or nil if its own duals are to be preferred.
func coefficientsOf[T float32 | float64](phi ntk.Activation) *coefficients {
	c := &coefficients{phi: unwrap(phi), pieces: map[int]*piece{}}
	_, prepares := c.phi.(interface{ Prepare(q float64) []float64 })
	switch c.phi.(type) {
	case ntk.ReLU, ntk.TwoSlope:
		return nil
	case ntk.Tanh, ntk.Sigmoid, ntk.Softplus, ntk.SiLU:
		prepares = true // its duals are numeric
	}
	switch {
	case accel.IsSingle[T]():
		c.most, c.tolerance = 192, 5e-8
		if _, ok := c.phi.(ntk.Erf); ok {
			return nil
		}
	case prepares:
		c.most, c.tolerance = 384, 1e-13
	default:
		return nil
	}
	return c
}

// tablesOf returns the tables of each convolution; equal activations share them.
func tablesOf[T float32 | float64](a *Architecture) []*coefficients {
	known := map[ntk.Activation]*coefficients{}
	var out []*coefficients
	for _, l := range a.dense.Layers() {
		if !reflect.ValueOf(l.Activation).Comparable() {
			out = append(out, coefficientsOf[T](l.Activation))
			continue
		}
		c, ok := known[l.Activation]
		if !ok {
			c = coefficientsOf[T](l.Activation)
			known[l.Activation] = c
		}
		out = append(out, c)
	}
	return out
}

// at returns the piece of σ > 0.
func (c *coefficients) at(sigma float64) *piece {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	i := int(math.Floor(4 * math.Log2(sigma)))
	p := c.pieces[i]
	if p == nil {
		p = c.newPiece(math.Exp2(float64(i)/4), math.Exp2(float64(i+1)/4))
		c.pieces[i] = p
	}
	return p
}

func (c *coefficients) newPiece(low, high float64) *piece {
	p := &piece{low: low, high: high, values: make([][pieceNodes]float64, c.most)}
	needed := 1
	of := func(u float64) (b []float64, ok bool) {
		b, err := ntk.HermiteCoeffs(c.phi, (low+high)/2+(high-low)/2*u, 2*c.most)
		if err != nil {
			return nil, false
		}
		n := c.enough(b)
		needed = max(needed, n)
		return b, n <= c.most
	}
	for j := range pieceNodes {
		b, ok := of(pieceNode(j))
		if !ok {
			return p
		}
		for k := range p.values {
			p.values[k][j] = b[k]
		}
	}
	const between = 0.31
	b, ok := of(between)
	if !ok {
		return p
	}
	got := make([]float64, c.most)
	p.interpolate(got, (low+high)/2+(high-low)/2*between)
	var off, size float64
	for k, v := range got {
		off, size = math.Hypot(off, v-b[k]), math.Hypot(size, v)
	}
	if off <= c.tolerance*size {
		p.needed = needed
	}
	return p
}

// enough is how many of the coefficients are enough for both expectations.
func (c *coefficients) enough(b []float64) int {
	var sum, slope float64
	for k, v := range b {
		sum += v * v
		slope += float64(k) * v * v
	}
	var rest, restSlope float64
	for k := len(b) - 1; k >= 0; k-- {
		rest += b[k] * b[k]
		restSlope += float64(k) * b[k] * b[k]
		if rest > c.tolerance*sum || restSlope > c.tolerance*slope {
			return k + 1
		}
	}
	return 1
}

// interpolate sets b to the first coefficients at σ, by Lagrange's formula.
func (p *piece) interpolate(b []float64, sigma float64) {
	u := (2*sigma - p.low - p.high) / (p.high - p.low)
	var weights [pieceNodes]float64
	var sum float64
	for j := range weights {
		x := pieceNode(j)
		if u == x {
			for k := range b {
				b[k] = p.values[k][j]
			}
			return
		}
		w := math.Sin(math.Pi*(float64(j)+0.5)/pieceNodes) / (u - x)
		if j%2 == 1 {
			w = -w
		}
		weights[j] = w
		sum += w
	}
	for j := range weights {
		weights[j] /= sum
	}
	for k := range b {
		v := &p.values[k]
		b[k] = 0
		for j, w := range weights {
			b[k] += w * v[j]
		}
	}
}

// fill returns n coefficients, which must be enough, for each of the variances, of which `together`
// lie together and their coefficients, too.
func fill[T float32 | float64](c *coefficients, variances []T, n, together int) []T {
	out, b := make([]T, len(variances)*n), make([]float64, n)
	var p *piece
	for i, q := range variances {
		to := out[i/together*n*together+i%together:]
		if q == 0 {
			to[0] = T(c.phi.Value(0))
			continue
		}
		sigma := math.Sqrt(float64(q))
		if p == nil || sigma < p.low || sigma >= p.high {
			p = c.at(sigma)
		}
		p.interpolate(b, sigma)
		for k, v := range b {
			to[k*together] = T(v)
		}
	}
	return out
}

// needed returns how many coefficients are enough for the variances, and at least for n, or 0 if
// none are.
func needed[T float32 | float64](c *coefficients, variances []T, n int) int {
	var p *piece
	for _, q := range variances {
		sigma := math.Sqrt(float64(q))
		if q == 0 || p != nil && p.low <= sigma && sigma < p.high {
			continue
		}
		if p = c.at(sigma); p.needed == 0 {
			return 0
		}
		n = max(n, p.needed)
	}
	return n
}

// inAll is needed for a convolution in all images of the sets.
func inAll[T float32 | float64](c *coefficients, conv int, sets ...*images[T]) int {
	n := 1
	for _, set := range sets {
		for _, group := range set.groups {
			if n = needed(c, group.variances[conv], n); n == 0 {
				return 0
			}
		}
	}
	return n
}

// bySeries is [dual.Apply] with n coefficients of each place.
func bySeries[T float32 | float64](s, t, x, y, ofX, ofY []T, n int) {
	if d := single(s); d != nil {
		vec32.Series(d, single(t), single(x), single(y), single(ofX), single(ofY), n)
		return
	}
	for c, q := range x {
		k, q2 := at(s, c), at(y, c)
		var rho, inverse, value, slope vec[T]
		for l := range k {
			if s := T(math.Sqrt(float64(q)) * math.Sqrt(float64(q2[l]))); s > 0 {
				inverse[l] = 1 / s
				rho[l] = k[l] * inverse[l]
			}
		}
		for i := n - 1; i >= 0; i-- {
			b, b2 := ofX[c*n+i], at(ofY, c*n+i)
			for l, r := range rho {
				slope[l] = slope[l]*r + value[l]
				value[l] = value[l]*r + b*b2[l]
			}
		}
		*k = value
		if t != nil {
			tangent := at(t, c)
			for l := range tangent {
				tangent[l] *= slope[l] * inverse[l]
			}
		}
	}
}

// series is what pairs of images are followed by: of each convolution how many coefficients, 0 for
// none.
type series[T float32 | float64] struct {
	tables []*coefficients
	terms  []int
	side   int // of parts of tiles for which coefficients are kept, 0 if there are none
}

// partBytes is about what is kept for a part of a tile.
const partBytes = 1 << 26

func newSeries[T float32 | float64](tables []*coefficients, sets ...*images[T]) *series[T] {
	s := &series[T]{tables: tables, terms: make([]int, len(tables))}
	numbers := 0
	for i, c := range tables {
		if c != nil {
			s.terms[i] = inAll(c, i, sets...)
			numbers += s.terms[i] * len(sets[0].groups[0].variances[i]) / lanes
		}
	}
	if numbers > 0 {
		bytes := 8 * numbers
		if accel.IsSingle[T]() {
			bytes = 4 * numbers
		}
		s.side = min(64, max(lanes, partBytes/(2*bytes)/lanes*lanes))
	}
	return s
}

// of returns the coefficients at the variances of an image, or of eight.
func (s *series[T]) of(variances [][]T, together int) [][]T {
	out := make([][]T, len(variances))
	for i, n := range s.terms {
		if n > 0 {
			out[i] = fill(s.tables[i], variances[i], n, together)
		}
	}
	return out
}

// part is images of a part of a tile with their coefficients: rows from one on, and groups.
type part[T float32 | float64] struct {
	rows   []one[T]
	groups []eight[T]
}

// part prepares rows [i0, i1) of z and groups [first, end) of x.
func (t *Tiles[T]) part(ctx context.Context, i0, i1, first, end int) (part[T], error) {
	p := part[T]{make([]one[T], i1-i0), make([]eight[T], end-first)}
	err := parallel.Each(ctx, i1-i0+end-first, func(k int, _ func() bool) error {
		if k < i1-i0 {
			x := &p.rows[k]
			x.pixels, x.variances = newImage[T](t.a, 1)
			t.z.groups[(i0+k)/lanes].take((i0+k)%lanes, *x)
			x.coeffs = t.series.of(x.variances, 1)
			return nil
		}
		k -= i1 - i0
		p.groups[k] = t.x.groups[first+k]
		p.groups[k].coeffs = t.series.of(p.groups[k].variances, lanes)
		return nil
	})
	return p, err
}
