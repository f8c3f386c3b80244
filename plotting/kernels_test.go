package plotting

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// A monomial is c^k, which fails for a negative k.
type monomial int

func (p monomial) String() string { return "monomial" }

func (p monomial) Curve(cosines []float64) ([]float64, error) {
	if p < 0 {
		return nil, errors.New("it has no value")
	}
	values := make([]float64, len(cosines))
	for i, c := range cosines {
		values[i] = math.Pow(c, float64(p))
	}
	return values, nil
}

func TestKernels(t *testing.T) {
	f := Kernels(monomial(2), monomial(3))
	sets := f.datasets()
	if len(sets) != 2 || sets[0].series != "monomial" || sets[1].series != "monomial (2)" {
		t.Fatalf("%+v", sets)
	}
	for i, x := range sets[1].x {
		if math.Abs(sets[1].y[i]-x*x*x) > 1e-15 {
			t.Errorf("at c = %v it is %v", x, sets[1].y[i])
		}
	}
	x := sets[0].x
	if x[0] != -1 || x[len(x)-1] != 1 || x[1]+1 > 2e-4 {
		t.Errorf("cosines from %v, %v to %v: want close ones at the ends", x[0], x[1], x[len(x)-1])
	}
	for says, bad := range map[string]*Figure{
		"no kernel to draw":                  Kernels(),
		"kernel 2 is nil":                    Kernels(monomial(1), nil),
		`kernel "monomial": it has no value`: Kernels(monomial(-1)),
	} {
		if err := bad.Err(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: want %q", err, says)
		}
	}
}
