package ntk

import (
	"fmt"
	"slices"

	"github.com/kernelsmith/kernelsmith/ntk/hermite"
	"github.com/kernelsmith/kernelsmith/ntk/internal/gauss"
	"github.com/kernelsmith/kernelsmith/ntk/internal/special"
)

// Activation is the function φ that a hidden layer applies to each
// pre-activation.
//
// An activation may have more: [Dualer] is what infinite-width kernels need,
// [Validator] rejects bad parameters, [Float32Evaluator] makes training fast. What takes
// an activation compares Derivative and EvalFloat32 with Value at some places, off its kinks
// and jumps, and reports those that do not belong together.
type Activation interface {
	// Value returns φ(z).
	Value(z float64) float64
	// Derivative returns φ'(z), and at a kink of φ a one-sided derivative.
	Derivative(z float64) float64
}

// Validator is an activation with parameters that may be out of range.
type Validator interface {
	// Validate returns an error that names the parameter, or nil.
	Validate() error
}

// Float32Evaluator is an activation with a vectorised single-precision form.
type Float32Evaluator interface {
	// EvalFloat32 sets value[i] = φ(z[i]) and derivative[i] = φ'(z[i]). The
	// three slices have one length; value or derivative may be z itself.
	EvalFloat32(value, derivative, z []float32)
}

// checkFinite reports the first of name, value pairs that is not finite.
func checkFinite(of string, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1].(float64); !special.Finite(v) {
			return fmt.Errorf("ntk: %s.%s is %v; it must be finite", of, pairs[i], v)
		}
	}
	return nil
}

// Kinker is an activation that knows where its derivatives jump.
type Kinker interface {
	// Kinks returns the places, in ascending order.
	Kinks() []float64
}

// Jumper is an activation that itself jumps. It has an NNGP kernel; its NTK
// would be infinite.
type Jumper interface {
	// Jumps returns the places, in ascending order.
	Jumps() []float64
}

// wrapper is an activation that is another one with something added, such as a
// single-precision form. Its kernels, its expansion and its part in the keys of
// records are those of what it wraps.
type wrapper interface {
	Activation
	// Unwrap returns the other one.
	Unwrap() Activation
}

func unwrap(phi Activation) Activation {
	if w, ok := phi.(wrapper); ok {
		return unwrap(w.Unwrap())
	}
	return phi
}

// validate reports what is wrong with an activation, of whomever. All that takes one calls it.
func validate(phi Activation) error {
	if phi == nil {
		return fmt.Errorf("ntk: no activation (nil)")
	}
	if v, ok := phi.(Validator); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	return checkSlopes(phi)
}

// JumpsOf returns where φ itself jumps, as far as it tells ([Jumper]).
func JumpsOf(phi Activation) []float64 {
	if j, ok := unwrap(phi).(Jumper); ok {
		return j.Jumps()
	}
	return nil
}

// KinksOf returns where a derivative of φ jumps but not φ itself, as far as it
// tells ([Kinker]) or is known of the package's own.
func KinksOf(phi Activation) []float64 {
	phi = unwrap(phi)
	if k, ok := phi.(Kinker); ok {
		return k.Kinks()
	}
	a, ok := phi.(closed)
	if !ok {
		return nil
	}
	jumps := JumpsOf(phi)
	return slices.DeleteFunc(a.atoms().Kinks(),
		func(b float64) bool { return slices.Contains(jumps, b) })
}

// closed is an activation that is a sum of atoms.
type closed interface{ atoms() gauss.Atoms }

// resolver is an activation whose duals are numeric.
type resolver interface{ function() *hermite.Function }

// nameOf returns what the activation calls itself, or the name of its type.
func nameOf(a Activation) string {
	if s, ok := a.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", a)
}

// Values returns φ at each pre-activation, for a figure. A value that is not finite
// is an error.
func Values(phi Activation, z []float64) ([]float64, error) {
	if err := validate(phi); err != nil {
		return nil, err
	}
	out := make([]float64, len(z))
	for i, x := range z {
		if out[i] = phi.Value(x); !special.Finite(out[i]) {
			return nil, fmt.Errorf("ntk: %s is %v at z = %v", nameOf(phi), out[i], x)
		}
	}
	return out, nil
}
