package plotting_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"

	"github.com/kernelsmith/kernelsmith/plotting"
)

// report says how large the picture of a drawing is, or what is wrong with it.
func report(d plotting.Drawing) {
	b, err := plotting.PNG(d)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	fmt.Println(c.Width, "×", c.Height, "pixels", err)
}

func gaussian(c float64) float64 { return math.Exp(-2 * (1 - c)) }

func cubed(c float64) float64 { return c * c * c }

func ExampleNew() {
	fig := plotting.New(plotting.Options{
		Title: "two kernels", X: "cosine c", Y: "K(c)",
		YRange: &[2]float64{-1, 1},
		Width:  5, Height: 3, DPI: 100,
	})
	fig.Func("c³", cubed, -1, 1)
	fig.Func("e^{−2(1−c)}", gaussian, -1, 1)
	report(fig)
	// Output: 500 × 300 pixels <nil>
}

// A mean over trials, the band of their spread, and the infinite-width prediction as a thin line of the same
// colour. Epoch 0 has no place on the log axis and is left out.
func ExampleFigure_Line() {
	epochs := []float64{0, 1, 10, 100}
	fig := plotting.New(plotting.Options{X: "epoch", Y: "train loss", LogX: true})
	fig.Band("4HL ReLU", epochs, []float64{1, 0.87, 0.64, 0.43}, []float64{1, 0.93, 0.70, 0.47})
	fig.Line("4HL ReLU", epochs, []float64{1, 0.90, 0.67, 0.45})
	fig.Line("", epochs, []float64{1, 0.90, 0.66, 0.44}, plotting.Thin, plotting.Like("4HL ReLU"))
	fig.Key("infinite width", plotting.Thin)
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_Band() {
	fig := plotting.New(plotting.Options{})
	fig.Band("1HL mimic", []float64{1, 2}, []float64{0.5, 0.2}, []float64{0.7, 0.3})
	fmt.Println(fig.Err())
	fig.Band("1HL mimic", []float64{1, 2}, []float64{0.5, 0.4}, []float64{0.7, 0.3})
	fmt.Println(fig.Err())
	// Output:
	// <nil>
	// plotting: band "1HL mimic": value 0.4 at index 1: lo is above hi = 0.3
}

func ExampleFigure_Points() {
	fig := plotting.New(plotting.Options{X: "degree k", Y: "a_{k}", LogY: true})
	fig.Points("coefficients", []float64{1, 3, 5}, []float64{1, 1e-2, 1e-5}, plotting.Weight(7))
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_Func() {
	fig := plotting.New(plotting.Options{X: "z", Y: "φ(z)"})
	fig.Func("ReLU", func(z float64) float64 { return math.Max(0, z) }, -3, 3)
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_HLine() {
	fig := plotting.New(plotting.Options{})
	fig.HLine("chance", 0.5, plotting.Dotted)
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_VLine() {
	fig := plotting.New(plotting.Options{LogX: true})
	fig.VLine("width of the input", 11)
	fmt.Println(fig.Err())
	fig.VLine("width of the input", 0)
	fmt.Println(fig.Err())
	// Output:
	// <nil>
	// plotting: vertical line "width of the input": value 0 at index 0: a log x axis has no place for x = 0
}

func ExampleFigure_Note() {
	fig := plotting.New(plotting.Options{})
	fig.Func("c³", cubed, -1, 1)
	fig.Note(0, 0.5, "odd: K(−c) = −K(c)", plotting.Like("c³"))
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_Callout() {
	fig := plotting.New(plotting.Options{X: "c", Y: "K(c)"})
	fig.Func("K", gaussian, -1, 1)
	fig.Callout(1, 1, 0.2, 0.8, "K(1) = 1")
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_Key() {
	fig := plotting.New(plotting.Options{})
	fig.Func("4HL ReLU", gaussian, -1, 1)
	fig.Key("infinite width", plotting.Thin)
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleFigure_Err() {
	fig := plotting.New(plotting.Options{})
	fig.Line("4HL ReLU", []float64{1, 2, 3}, []float64{0.5, math.NaN(), 0.4})
	fig.Line("1HL ReLU", nil, nil) // ignored: the first error counts
	fmt.Println(fig.Err())
	// Output: plotting: line "4HL ReLU": value NaN at index 1: y is not finite
}

func ExampleDataError() {
	fig := plotting.New(plotting.Options{LogY: true})
	fig.Line("test loss", []float64{1, 2}, []float64{0.5, -0.1})
	var e *plotting.DataError
	if errors.As(fig.Err(), &e) {
		fmt.Println(e.Series, e.Index, e.Value)
	}
	// Output: line "test loss" 1 -0.1
}

func ExampleLike() {
	fig := plotting.New(plotting.Options{})
	fig.Func("", gaussian, -1, 1, plotting.Like("1HL mimic"), plotting.Dashed)
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleColor() {
	fig := plotting.New(plotting.Options{})
	fig.Func("c³", cubed, -1, 1, plotting.Color(color.Gray{Y: 128}))
	report(fig)
	// Output: 1344 × 806 pixels <nil>
}

func ExampleWeight() {
	fig := plotting.New(plotting.Options{})
	fig.Func("c³", cubed, -1, 1, plotting.Weight(0))
	fmt.Println(fig.Err())
	// Output: plotting: line "c³": Weight(0): want a positive width in points
}

func ExampleColorOf() {
	c := plotting.ColorOf("1HL mimic")
	fmt.Printf("#%02X%02X%02X\n", c.R, c.G, c.B)
	// Output: #D55E00
}

func ExamplePanels() {
	panel := func(title string, k func(float64) float64) *plotting.Figure {
		fig := plotting.New(plotting.Options{Title: title, X: "c", Y: "K(c)"})
		fig.Func("target", k, -1, 1)
		return fig
	}
	grid := plotting.Panels([][]plotting.Drawing{
		{panel("odd", cubed), panel("Gaussian", gaussian)},
	}, plotting.PanelOptions{Letters: true, SharedLegend: true, Width: 6, Height: 3})
	report(grid)
	// Output: 1152 × 576 pixels <nil>
}

func ExamplePNG() {
	fig := plotting.New(plotting.Options{Width: 2, Height: 1, DPI: 72})
	b, err := plotting.PNG(fig)
	fmt.Printf("%q %v\n", b[1:4], err)
	// Output: "PNG" <nil>
}

func ExampleSVG() {
	fig := plotting.New(plotting.Options{X: "cosine c", Width: 2, Height: 1})
	b, err := plotting.SVG(fig)
	fmt.Println(bytes.Contains(b, []byte(">cosine c</text>")), err)
	// Output: true <nil>
}

func ExampleSave() {
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	fig := plotting.New(plotting.Options{})
	fig.Func("c³", cubed, -1, 1)
	fmt.Println(plotting.Save(fig, filepath.Join(dir, "cubed.svg")))
	fmt.Println(plotting.Save(fig, "cubed.eps"))
	// Output:
	// <nil>
	// plotting: save "cubed.eps": extension ".eps" is none of .png, .svg, .pdf and .csv
}

// In a notebook the picture appears below the cell; elsewhere Show does nothing.
func ExampleShow() {
	fig := plotting.New(plotting.Options{X: "c", Y: "K(c)"})
	fig.Func("c³", cubed, -1, 1)
	fmt.Println(plotting.Show(fig, "The kernel c³, odd and steep at both ends."))
	// Output: <nil>
}

func ExampleShowTable() {
	err := plotting.ShowTable(
		[]string{"net", "parameters", "test loss"},
		[][]string{{"4HL ReLU", "50,417,664", "0.532"}, {"1HL mimic", "69,632", "0.534"}},
		"After 1020 epochs")
	fmt.Println(err)
	// Output:
	// After 1020 epochs
	// net        parameters  test loss
	// ---------  ----------  ---------
	// 4HL ReLU   50,417,664      0.532
	// 1HL mimic      69,632      0.534
	// <nil>
}

func ExampleShowMarkdown() {
	if err := plotting.ShowMarkdown("The largest error is **0.0103**."); err != nil {
		fmt.Println(err)
	}
	// Output: The largest error is **0.0103**.
}

// Progress goes to a notebook's page or a terminal's standard error, never to the standard output.
func ExampleNewProgress() {
	p := plotting.NewProgress("4HL ReLU, trial 1 of 3", 1025)
	for epoch := range 1025 {
		p.Set(epoch, fmt.Sprintf("train loss %.2f", 1/math.Sqrt(float64(epoch+1))))
	}
	p.Done("train loss 0.03")
	// Output:
}

func ExampleNewSchematic() {
	s := plotting.NewSchematic(4, 2, 96)
	net := plotting.Ink{Name: "4HL ReLU"}
	s.Box(plotting.Box(2, 1, 3.9, 1.9),
		plotting.BoxStyle{Edge: color.Gray{Y: 200}, Width: 1, Radius: 0.1})
	s.Net(
		plotting.Net{
			Frame:  plotting.Box(1, 1, 1.2, 0.9),
			Layers: []int{2, 3, 1},
			Labels: []string{"x", "φ", "f(x)"},
			Ink:    net,
		},
	)
	s.Arrow(
		plotting.Arrow{
			From:  plotting.Point{X: 1.75, Y: 1},
			To:    plotting.Point{X: 2.45, Y: 1},
			Bend:  0.1,
			Label: "NTK",
		},
	)
	s.Line(
		plotting.LineSegment{
			From:   plotting.Point{X: 2.6, Y: 0.3},
			To:     plotting.Point{X: 3.4, Y: 0.3},
			Dashed: true,
			Ink:    net,
		},
	)
	s.Inset(plotting.Inset{
		Frame: plotting.Box(3, 1, 0.8, 0.8),
		Curves: []plotting.Curve{
			{Name: "4HL ReLU", X: []float64{-1, 0, 1}, Y: []float64{0, 0.2, 1}},
		},
		X: "c",
		Y: "K(c)",
	})
	s.Text(plotting.Point{X: 2, Y: 1.75}, "a net and its kernel", plotting.TextStyle{Bold: true})
	report(s)
	// Output: 384 × 192 pixels <nil>
}

func ExampleBox() {
	r := plotting.Box(2, 1, 1, 0.5)
	fmt.Println(r.Min, r.Max)
	// Output: {1.5 0.75} {2.5 1.25}
}

func curve(f func(float64) float64, lo, hi float64) (xs, ys []float64) {
	for i := range 101 {
		x := lo + (hi-lo)*float64(i)/100
		xs, ys = append(xs, x), append(ys, f(x))
	}
	return xs, ys
}

func ExampleNetworksAndKernels() {
	wave := plotting.NetSketch{
		Name:       "1HL √2 sin(z + π/4)",
		Layers:     []int{3, 5, 1},
		Activation: "√2 sin(z + π/4)",
		Designed:   true,
	}
	wave.C, wave.Kernel = curve(func(c float64) float64 { return math.Exp(-(1 - c)) * (1 + c) }, -1,
		1)
	linear := plotting.NetSketch{Name: "2HL linear", Layers: []int{3, 3, 3, 1}, Activation: "z"}
	linear.C, linear.Kernel = curve(func(c float64) float64 { return 3 * c }, -1, 1)
	report(plotting.NetworksAndKernels(linear, wave))
	// Output: 1344 × 618 pixels <nil>
}

func ExampleFlattening() {
	deep := plotting.NetSketch{Name: "2HL linear", Layers: []int{3, 4, 4, 1}, Activation: "φ"}
	deep.Z, deep.Phi = curve(func(z float64) float64 { return z }, -2, 2)
	deep.C, deep.Kernel = curve(func(c float64) float64 { return 3 * c }, -1, 1)
	flat := plotting.NetSketch{Name: "1HL linear", Layers: []int{3, 8, 1}, Activation: "φ̃"}
	flat.Z, flat.Phi = curve(func(z float64) float64 { return math.Sqrt(1.5) * z }, -2, 2)
	flat.C, flat.Kernel = deep.C, deep.Kernel
	report(plotting.Flattening(deep, flat))
	// Output: 1344 × 672 pixels <nil>
}

// In a notebook the cell shows the drawing as SVG; elsewhere nothing happens.
func ExampleShowSVG() {
	fig := plotting.New(plotting.Options{X: "z", Y: "φ(z)"})
	fig.Func("ReLU", func(z float64) float64 { return max(z, 0) }, -2, 2)
	fmt.Println(plotting.ShowSVG(fig, "ReLU over the pre-activation z."))
	// Output: <nil>
}

func ExampleShowComparisons() {
	plotting.ShowComparisons([]plotting.Comparison{
		{
			Quantity:  "test loss, 4HL ReLU",
			Source:    "Table 1",
			Published: 0.258,
			Ours:      0.2554,
			Tolerance: 0.006,
			Why:       "two spreads",
		},
		{
			Quantity:  "test loss, 1HL ReLU",
			Source:    "Table 1",
			Published: 0.282,
			Ours:      0.31,
			Tolerance: 0.006,
			Why:       "two spreads",
		},
	}, "")
	// Output:
	//                      published    ours  difference  tolerance            verdict
	// -------------------  ---------  ------  ----------  -------------------  -------
	// test loss, 4HL ReLU      0.258  0.2554     −0.0026  0.006 (two spreads)  agrees
	// test loss, 1HL ReLU      0.282    0.31       0.028  0.006 (two spreads)  differs
}

// A table that has published numbers among others.
func ExampleShowCompared() {
	c := plotting.Comparison{
		Quantity:        "test MSE, 1HL ½ sin 6z",
		Source:          "Table 1",
		Published:       0.021,
		PublishedSpread: 0.004,
		Ours:            0.0207,
		Tolerance:       0.012,
		Why:             "three spreads",
	}
	plotting.ShowCompared([]string{"net", "trials", "test MSE"},
		[][]string{{"1HL ½ sin 6z", "30", "0.0207"}}, "", []plotting.Comparison{c})
	// Output:
	// net           trials  test MSE
	// ------------  ------  --------
	// 1HL ½ sin 6z      30    0.0207
}

func ExampleComparison_Agrees() {
	c := plotting.Comparison{Published: 0.258, Ours: 0.2554, Tolerance: 0.006}
	fmt.Println(c.Agrees())
	// Output: true
}

func ExampleCSV() {
	figure := plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"})
	figure.Line("c³", []float64{-1, 0, 1}, []float64{-1, 0, 1})
	rows, err := plotting.CSV(figure)
	fmt.Print(string(rows), err)
	// Output:
	// panel,series,kind,x,y,lower,upper
	// ,c³,line,-1,-1,,
	// ,c³,line,0,0,,
	// ,c³,line,1,1,,
	// <nil>
}

func ExamplePDF() {
	figure := plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"})
	figure.Func("c³", cubed, -1, 1)
	pdf, err := plotting.PDF(figure)
	fmt.Printf("%.4s %v\n", pdf, err)
	// Output: %PDF <nil>
}

// What a reader of a figure may want to take away.
func ExampleFiles() {
	figure := plotting.New(plotting.Options{X: "cosine c", Y: "K(c)"})
	figure.Func("c³", cubed, -1, 1)
	files, err := plotting.Files(figure)
	if err != nil {
		fmt.Println(err)
		return
	}
	archive, err := zip.NewReader(bytes.NewReader(files), int64(len(files)))
	for _, f := range archive.File {
		fmt.Println(f.Name)
	}
	fmt.Println(err)
	// Output:
	// figure.svg
	// figure.pdf
	// figure.csv
	// <nil>
}
