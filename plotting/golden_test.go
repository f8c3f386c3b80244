package plotting

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
)

var update = flag.Bool("update", false, "write the golden pictures in testdata anew")

// A pixel differs if one of its channels is off by more than 40 of 255, and a picture if more than
// 0.2 % of its pixels do: room for another rounding of coordinates, which moves antialiased edges
// by part of a grey level, and for nothing as large as a letter, a tick or a line elsewhere.
const (
	channelTolerance = 40
	pixelTolerance   = 0.002
)

func TestGoldenPictures(t *testing.T) {
	_, deep, designed, parity := sketches()
	curve := New(
		Options{
			Title: "NTK of two ReLU nets (σ_{w} = √2, σ_{b} = 0.1)",
			X:     "cosine c = x·x′/d",
			Y:     "K(c)",
			DPI:   96,
		},
	)
	curve.Func("4HL ReLU", reluNTK(4), -1, 1)
	curve.Func("1HL ReLU", reluNTK(1), -1, 1, Dashed)
	curve.Callout(1, reluNTK(4)(1), 0.45, 4.4, "infinite slope at c = 1")
	curve.Callout(-0.924, 1.0766, -0.6, 2.1, "shallow minimum")

	inGrid := Panels([][]Drawing{{Flattening(deep, designed)}},
		PanelOptions{Width: 7, Height: 3.5, DPI: 96})
	nets := Panels([][]Drawing{{NetworksAndKernels(deep, designed, parity)}},
		PanelOptions{Width: 7, Height: 4.5, DPI: 96})
	patches := Panels([][]Drawing{{PatchesAndKernel(designed, 2)}},
		PanelOptions{Width: 7, Height: 4.6, DPI: 96})
	for name, d := range map[string]Drawing{
		"curve": curve, "training": trainingGrid(), "flattening": inGrid, "networks": nets,
		"patches": patches,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := PNG(d)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".png")
			if *update {
				if err := atomicfile.WriteBytes(path, got); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			part, err := differing(got, want)
			if err != nil {
				t.Fatal(err)
			}
			if part > pixelTolerance {
				failed := filepath.Join(t.ArtifactDir(), name+".png")
				if err := atomicfile.WriteBytes(failed, got); err != nil {
					t.Fatal(err)
				}
				t.Errorf(
					"%.2f %% of the pixels differ from %s (allowed %.2f %%); go test -artifacts "+
						"keeps the picture drawn; if it is as meant, run go test -run "+
						"TestGoldenPictures -update ./plotting", 100*part, path, 100*pixelTolerance)
			}
		})
	}
}

// differing returns the part of the pixels of two PNGs that differ.
func differing(a, b []byte) (float64, error) {
	x, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		return 0, err
	}
	y, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	if x.Bounds() != y.Bounds() {
		return 1, nil
	}
	n := 0
	r := x.Bounds()
	for i := r.Min.X; i < r.Max.X; i++ {
		for j := r.Min.Y; j < r.Max.Y; j++ {
			if far(x.At(i, j), y.At(i, j)) {
				n++
			}
		}
	}
	return float64(n) / float64(r.Dx()*r.Dy()), nil
}

func far(a, b color.Color) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	for _, c := range [][2]uint32{{ar, br}, {ag, bg}, {ab, bb}} {
		if d := int(c[0]>>8) - int(c[1]>>8); d > channelTolerance || d < -channelTolerance {
			return true
		}
	}
	return false
}

// The comparison must see what the tolerance is meant to catch: a curve of another colour, and a
// word that is gone.
func TestGoldenComparisonSeesChanges(t *testing.T) {
	draw := func(name, label string) []byte {
		f := New(Options{X: label, Width: 4, Height: 3, DPI: 96})
		f.Line("", []float64{0, 1}, []float64{0, 1}, Like(name))
		b, err := PNG(f)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := draw("4HL ReLU", "cosine c")
	for what, b := range map[string][]byte{"colour": draw("1HL mimic", "cosine c"),
		"label": draw("4HL ReLU", "angle")} {
		if part, err := differing(a, b); err != nil || part <= pixelTolerance {
			t.Errorf("another %s changes %.3f %% of the pixels: %v", what, 100*part, err)
		}
	}
	var blank bytes.Buffer
	if err := png.Encode(&blank, image.NewRGBA(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	if part, err := differing(a, blank.Bytes()); err != nil || part != 1 {
		t.Errorf("another size: %v, %v", part, err)
	}
}
