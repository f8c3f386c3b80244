package ntk

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// numerics is the version of what activations and kernels compute. It is
// raised when the same net gives other numbers than before, beyond rounding,
// and is part of [FCN.Fingerprint].
const numerics = 1

// Fingerprint returns 32 hexadecimal digits that change when the net does, on
// every kind of machine the same: for the keys of records. The package's own
// activations enter with their exact parameters. Any other enters with its
// type and with φ and φ' on 321 points of [-8, 8] and its duals at nine pairs, to 1e-8
// of the largest nearby; a change that shows in none of these is not seen.
func (f *FCN) Fingerprint() string {
	h := fnv.New128a()
	fmt.Fprintln(h, numerics)
	for _, l := range f.layers {
		fmt.Fprintln(h, l.WeightStd, l.BiasStd)
		writeActivation(h, l.Activation)
		if l.Frozen {
			fmt.Fprintln(h, "frozen")
		}
	}
	fmt.Fprintln(h, f.readout.WeightStd, f.readout.BiasStd)
	if f.readout.Frozen {
		fmt.Fprintln(h, "frozen")
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// fingerprinted is an activation that says in a line which one it is, with all digits of
// its parameters. The line is a part of the keys of records: it begins with the name that
// the type had first, and a type that is renamed goes on writing it.
type fingerprinted interface{ fingerprint() string }

var ownPath = reflect.TypeFor[ReLU]().PkgPath()

func writeActivation(h io.Writer, a Activation) {
	a = unwrap(a)
	// A caller's type that embeds one of the package's has its method, and is another.
	if f, ok := a.(fingerprinted); ok && reflect.TypeOf(a).PkgPath() == ownPath {
		fmt.Fprintln(h, f.fingerprint())
		return
	}
	switch a := a.(type) {
	case hermite.Series:
		fmt.Fprintf(h, "%T%v\n", a, a.Coeffs())
		if a.Scale() != 1 {
			fmt.Fprintln(h, a.Scale())
		}
	default:
		terms, offset, ok := parts(a)
		if !ok {
			fmt.Fprintf(h, "%T\n", a)
			samples(h, a)
			return
		}
		for _, t := range terms {
			fmt.Fprintln(h, t.a, t.s, t.t)
			writeActivation(h, t.phi)
		}
		fmt.Fprintln(h, offset)
	}
}

// samples writes values of the activation, rounded so that the last bits, in
// which kinds of machines differ, do not count: at z they are those of the largest value up to
// |z| + 1, and in a dual those of the largest at the same variances. So numbers that are 0 but
// for rounding are 0.
func samples(w io.Writer, a Activation) {
	const n, near = 161, 20 // of z ≥ 0, and within 1
	var values, slopes [2*n - 1]float64
	var largest, steepest [n]float64
	for i := range values {
		z := float64(i-n+1) / 20
		values[i], slopes[i] = a.Value(z), a.Derivative(z)
		j := max(i-n+1, n-1-i)
		largest[j] = math.Max(largest[j], math.Abs(values[i]))
		steepest[j] = math.Max(steepest[j], math.Abs(slopes[i]))
	}
	for i := range values {
		j := min(n, max(i-n+1, n-1-i)+near+1)
		writeRounded(w, slices.Max(largest[:j]), values[i])
		writeRounded(w, slices.Max(steepest[:j]), slopes[i])
	}
	d, ok := a.(Dualer)
	if !ok {
		return
	}
	for _, q2 := range []float64{0.25, 1, 4} {
		var value, derivative [3]float64
		for i, rho := range []float64{-0.75, 0, 0.75} {
			value[i], derivative[i] = d.Dual(1, rho*gauss.GeometricMean(1, q2), q2)
		}
		for _, of := range [][3]float64{value, derivative} {
			writeRounded(w, max(math.Abs(of[0]), math.Abs(of[1]), math.Abs(of[2])), of[:]...)
		}
	}
}

// writeRounded writes numbers as multiples of the power of ten that is 1e-8 of the largest, or
// up to ten times less.
func writeRounded(w io.Writer, largest float64, values ...float64) {
	// The exponent of 1 - 1e-16, of nine digits, is that of 1.
	_, text, _ := strings.Cut(strconv.FormatFloat(largest, 'e', 8, 64), "e")
	exponent, err := strconv.Atoi(text)
	unit := math.Pow10(exponent - 8)
	for _, v := range values {
		if err != nil || !special.Finite(v) || unit == 0 {
			fmt.Fprintln(w, v)
			continue
		}
		fmt.Fprintf(w, "%.0fe%d\n", math.Round(v/unit)+0, exponent-8)
	}
}
