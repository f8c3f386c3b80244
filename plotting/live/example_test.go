package live_test

import (
	"context"
	"fmt"

	"github.com/kernelsmith/kernelsmith/plotting"
	"github.com/kernelsmith/kernelsmith/plotting/live"
)

// A parabola with a slider, and a button that keeps the present one to compare with. Here, outside
// a notebook, it is drawn once.
func ExampleRun() {
	var kept []float64
	err := live.Run(context.Background(), []live.Control{
		live.Slider{Name: "a", Label: "curvature", Min: -2, Max: 2, Step: 0.05, Value: 1},
		live.Choice{Name: "side", Options: []string{"right half", "both halves"}},
		live.Button{Name: "keep", Label: "Keep"},
	}, func(values map[string]float64, pressed string) (live.View, error) {
		a := values["a"]
		if pressed == "keep" {
			kept = append(kept, a)
		}
		parabola := func(a float64) func(float64) float64 {
			return func(x float64) float64 { return a * x * x }
		}
		fig := plotting.New(plotting.Options{X: "x", Y: "a x²"})
		for _, k := range kept {
			fig.Func("", parabola(k), -values["side"], 1, plotting.Thin)
		}
		fig.Func("a x²", parabola(a), -values["side"], 1)
		fmt.Println("drawn for", values)
		return live.View{
			Picture: fig,
			Caption: "A parabola.",
			Text:    fmt.Sprintf("a = %.2f", a),
		}, nil
	}, nil)
	fmt.Println(err)
	// Output:
	// drawn for map[a:1 side:0]
	// <nil>
}

// What cannot be set up is an error that names it.
func ExampleSlider() {
	err := live.Run(context.Background(), []live.Control{live.Slider{Name: "a", Min: 0, Max: 1}},
		nil, nil)
	fmt.Println(err)
	// Output: live: slider "a" from 0 to 1 in steps of 0: want Min < Max and 0 < Step ≤ Max - Min
}
