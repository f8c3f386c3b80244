package gauss

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// referred is a function of testdata/duals.json, by integrals at 50 digits.
type referred struct {
	Name  string
	Atoms []struct {
		Kind    string
		Numbers []json.RawMessage
	}
	Pairs [][]*float64 // q, q2, gap, side, value, its scale, derivative, its scale (nil: f jumps)
}

func (r referred) atoms(t *testing.T) (out Atoms) {
	t.Helper()
	for _, a := range r.Atoms {
		var v [5]complex128
		for i, raw := range a.Numbers {
			var re float64
			var both [2]float64
			if json.Unmarshal(raw, &re) != nil {
				if err := json.Unmarshal(raw, &both); err != nil {
					t.Fatal(err)
				}
				re = both[0]
			}
			v[i] = complex(re, both[1])
		}
		m := int(real(v[1]))
		if a.Kind == "wave" {
			out.Waves = append(out.Waves, Wave{v[0], m, real(v[2]), v[3]})
		} else {
			out.Gates = append(out.Gates, Gate{real(v[0]), m, real(v[2]), real(v[3]), real(v[4])})
		}
	}
	return out
}

// cancels are the functions whose terms cancel, at large or at small variances.
var cancels = []string{"tails", "gelu less relu", "z less erf", "cosine less 1"}

// Variances from 1e-12 to 1e12, equal and not, up to equal and opposite pre-activations: both
// duals to 1e-11 of what they are for equal ones, or NaN where terms cancel.
func TestDualsAgainstReferences(t *testing.T) {
	b, err := os.ReadFile("testdata/duals.json")
	if err != nil {
		t.Fatal(err)
	}
	var functions []referred
	if err := json.Unmarshal(b, &functions); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, f := range functions {
		atoms := f.atoms(t).Lifted()
		sum := NewSum(atoms)
		lost := 0
		for _, p := range f.Pairs {
			q, q2, gap := *p[0], *p[1], *p[2]
			s := GeometricMean(q, q2)
			at := New(q, s-gap, q2, gap, 2*s-gap)
			if *p[3] < 0 {
				at = New(q, gap-s, q2, 2*s-gap, gap)
			}
			v, d := sum.Dual(at)
			for i, got := range [2]float64{v, d} {
				if p[4+2*i] == nil {
					continue
				}
				want, scale := *p[4+2*i], *p[5+2*i]
				compared++
				if math.IsNaN(got) {
					lost++
				} else if !(math.Abs(got-want) <= 1e-11*scale) {
					t.Errorf("%s: dual %d at %v is %v, want %v: %.1e of that at equal inputs",
						f.Name, i, at, got, want, math.Abs(got-want)/scale)
				}
			}
			if v, w := v, sum.f.Dual(sum.f, at); !math.IsNaN(v) &&
				math.Abs(v-w) > 1e-11**p[5] {
				t.Errorf("%s at %v: %v, over pairs of atoms %v", f.Name, at, v, w)
			}
		}
		if (lost > 0) != slices.Contains(cancels, f.Name) || lost > len(f.Pairs) {
			t.Errorf("%s: %d of %d pairs are NaN", f.Name, lost, len(f.Pairs))
		}
	}
	if compared < 4500 {
		t.Errorf("only %d values are compared", compared)
	}
}
