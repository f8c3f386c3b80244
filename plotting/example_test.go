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

// A mean over trials, the band of their spread, and the infinite-width prediction as a thin line of
// the same colour. Epoch 0 has no place on the log axis and is left out.
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
	fig.VLine("dimension", 11)
	fmt.Println(fig.Err())
	fig.VLine("dimension", 0)
	fmt.Println(fig.Err())
	// Output:
	// <nil>
	// plotting: vertical line "dimension": value 0 at index 0: a log x axis has no place for x = 0
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
	p.From(200) // the run goes on from a checkpoint
	for epoch := 200; epoch < 1025; epoch++ {
		p.Set(epoch, fmt.Sprintf("train loss %.2f", 1/math.Sqrt(float64(epoch+1))))
	}
	p.Done("train loss 0.03")
	// Output:
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

// The kernel κ(c) = c² of patches, by the activation that has it, and its mean over 2 × 2 windows.
func ExamplePatchesAndKernel() {
	net := plotting.NetSketch{Name: "one convolutional layer", Activation: "(z² − 1)/√2",
		Designed: true}
	net.C, net.Kernel = curve(func(c float64) float64 { return c * c }, -1, 1)
	report(plotting.PatchesAndKernel(net, 2))
	// Output: 1344 × 883 pixels <nil>
}

// named is a kernel by its name and its values, as those of package ntk are.
type named struct {
	name string
	f    func(c float64) float64
}

func (k named) String() string { return k.name }

func (k named) Curve(cosines []float64) ([]float64, error) {
	values := make([]float64, len(cosines))
	for i, c := range cosines {
		values[i] = k.f(c)
	}
	return values, nil
}

// Kernels of package ntk are drawn by one call.
func ExampleKernels() {
	report(plotting.Kernels(named{"c³", cubed}, named{"cosh c", math.Cosh}))
	// Output: 1344 × 806 pixels <nil>
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
