package study

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/plotting"
)

// LearningCurve is the test error of a kernel against the number of training points: as predicted,
// as measured, or both.
type LearningCurve struct {
	Kernel string
	// N are numbers of points, rising, and Predicted the test errors there. An infinite one,
	// at a peak, leaves a gap.
	N, Predicted []float64
	// At are numbers of points, Measured the test errors there, and StandardError those of
	// Measured. Without any StandardError there are no error bars.
	At, Measured, StandardError []float64
}

// String says where the curve begins and ends, in a line.
func (c LearningCurve) String() string {
	of := func(n, errors []float64, how string) string {
		if len(n) == 0 || len(n) != len(errors) {
			return ""
		}
		end := len(n) - 1
		return fmt.Sprintf("; %s %.3g at n = %.4g to %.3g at %.4g", how, errors[0], n[0],
			errors[end], n[end])
	}
	return "test error with " + c.Kernel + of(c.N, c.Predicted, "predicted") +
		of(c.At, c.Measured, "measured")
}

// LearningCurvesFigure draws predicted test errors as lines and measured ones as dots of the same
// colour, with bars of one standard error to each side, on logarithmic axes. A bar that would
// reach zero ends at a tenth of the dot. Lists of different lengths and numbers that are not
// positive are the figure's Err.
func LearningCurvesFigure(title string, curves ...LearningCurve) *plotting.Figure {
	f := plotting.New(plotting.Options{Title: title, X: "training points n",
		Y: "test error (MSE)", LogX: true, LogY: true})
	for _, c := range curves {
		c.draw(f)
	}
	return f
}

func (c LearningCurve) draw(f *plotting.Figure) {
	name := c.Kernel
	if len(c.N) != len(c.Predicted) { // which the figure reports
		f.Line(name, c.N, c.Predicted)
		return
	}
	for start := 0; start < len(c.N); {
		end := start
		for end < len(c.N) && !math.IsInf(c.Predicted[end], 1) {
			end++
		}
		if end > start {
			f.Line(name, c.N[start:end], c.Predicted[start:end], plotting.Like(c.Kernel))
			name = ""
		}
		start = end + 1
	}
	if len(c.At) == 0 && len(c.Measured) == 0 {
		return
	}
	f.Points(name, c.At, c.Measured, plotting.Like(c.Kernel))
	if n := len(c.StandardError); n == 0 || len(c.At) != len(c.Measured) {
		return
	} else if n != len(c.At) {
		f.Points(fmt.Sprintf("standard errors of %s", c.Kernel), c.At, c.StandardError)
		return
	}
	for i, v := range c.Measured {
		low, high := max(v-c.StandardError[i], v/10), v+c.StandardError[i]
		f.Line("", []float64{c.At[i], c.At[i]}, []float64{low, high}, plotting.Like(c.Kernel),
			plotting.Weight(1.2))
	}
}
