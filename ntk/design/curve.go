package design

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"
)

// Curve is what a design comes to on the sphere ‖x‖² = d: its kernel beside the target,
// and how far the kernels of finite nets are spread about it.
type Curve struct {
	Cosines []float64
	// Kernel is the NTK of the one-hidden-layer net, Difference that less Target.
	Kernel, Target, Difference []float64
	// Std[i][j] is the standard deviation over initialisations, at Cosines[j], of the
	// empirical NTK of the net of width Widths[i]; its mean is Kernel at any width.
	Widths []int
	Std    [][]float64
}

// String says how far the kernel is from its target and how wide the spread is, in a line.
func (c Curve) String() string {
	text := fmt.Sprintf("kernel at %d cosines: at most %.2g off", len(c.Cosines),
		largest(c.Difference))
	for i, width := range c.Widths {
		text += fmt.Sprintf("; standard deviation at width %d up to %.2g", width, largest(c.Std[i]))
	}
	return text
}

// largest is the largest size of the numbers.
func largest(values []float64) (most float64) {
	for _, v := range values {
		most = math.Max(most, math.Abs(v))
	}
	return most
}

// Band returns Kernel - times·Std and Kernel + times·Std at Widths[width].
func (c *Curve) Band(width int, times float64) (low, high []float64, err error) {
	if width < 0 || width >= len(c.Std) {
		return nil, nil, fmt.Errorf("design: width %d of a curve with %d", width, len(c.Std))
	}
	for j, s := range c.Std[width] {
		low, high = append(low, c.Kernel[j]-times*s), append(high, c.Kernel[j]+times*s)
	}
	return low, high, nil
}

// Curve compares the design's NTK with a target at cosines, and tells the spread of
// nets of some widths. Nil cosines are those of the target's samples, and for other
// targets cos θ at 101 angles. Cost with widths: about a millisecond, and some tens for
// each cosine nearer to ±1 than 0.93.
//
// Errors: cosines outside [-1, 1], widths below 1, samples elsewhere, and those of
// [Design.NTK] and [Design.Spread].
func (d *Design) Curve(target inverse.Target, cosines []float64, widths ...int) (*Curve, error) {
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	for _, w := range widths {
		if w < 1 {
			return nil, fmt.Errorf("design: a width is %d; it must be at least 1", w)
		}
	}
	c := &Curve{Cosines: append([]float64(nil), cosines...), Widths: append([]int(nil), widths...)}
	samples, sampled := target.(inverse.Samples)
	switch {
	case sampled && cosines == nil:
		c.Cosines, c.Target = append(
			c.Cosines,
			samples.Cosines...), append(
			c.Target,
			samples.Values...)
	case cosines == nil:
		for i := range 101 {
			c.Cosines = append(c.Cosines, math.Cos(math.Pi*float64(i)/100))
		}
	}
	K, err := d.NTK()
	if err != nil {
		return nil, err
	}
	if c.Kernel, err = K.Curve(c.Cosines); err != nil {
		return nil, err
	}
	if c.Target == nil {
		if c.Target, err = curveOf(target, c.Cosines); err != nil {
			return nil, err
		}
	}
	for i, v := range c.Target {
		c.Difference = append(c.Difference, c.Kernel[i]-v)
	}
	if len(widths) == 0 {
		return c, nil
	}
	spread, err := d.Spread(c.Cosines)
	if err != nil {
		return nil, err
	}
	for _, w := range widths {
		std := make([]float64, len(spread))
		for j, s := range spread {
			std[j] = s / math.Sqrt(float64(w))
		}
		c.Std = append(c.Std, std)
	}
	return c, nil
}
