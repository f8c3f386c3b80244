package ntk_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"gonum.org/v1/gonum/mat"
)

// recipe reads choices off bytes; what is left out is 0.
type recipe []byte

func (r *recipe) next() byte {
	if len(*r) == 0 {
		return 0
	}
	b := (*r)[0]
	*r = (*r)[1:]
	return b
}

// in is a number from lo to hi, both included.
func (r *recipe) in(lo, hi float64) float64 { return lo + (hi-lo)*float64(r.next())/255 }

// scale is a number from 1e-digits to 1e+digits, 1 of the byte 128.
func (r *recipe) scale(digits float64) float64 {
	return math.Pow(10, digits*(float64(r.next())-128)/127)
}

// shift is 0 of small bytes, else a number from -most to most.
func (r *recipe) shift(most float64) float64 {
	if b := float64(r.next()); b > 40 {
		return most * (b - 148) / 107
	}
	return 0
}

const roughKinds = 25

// activation is one of the catalogue, with parameters.
func (r *recipe) activation() ntk.Activation {
	switch r.next() % roughKinds {
	case 0:
		return ntk.ReLU{}
	case 1:
		return ntk.TwoSlope{Positive: r.in(-2, 2), Negative: r.in(-2, 2)}
	case 2:
		return ntk.Abs()
	case 3:
		return ntk.LeakyReLU(r.in(0, 1))
	case 4:
		return ntk.RectifiedMonomial{Degree: 1 + int(r.next()%6)}
	case 5:
		return ntk.Step{}
	case 6:
		return ntk.Sign{}
	case 7:
		return ntk.Erf{}
	case 8:
		return ntk.SigmoidErf{}
	case 9:
		return ntk.GELU{}
	case 10:
		return ntk.Exp{Amplitude: r.in(-2, 2), Rate: r.in(-1, 1)}
	case 11:
		return ntk.Gaussian{Amplitude: r.in(-2, 2), Rate: r.scale(3)}
	case 12:
		return ntk.Gabor{}
	case 13:
		return ntk.Sin{Amplitude: r.in(-2, 2), Frequency: r.scale(1), Phase: r.shift(3)}
	case 14:
		return ntk.Cos{Amplitude: r.in(-2, 2), Frequency: r.scale(1), Phase: r.shift(3)}
	case 15:
		return ntk.GaussianFeature(r.scale(1))
	case 16:
		c := make([]float64, 1+r.next()%6)
		for m := range c {
			c[m] = r.shift(2)
		}
		return ntk.Polynomial{Coeffs: c}
	case 17:
		c := make([]float64, 1+r.next()%6)
		for k := range c {
			c[k] = r.shift(1)
		}
		return ntk.Must(ntk.Must(hermite.NewSeries(c)).WithScale(r.scale(1)))
	case 18:
		return ntk.PublishedMimic()
	case 19:
		return ntk.Mimic{A: r.in(-3, 3), B: r.shift(3), C: r.shift(1), D: r.shift(1),
			E: r.in(-1, 1), F: r.scale(1), G: r.shift(3)}
	case 20:
		return ntk.Tanh{}
	case 21:
		return ntk.Sigmoid{}
	case 22:
		return ntk.Softplus{}
	case 23:
		return ntk.SiLU{}
	}
	return customKink()
}

var customKink = sync.OnceValue(func() ntk.Activation {
	return ntk.Must(roughActivations["custom_kink"]())
})

// sum is an activation, an affine change of one, or a sum of up to three of them.
func (r *recipe) sum() (ntk.Activation, error) {
	shape := r.next()
	var phis []ntk.Activation
	for range 1 + shape%3 {
		phi := r.activation()
		if shape&4 != 0 {
			var err error
			phi, err = ntk.Affine(phi, r.in(-2, 2), r.scale(3)*float64(1-2*int(r.next()&1)),
				r.shift(4), r.shift(1))
			if err != nil {
				return nil, err
			}
		}
		phis = append(phis, phi)
	}
	if len(phis) == 1 {
		return phis[0], nil
	}
	return ntk.Add(phis...)
}

// cost says how much a value of the kernel costs: 0 little, 1 the mimic between unequal norms,
// 2 the closed forms of sums, 3 quadrature.
func cost(phi ntk.Activation) int {
	_, prepares := phi.(interface{ Prepare(q float64) []float64 })
	switch phi.(type) {
	case ntk.Polynomial, hermite.Series, ntk.ReLU, ntk.TwoSlope, ntk.RectifiedMonomial,
		ntk.Step, ntk.Sign, ntk.Erf, ntk.SigmoidErf, ntk.GELU, ntk.Exp, ntk.Gaussian,
		ntk.Gabor, ntk.Sin, ntk.Cos:
		return 0
	case ntk.Mimic:
		return 1
	case ntk.Tanh, ntk.Sigmoid, ntk.Softplus, ntk.SiLU:
		return 3
	}
	if prepares {
		return 3
	}
	return 2
}

// roughRows are inputs whose inner products are exact in double precision: entries of
// 24 bits times a power of two for each row.
type roughRows struct {
	entries  [][]int64
	exponent []int
}

// rows makes n of them, of norms 1e-6 to 1e6; many are nearly equal, multiples or
// opposite of others.
func (r *recipe) rows(n int) roughRows {
	d := 2 + int(r.next()%7)
	base, spread := int(r.in(-20, 20)), int(r.next()%3)*8
	random := rand.New(rand.NewPCG(uint64(r.next()), uint64(r.next())))
	const most = 1 << 23
	out := roughRows{make([][]int64, n), make([]int, n)}
	for i := range n {
		x := make([]int64, d)
		e := base - 23
		if spread > 0 {
			e += random.IntN(2*spread+1) - spread
		}
		kind := random.IntN(6)
		if i == 0 {
			kind = 5
		}
		var like []int64
		if i > 0 {
			j := random.IntN(i)
			like = out.entries[j]
			if kind == 0 { // nearly equal, of the same scale
				e = out.exponent[j]
			}
		}
		sign := 1 - 2*int64(random.IntN(2))
		step := int64(1) << random.IntN(23)
		for c := range x {
			switch kind {
			case 0, 1, 2: // nearly equal or opposite, or nearly a multiple of it
				x[c] = sign*like[c] + random.Int64N(2*step+1) - step
				x[c] = max(-most, min(most, x[c]))
			case 3: // equal, opposite or a multiple of it
				x[c] = sign * like[c]
			default:
				x[c] = random.Int64N(2*most+1) - most
			}
		}
		out.entries[i], out.exponent[i] = x, e
	}
	return out
}

func (x roughRows) dot(i, j int) float64 {
	var sum int64
	for c, v := range x.entries[i] {
		sum += v * x.entries[j][c]
	}
	return math.Ldexp(float64(sum), x.exponent[i]+x.exponent[j])
}

// Any activation, any net of up to 50 layers, rows of any norms, near and far: an error,
// or a matrix that is finite, positive semidefinite to the goal of the values and within
// the bound of Cauchy-Schwarz, and a curve that does not fall towards c = 1.
func FuzzRough(f *testing.F) {
	for _, seed := range roughSeeds {
		f.Add(seed)
	}
	f.Fuzz(fuzzRough)
}

func fuzzRough(t *testing.T, b []byte) {
	r := recipe(b)
	weightStd, biasStd := r.in(0.5, 3), math.Abs(r.shift(1))
	depth, tangent := 1+int(r.next()%50), r.next()%2 == 0
	phi, err := r.sum()
	if err != nil {
		return
	}
	n, goal, cosines := 12, roughGoal, []float64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	switch cost(phi) { // what costs much has fewer layers and rows
	case 1:
		depth, n = 1+depth%20, 3
	case 2:
		depth, n = 1+depth%10, 6
	case 3:
		depth, n, cosines = 1, 2, []float64{3, 12}
		goal *= 10 // of what quadrature promises
	}
	net, err := ntk.UniformFCN(depth, phi, weightStd, biasStd)
	if err != nil {
		return
	}
	K, err := net.NNGP()
	if tangent && err == nil {
		K, err = net.NTK()
	}
	if err != nil {
		return
	}
	x := r.rows(n)
	check := func(end time.Time) error {
		if err := checkMatrix(K, x, goal, end); err != nil {
			return err
		}
		return checkRise(K, x.dot(0, 0), cosines, goal, end)
	}
	if worker := flag.Lookup("test.fuzzworker"); worker == nil || worker.Value.String() != "true" {
		if err := check(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		return
	}
	// The fuzzer takes ten seconds for a hang, and values by quadrature may need as long: an input
	// is checked as far as it comes in some seconds. Inputs that are kept are checked whole.
	const most = 4 * time.Second
	done := make(chan error, 1)
	go func() { done <- check(time.Now().Add(most)) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(most):
	}
}

// checkMatrix asserts what must be true of the matrix of K over the rows, each value
// being off by at most the goal. It gives up at the end.
func checkMatrix(K ntk.Kernel, x roughRows, goal float64, end time.Time) error {
	n := len(x.entries)
	diagonal := make([]float64, n)
	for i := range n {
		v, err := K.At(x.dot(i, i), x.dot(i, i), x.dot(i, i))
		if err != nil || time.Now().After(end) {
			return nil
		}
		if !(v >= 0 && v <= math.MaxFloat64) {
			return fmt.Errorf("%v: K(x, x) = %v at q = %.17g", K, v, x.dot(i, i))
		}
		diagonal[i] = math.Sqrt(v)
	}
	m := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			q, k, q2 := x.dot(i, i), x.dot(i, j), x.dot(j, j)
			v, err := K.At(q, k, q2)
			if err != nil || time.Now().After(end) {
				return nil
			}
			scale := diagonal[i] * diagonal[j]
			if !(math.Abs(v) <= scale*(1+goal)+1e-290) {
				return fmt.Errorf("%v: K(%.17g, %.17g, %.17g) = %.17g, over the root %.17g by %.2g",
					K, q, k, q2, v, scale, math.Abs(v)/scale-1)
			}
			// Rows are left out whole, or what is left of the matrix need not be positive.
			if min(diagonal[i], diagonal[j]) > 1e-125 {
				m.SetSym(i, j, v/scale)
			}
		}
	}
	var e mat.EigenSym
	if !e.Factorize(m, false) {
		return fmt.Errorf("%v: no eigenvalues of %v", K, mat.Formatted(m))
	}
	if least := e.Values(nil)[0]; !(least >= -float64(n)*goal) {
		return fmt.Errorf("%v: the least eigenvalue of the matrix with diagonal 1 is %.3g", K,
			least)
	}
	return nil
}

// checkRise asserts that K does not fall towards c = 1 over the cosines 1 - 10^-digits on
// a sphere, where it is a power series without negative terms. It gives up at the end.
func checkRise(
	K ntk.Kernel, q float64, digits []float64, goal float64, end time.Time,
) error {
	top, err := K.At(q, q, q)
	if err != nil {
		return nil
	}
	last, where := math.Inf(-1), 0.0
	for _, d := range digits {
		k := q * (1 - math.Pow(10, -d))
		v, err := K.At(q, k, q)
		if err != nil || time.Now().After(end) {
			return nil
		}
		if !(v >= last-goal*top) {
			return fmt.Errorf("%v: at q = %.17g falls by %.2g of K(1) from k = %.17g to %.17g", K,
				q, (last-v)/top, where, k)
		}
		last, where = v, k
	}
	if !(top >= last-goal*top) {
		return fmt.Errorf("%v: at q = %.17g falls by %.2g of K(1) from k = %.17g to q", K, q,
			(last-top)/top, where)
	}
	return nil
}

// Bytes in order: σ_w, σ_b, depth, NTK if even, shape (terms, and 4 for affine changes),
// for each term its kind, parameters and affine change, then dimension, norm, spread of
// norms and the random numbers.
var roughSeeds = [][]byte{
	{128, 0, 2, 0, 0, 0, 3, 128, 1, 7, 9},                              // ReLU
	{100, 170, 49, 0, 0, 9, 3, 200, 2, 1, 2},                           // deep GELU, chaotic
	{153, 170, 49, 0, 0, 9, 4, 128, 0, 5, 1},                           // on one scale
	{50, 0, 20, 0, 0, 7, 2, 250, 2, 3, 3},                              // Erf, large norms
	{255, 100, 30, 1, 0, 5, 5, 60, 2, 8, 1},                            // Step
	{60, 160, 9, 0, 0, 4, 2, 4, 10, 1, 2, 6},                           // rectified cube
	{20, 0, 3, 0, 0, 10, 190, 160, 0, 90, 0, 4, 4},                     // Exp
	{128, 0, 40, 0, 0, 11, 200, 170, 3, 230, 1, 1, 9},                  // Gaussian
	{128, 170, 40, 0, 0, 14, 190, 200, 90, 3, 128, 2, 1, 7},            // Cos
	{80, 0, 2, 0, 0, 16, 3, 100, 160, 120, 200, 5, 170, 1, 2, 2},       // polynomial
	{80, 0, 2, 0, 0, 17, 4, 180, 160, 140, 200, 200, 128, 5, 90, 1, 2}, // Hermite series
	{100, 170, 5, 0, 0, 18, 4, 128, 1, 6, 6},                           // the published mimic
	{90, 150, 1, 0, 0, 20, 3, 128, 0, 1, 1},                            // tanh
	{60, 0, 0, 0, 0, 24, 3, 128, 1, 4, 1},                              // a custom function
	{128, 170, 9, 0, 1, 9, 7, 4, 200, 2, 3, 1},                         // GELU + Erf
	{128, 170, 7, 0, 4, 9, 255, 160, 0, 120, 160, 5, 180, 1, 3, 3},     // affine GELU
	{128, 0, 5, 0, 4, 0, 191, 128, 0, 121, 0, 3, 60, 2, 2, 5},          // shifted hinge
	{128, 150, 3, 0, 2, 0, 9, 14, 180, 128, 60, 4, 140, 2, 4, 4},       // ReLU + GELU + Cos
}
