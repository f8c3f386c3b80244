package vec32

import "math"

// Kernels of patches: a function of each of many cosines, and sums of their powers.

// Polynomial is Σ a_k x^k, by Horner's rule.
type Polynomial struct{ a []place } // each eight times, from the highest power

// NewPolynomial returns the polynomial of these coefficients, of which there is at least one.
func NewPolynomial(a []float64) *Polynomial {
	p := &Polynomial{}
	for k := len(a) - 1; k >= 0; k-- {
		p.a = append(p.a, eight(a[k]))
	}
	return p
}

// Apply sets each number of x to the polynomial there.
func (p *Polynomial) Apply(x []float32) {
	done := 0
	if n := len(x) &^ 7; wide && n > 0 {
		polynomial(&x[0], n, &p.a[0], len(p.a))
		done = n
	}
	for i, v := range x[done:] {
		sum := p.a[0][0]
		for _, a := range p.a[1:] {
			sum = sum*v + a[0]
		}
		x[done+i] = sum
	}
}

// RootCurve is a function of cosines c that is smooth in √(1 - |c|) on either side of 0:
// E(v) + O(v) for c ≥ 0, E(v) - O(v) for c < 0, of polynomials of v = 2√(1 - |c|) - 1. A cosine
// within 2^-21 of ±1 is taken to be that, since rounding does not tell.
type RootCurve struct {
	// The mask of all bits but the sign, 1, 2^-21, and what is added to E and O at the end; then
	// their coefficients in pairs from the highest power. All eight times.
	table []place
}

const rootHeader = 5

// NewRootCurve returns the function with these coefficients of E and O, as many of one as of the
// other. At c = 0 it is good to the last bit of E and O, and so is a sum over small cosines.
func NewRootCurve(even, odd []float64) *RootCurve {
	r := &RootCurve{table: make([]place, rootHeader)}
	for l := range r.table[0] {
		r.table[0][l] = math.Float32frombits(1<<31 - 1)
	}
	r.table[1], r.table[2] = eight(1), eight(0x1p-21)
	for k := len(even) - 1; k >= 0; k-- {
		r.table = append(r.table, eight(even[k]), eight(odd[k]))
	}
	for side, a := range [2][]float64{even, odd} {
		// What rounding the coefficients leaves at v = 1, where c = 0. The products there are
		// exact, the sums are not: in the order of the loops.
		var want float64
		var got float32
		for k := len(a) - 1; k >= 0; k-- {
			want += a[k]
			got += float32(a[k])
		}
		r.table[3+side] = eight(want - float64(got))
	}
	return r
}

// Apply sets each number of c to the function there.
func (r *RootCurve) Apply(c []float32) {
	done := 0
	terms := (len(r.table) - rootHeader) / 2
	if n := len(c) &^ 7; wide && n > 0 {
		rootCurve(&c[0], n, &r.table[0], terms)
		done = n
	}
	for i, x := range c[done:] {
		gap := 1 - float32(math.Abs(float64(x)))
		if !(gap > r.table[2][0]) {
			gap = 0
		}
		root := float32(math.Sqrt(float64(gap)))
		v := root + root - 1
		even, odd := r.table[rootHeader][0], r.table[rootHeader+1][0]
		for k := 1; k < terms; k++ {
			even = even*v + r.table[rootHeader+2*k][0]
			odd = odd*v + r.table[rootHeader+2*k+1][0]
		}
		even, odd = even+r.table[3][0], odd+r.table[4][0]
		if math.Signbit(float64(x)) {
			odd = -odd
		}
		c[done+i] = even + odd
	}
}

// PowerSums adds to sums[k·8+l] the sum of w_j c_j^k over j = l, l+8, …, for all k of which there
// is room. The numbers of c, and of w, are a multiple of 8. Powers below 1e-38 may count as 0.
func PowerSums(sums, c, w []float32) {
	terms, n := len(sums)/Together, len(c)
	w = w[:n]
	if n%Together != 0 {
		panic("vec32: the cosines are not whole vectors")
	}
	if terms == 0 || n == 0 {
		return
	}
	if wide {
		powerSums(&sums[0], terms, &c[0], &w[0], n)
		return
	}
	for j, x := range c {
		p := w[j]
		for k := range terms {
			sums[k*Together+j%Together] += p
			p *= x
		}
	}
}
