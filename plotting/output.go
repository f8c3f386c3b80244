package plotting

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Drawing is what can be shown, saved and put into panels: a [*Figure], a [*Grid], or
// the schematics that [NetworksAndKernels], [Flattening] and [PatchesAndKernel] return.
type Drawing interface {
	// Err returns the first thing that is wrong with the drawing, or nil.
	Err() error

	dimensions() dimensions
	// colorNames are the names that need a colour, in the order of their first use.
	colorNames() []string
	// describe is the alternative text where there is no caption.
	describe() string
	// datasets are what it shows, in the order in which it was added.
	datasets() []dataset
	// wrong is what is wrong whatever the size of the picture, or nil.
	wrong() error
	// render draws on the whole of a canvas, or says what has no room there; wrong has returned
	// nil.
	render(c draw.Canvas, pal palette) error
}

// dimensions are the size of a picture in inches and its resolution in dots per inch.
type dimensions struct {
	width, height float64
	dpi           int
}

// defaultDPI is the resolution of a PNG unless another is asked for: two dots for each
// pixel of a usual screen, so that it is crisp on dense ones.
const defaultDPI = 192

func (d dimensions) orDefault(width, height float64) dimensions {
	if d.width == 0 {
		d.width = width
	}
	if d.height == 0 {
		d.height = height
	}
	if d.dpi == 0 {
		d.dpi = defaultDPI
	}
	return d
}

func checkSize(width, height float64, dpi int) error {
	for _, s := range []struct {
		name  string
		value float64
	}{{"Width", width}, {"Height", height}} {
		if s.value != 0 && !(s.value >= 0.5 && s.value <= 100) {
			return fmt.Errorf("plotting: %s of %v inches: want 0.5 to 100, or 0 for the default",
				s.name, s.value)
		}
	}
	if dpi != 0 && (dpi < 10 || dpi > 2400) {
		return fmt.Errorf("plotting: DPI %d: want 10 to 2400, or 0 for %d", dpi, defaultDPI)
	}
	return nil
}

// maxPixels bounds the memory of a picture to about 1 GiB.
const maxPixels = 1 << 28

func check(d Drawing) (dimensions, error) {
	if d == nil {
		return dimensions{}, errors.New("plotting: nil Drawing")
	}
	if err := d.wrong(); err != nil {
		return dimensions{}, err
	}
	return d.dimensions(), nil
}

// PNG returns the drawing as a PNG of width × DPI by height × DPI pixels on white.
func PNG(d Drawing) ([]byte, error) {
	dim, err := check(d)
	if err != nil {
		return nil, err
	}
	dpi := float64(dim.dpi)
	if math.Round(dim.width*dpi)*math.Round(dim.height*dpi) > maxPixels {
		return nil, fmt.Errorf(
			"plotting: %v by %v inches at %d DPI is more than %d pixels; make it smaller",
			dim.width, dim.height, dim.dpi, maxPixels)
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(dim.width)*vg.Inch, vg.Length(dim.height)*vg.Inch),
		vgimg.UseDPI(dim.dpi))
	if err := d.render(border(draw.New(c)), paletteOf(d.colorNames())); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("plotting: encoding a PNG: %w", err)
	}
	return buf.Bytes(), nil
}

// SVG returns the drawing as an SVG document. Its letters are text in Liberation Sans, or
// Arial or Helvetica, which have the same widths, where a viewer lacks that.
func SVG(d Drawing) ([]byte, error) {
	dim, err := check(d)
	if err != nil {
		return nil, err
	}
	c := vgsvg.New(vg.Length(dim.width)*vg.Inch, vg.Length(dim.height)*vg.Inch)
	dc := border(draw.New(c))
	fillRect(
		dc,
		vg.Rectangle{
			Max: vg.Point{X: vg.Length(dim.width) * vg.Inch, Y: vg.Length(dim.height) * vg.Inch},
		},
		white,
	)
	if err := d.render(dc, paletteOf(d.colorNames())); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("plotting: encoding an SVG: %w", err)
	}
	b := bytes.ReplaceAll(buf.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	// What vgsvg calls a JPEG is a PNG.
	return bytes.ReplaceAll(b, []byte(`xlink:href="data:image/jpg;`),
		[]byte(`xlink:href="data:image/png;`)), nil
}

// border leaves a little white around a drawing.
func border(c draw.Canvas) draw.Canvas {
	b := vg.Points(4)
	return draw.Crop(c, b, -b, b, -b)
}

// Save writes the drawing to a file, as PNG, SVG, PDF, or CSV of its data, by the extension of its
// name. The file is complete or not there: it is written under a temporary name in the same folder,
// synced and renamed, and replaces one of that name.
func Save(d Drawing, path string) error {
	var encode func(Drawing) ([]byte, error)
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		encode = PNG
	case ".svg":
		encode = SVG
	case ".pdf":
		encode = pdfOf
	case ".csv":
		encode = csvOf
	default:
		return fmt.Errorf("plotting: save %q: extension %q is none of .png, .svg, .pdf and .csv",
			path, ext)
	}
	b, err := encode(d)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(path, b); err != nil {
		return fmt.Errorf("plotting: %w", err)
	}
	return nil
}
