// Package page is what the live page computes: for what its controls say, the pictures and texts
// that it shows. It knows no browser, so that it is tested as any other package, and also draws
// what stands on the page before anything is loaded.
package page

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/kernelsmith/kernelsmith/site/live/internal/chart"
)

// Request is what a part of the page asks for.
type Request struct {
	Part string // "kernel", "flatten" or "parity"
	// Do is "draw", "fit" for the parts with kernels, and "train" for parity.
	Do string
	// Values are those of the controls, by name.
	Values map[string]string
	// Kept is what an earlier answer gave as such.
	Kept json.RawMessage `json:",omitempty"`
}

// Response is what a part of the page shows. What is not in it stays as it is.
type Response struct {
	Figures map[string]string `json:",omitempty"` // SVG by place
	Texts   map[string]string `json:",omitempty"` // by place
	// Kept, if not nil, is for the page to send with later requests of this part.
	Kept json.RawMessage `json:",omitempty"`
	// Progress is the share of a long job that is done, and Final is false while it goes on.
	Progress float64
	Final    bool
	// Error is a sentence about what was asked for, and Control the name of the one that is
	// wrong, if it is one.
	Error   string `json:",omitempty"`
	Control string `json:",omitempty"`
	// Numbers are the curves that were drawn, for tests.
	Numbers map[string][]float64 `json:",omitempty"`
}

// Progress is told what a long job has so far: as a function, since who looks only now and then
// need not have it drawn each time.
type Progress func(sofar func() Response)

// Answer computes what a request asks for. Long jobs tell progress, a function that may be nil,
// what they have so far, and end early, with what they have then, if ctx does.
func Answer(ctx context.Context, q Request, progress Progress) Response {
	if progress == nil {
		progress = func(func() Response) {}
	}
	v := values{of: q.Values, controls: Controls(q.Part)}
	out := Response{Figures: map[string]string{}, Texts: map[string]string{},
		Numbers: map[string][]float64{}}
	var err error
	switch q.Part + " " + q.Do {
	case "kernel draw", "kernel fit":
		err = kernelPart(ctx, q, &v, progress, &out)
	case "flatten draw", "flatten fit":
		err = flattenPart(ctx, q, &v, progress, &out)
	case "parity draw", "parity train":
		err = parityPart(ctx, q, &v, progress, &out)
	default:
		err = fmt.Errorf("the page has no part %q that can %q", q.Part, q.Do)
	}
	if err != nil {
		out = Response{Error: err.Error(), Control: v.bad}
	}
	out.Final = true
	return out
}

// cosines returns -cos x at n equal steps of x from 0 to π, so that the cosines ascend.
func cosines(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = -math.Cos(math.Pi * float64(i) / float64(n-1))
	}
	return out
}

// span returns n numbers at equal steps.
func span(n int, from, to float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return out
}

// picture is a chart with a title.
func picture(title, x, y string) *chart.Chart { return &chart.Chart{Title: title, X: x, Y: y} }
