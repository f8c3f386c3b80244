package ntk

import (
	"fmt"
	"hash/fnv"
	"io"
	"reflect"
	"strconv"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
)

// numerics is the version of what activations and kernels compute. It is
// raised when the same net gives other numbers than before, beyond rounding,
// and is part of [FCN.Fingerprint].
const numerics = 1

// Fingerprint returns 32 hexadecimal digits that change when the net does, on
// every kind of machine the same: for the keys of records. The package's own
// activations enter with their exact parameters. Any other enters with its
// type and with nine digits of φ and φ' on 321 points of [-8, 8] and of its
// duals at nine pairs; a change that shows in none of these is not seen.
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
// which kinds of machines differ, do not count.
func samples(w io.Writer, a Activation) {
	write := func(values ...float64) {
		for _, v := range values {
			io.WriteString(w, strconv.FormatFloat(v, 'e', 8, 64)+"\n")
		}
	}
	for i := range 321 {
		z := float64(i-160) / 20
		write(a.Value(z), a.Derivative(z))
	}
	if d, ok := a.(Dualer); ok {
		for _, q2 := range []float64{0.25, 1, 4} {
			for _, rho := range []float64{-0.75, 0, 0.75} {
				write(d.Dual(1, rho*gauss.GeometricMean(1, q2), q2))
			}
		}
	}
}
