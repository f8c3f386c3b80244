package plotting

import (
	"errors"
	"fmt"
	"math"
)

// A Curve is a function K(c) of the cosine c of two inputs, in [-1, 1], that tells its name: a
// kernel or a power series of package ntk.
type Curve interface {
	fmt.Stringer
	Curve(cosines []float64) ([]float64, error)
}

// Kernels returns a figure of kernels over the cosine, each under its own name, at 201 cosines that
// are at equal steps of the angle, so that what happens near c = ±1 is seen. Those after the first
// are dashed, so that none hides another; of equal names the later are numbered. A kernel that has
// no value somewhere is an error of the figure, which Show returns.
func Kernels(kernels ...Curve) *Figure {
	f := New(Options{X: "cosine c", Y: "K(c)"})
	if len(kernels) == 0 {
		f.fail(errors.New("plotting: no kernel to draw"))
	}
	cosines := make([]float64, 201)
	for i := range cosines {
		cosines[i] = -math.Cos(math.Pi * float64(i) / 200)
	}
	cosines[100] = 0
	times := map[string]int{}
	for i, k := range kernels {
		if k == nil {
			f.fail(fmt.Errorf("plotting: kernel %d is nil", i+1))
			continue
		}
		name := k.String()
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, times[name])
		}
		values, err := k.Curve(cosines)
		if err != nil {
			f.fail(fmt.Errorf("plotting: kernel %q: %w", name, err))
			continue
		}
		if i == 0 {
			f.Line(name, cosines, values)
		} else {
			f.Line(name, cosines, values, Dashed)
		}
	}
	return f
}
