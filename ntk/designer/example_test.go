package designer_test

import (
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/ntk/designer"
)

// In a cell of a notebook this is live; outside one it says whether all is well.
func ExampleRun() {
	fmt.Println(designer.Run(designer.Settings{Coeffs: []float64{0.5, 0.25, 0.1}}))
	fmt.Println(designer.Run(designer.Settings{Coeffs: []float64{0.5, 7}}))
	// Output:
	// <nil>
	// designer: coefficient a_1 is 7; its slider goes from -0.5 to 3
}

// A kernel of one's own to set the sliders from.
func ExampleOrigin() {
	wave := designer.Origin{Name: "cos", Kernel: func(_ int, length float64) (ntk.Kernel, error) {
		return ntk.FromFunc("1 + cos", func(c float64) float64 { return 1 + math.Cos(c/length) })
	}}
	fmt.Println(designer.Run(designer.Settings{Origins: []designer.Origin{wave}}))
	// Output: <nil>
}
