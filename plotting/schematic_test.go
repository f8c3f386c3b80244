package plotting

import (
	"errors"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sample returns n points of fn from lo to hi.
func sample(fn func(float64) float64, lo, hi float64, n int) (xs, ys []float64) {
	for i := range n {
		x := lo + (hi-lo)*float64(i)/float64(n-1)
		xs, ys = append(xs, x), append(ys, fn(x))
	}
	return xs, ys
}

// reluNTK is the NTK of a ReLU net of some depth on the sphere, σ_w = √2 and σ_b = 0.1 in hidden
// layers.
func reluNTK(depth int) func(c float64) float64 {
	return func(c float64) float64 {
		q, s := 2.01, 2*c+0.01
		k := s
		for l := range depth {
			w, b := 2.0, 0.01
			if l == depth-1 {
				w, b = 1, 0
			}
			theta := math.Acos(math.Max(-1, math.Min(1, s/q)))
			dual := q / (2 * math.Pi) * (math.Sin(theta) + (math.Pi-theta)*math.Cos(theta))
			k = w*(dual+k*(math.Pi-theta)/(2*math.Pi)) + b
			q, s = w*q/2+b, w*dual+b
		}
		return k
	}
}

// mimic is the published activation of the paper's Section on mimicking.
func mimic(z float64) float64 {
	return 3.8001579818118927*math.Max(0,
		z-1.0600013769145225) + 0.09680930566346302*z + 0.9010060417094072 -
		0.07936104642025432*math.Cos(11.810565331593281*z+0.9340552512015492)
}

func relu(z float64) float64 { return math.Max(0, z) }

func sketches() (shallow, deep, designed, parity NetSketch) {
	sketch := func(name, symbol string, layers []int, phi, kernel func(float64) float64) NetSketch {
		n := NetSketch{Name: name, Layers: layers, Activation: symbol}
		n.Z, n.Phi = sample(phi, -2.5, 2.5, 201)
		n.C, n.Kernel = sample(kernel, -1, 1, 201)
		return n
	}
	shallow = sketch("1HL ReLU", "ReLU", []int{3, 5, 1}, relu, reluNTK(1))
	deep = sketch("4HL ReLU", "ReLU", []int{3, 4, 4, 4, 4, 1}, relu, reluNTK(4))
	designed = sketch("1HL mimic", "φ̃", []int{3, 8, 1}, mimic, reluNTK(4))
	designed.Designed = true
	// NTK of ½ sin 6z: ¼ e^{−36} d/dc (c sinh 36c).
	parity = sketch(
		"1HL ½ sin 6z",
		"½ sin 6z",
		[]int{3, 5, 1},
		func(z float64) float64 { return math.Sin(6*z) / 2 },
		func(c float64) float64 {
			return (math.Exp(-36*(1-c))*(1+36*c) - math.Exp(-36*(1+c))*(1-36*c)) / 8
		},
	)
	parity.Designed = true
	return shallow, deep, designed, parity
}

// No two texts of the schematics may collide, and all must be inside.
func TestTextsOfSchematicsKeepApart(t *testing.T) {
	shallow, deep, designed, parity := sketches()
	for name, drawing := range map[string]Drawing{
		"flattening": Flattening(deep, designed),
		"three nets": NetworksAndKernels(shallow, deep, parity),
		"five nets":  NetworksAndKernels(shallow, deep, designed, parity, deep),
		"one net":    NetworksAndKernels(designed),
		"windows":    PatchesAndKernel(parity, 3),
		"one window": PatchesAndKernel(shallow, 1),
	} {
		s := drawing.(*schematic)
		if err := s.Err(); err != nil {
			t.Fatal(name, err)
		}
		size := rect{Max: point{X: s.size.width, Y: s.size.height}}
		for i, a := range s.labels {
			if a.rect.Min.X < size.Min.X || a.rect.Min.Y < size.Min.Y ||
				a.rect.Max.X > size.Max.X ||
				a.rect.Max.Y > size.Max.Y {
				t.Errorf("%s: %q at %v is outside %v", name, a.text, a.rect, size)
			}
			for _, b := range s.labels[:i] {
				if collide(a.rect, b.rect) {
					t.Errorf("%s: %q at %v and %q at %v collide", name, a.text, a.rect, b.text,
						b.rect)
				}
			}
		}
	}
}

func TestSchematicsSayWhatTheyShow(t *testing.T) {
	shallow, deep, designed, _ := sketches()
	b, err := SVG(NetworksAndKernels(shallow, deep, designed))
	if err != nil {
		t.Fatal(err)
	}
	written, _ := svgTexts(t, b)
	all := strings.Join(written, "|")
	for _, want := range []string{"networks", "kernels", "(known)", "(this work)", "1HL ReLU",
		"4HL ReLU", "4 × ReLU", "K(c)"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
}

// The schematic of a convolutional layer says what pooling there is, and leads an arrow to the
// activation of a designed net alone.
func TestPatchesAndKernelSaysWhatItShows(t *testing.T) {
	_, deep, designed, _ := sketches()
	for _, tc := range []struct {
		d             Drawing
		wants, absent []string
	}{
		{PatchesAndKernel(designed, 2), []string{"1HL mimic", "image x", "N filters W",
			"activation", "windows w", "readout V", "f(x)", "κ(c)", "mean over pairs",
			"mean over", "K(x, y)", "design"}, []string{"global"}},
		{PatchesAndKernel(deep, 1), []string{"4HL ReLU", "activation ReLU", "global",
			"mean over all", "K(x, y)"}, []string{"design", "windows w"}},
	} {
		b, err := SVG(tc.d)
		if err != nil {
			t.Fatal(err)
		}
		written, _ := svgTexts(t, b)
		for _, want := range tc.wants {
			if !slices.ContainsFunc(written, func(s string) bool {
				return strings.HasPrefix(s, want)
			}) {
				t.Errorf("%q is not in %q", want, written)
			}
		}
		for _, absent := range tc.absent {
			if slices.Contains(written, absent) {
				t.Errorf("%q is in %q", absent, written)
			}
		}
	}
}

// A net of W windows to each side has W² of them in each picture of windows, and one place of a
// patch stands out in each map; nothing that is filled lies under a text but the bands, and the
// filters that have their names in them.
func TestPatchesAndKernelParts(t *testing.T) {
	_, _, designed, _ := sketches()
	for windows := 1; windows <= 5; windows++ {
		s := PatchesAndKernel(designed, windows).(*schematic)
		var rec recorder.Canvas
		c := draw.NewCanvas(&rec, 7*vg.Inch, vg.Length(s.size.height)*vg.Inch)
		if err := s.render(c, paletteOf(s.colorNames())); err != nil {
			t.Fatal(err)
		}
		counts := map[color.Color]int{}
		var fill color.Color
		for _, a := range rec.Actions {
			switch a := a.(type) {
			case *recorder.SetColor:
				fill = a.Color
			case *recorder.Fill:
				counts[fill]++
				r := bounds(a.Path)
				if r.Max.X-r.Min.X > 6 {
					continue
				}
				for _, l := range s.labels {
					if !strings.HasPrefix(l.text, "W_") && collide(l.rect, r) {
						t.Errorf("%d windows: %q lies on what fills %v", windows, l.text, r)
					}
				}
			}
		}
		block := max(2, 6/windows)
		pools := 4
		if windows == 1 {
			pools = 3
		}
		want := []int{3, 3 * (block*block - 1), pools}
		got := []int{
			counts[vermillion] - 1, // the head of the arrow
			counts[tint(vermillion, 0.22)],
			counts[tint(vermillion, 0.5)],
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d windows: places of x_p, others of its window, windows (-want +got)\n%s",
				windows, diff)
		}
	}
}

// bounds returns the smallest rectangle in inches around a path of lines.
func bounds(path vg.Path) rect {
	far := math.Inf(1)
	r := rect{Min: point{X: far, Y: far}, Max: point{X: -far, Y: -far}}
	for _, c := range path {
		if c.Type == vg.CloseComp {
			continue
		}
		q := c.Pos.Scale(1 / vg.Inch)
		x, y := float64(q.X), float64(q.Y)
		r.Min = point{X: min(r.Min.X, x), Y: min(r.Min.Y, y)}
		r.Max = point{X: max(r.Max.X, x), Y: max(r.Max.Y, y)}
	}
	return r
}

func collide(a, b rect) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// Both patches of the schematic lie in the image and in one window, whatever the windows.
func TestPatchesOfTheSchematicShareAWindow(t *testing.T) {
	for windows := 1; windows <= 5; windows++ {
		s := patchSketch{windows: windows, block: max(2, 6/windows)}
		for _, p := range [][2]int{patchX, patchY} {
			if !s.home(p[0]/s.block, p[1]/s.block) || max(p[0], p[1]) >= windows*s.block {
				t.Errorf("%d windows of %d places: the patch at %v", windows, s.block, p)
			}
		}
	}
}

func TestNetNodes(t *testing.T) {
	n := netPicture{Frame: rect{Max: point{X: 4, Y: 3}}, Layers: []int{1, 3, 2}, Radius: 0.5}
	want := [][]point{{{0.5, 1.5}}, {{2, 2.5}, {2, 1.5}, {2, 0.5}}, {{3.5, 2}, {3.5, 1}}}
	if diff := cmp.Diff(want, n.nodes(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s := newSchematic(4, 3, 0)
	s.Net(n)
	var rec recorder.Canvas
	s.render(draw.NewCanvas(&rec, 4*vg.Inch, 3*vg.Inch), paletteOf(s.colorNames()))
	fills, edges := 0, 0
	for _, a := range rec.Actions {
		switch a := a.(type) {
		case *recorder.Fill:
			fills++
		case *recorder.Stroke:
			if len(a.Path) == 2 {
				edges++
			}
		}
	}
	if fills != 6 || edges != 1*3+3*2 {
		t.Errorf("%d nodes and %d edges, want 6 and 9", fills, edges)
	}
}

// In a place of half its size a schematic has half its lengths, letters included.
func TestSchematicsScale(t *testing.T) {
	s := newSchematic(4, 2, 0)
	s.Text(point{X: 1, Y: 1}, "text", labelStyle{Size: 12, Anchor: anchorLeft})
	size := func(w, h vg.Length) (vg.Length, vg.Point) {
		var rec recorder.Canvas
		s.render(draw.NewCanvas(&rec, w, h), nil)
		for _, a := range rec.Actions {
			if f, ok := a.(*recorder.FillString); ok {
				return f.Size, f.Point
			}
		}
		t.Fatal("no text")
		return 0, vg.Point{}
	}
	big, at := size(4*vg.Inch, 2*vg.Inch)
	if big != 12 || at.X != 72 {
		t.Errorf("true size: %v points at %v, want 12 at 72", big, at)
	}
	if half, at := size(2*vg.Inch, 5*vg.Inch); half != 6 || at.X != 36 ||
		math.Abs(float64(at.Y-(2.5*72-6*capHeight/2))) > 1e-9 {
		t.Errorf("half size: %v points at %v, want 6 at 36, about the middle of the height", half,
			at)
	}
}

func TestArrows(t *testing.T) {
	a := arrowPath{from: vg.Point{X: 0, Y: 0}, to: vg.Point{X: 10, Y: 0}, bend: 3}
	// The middle of a quadratic curve is halfway from its chord to its control point.
	if m := a.control(); m != (vg.Point{X: 5, Y: 6}) {
		t.Errorf("control point %v, want {5 6}", m)
	}
	tip, neck := arrowHead(vg.Point{}, vg.Point{X: 10}, arrowLook{head: 5, gap: 1})
	if tip != (vg.Point{X: 9}) || neck != (vg.Point{X: 5}) {
		t.Errorf("head from %v to %v, want from 5 to 9", neck, tip)
	}
	// The label of an arrow to the right stands above it, or below with LabelRight.
	for _, right := range []bool{false, true} {
		s := newSchematic(4, 2, 0)
		s.Arrow(
			arrow{
				From:       point{X: 1, Y: 1},
				To:         point{X: 3, Y: 1},
				Label:      "known",
				LabelRight: right,
			},
		)
		r := s.labels[0].rect
		if above := r.Min.Y > 1; above == right || r.Max.Y > 1 == right ||
			math.Abs(r.center().X-2) > 1e-9 {
			t.Errorf("LabelRight %v: label at %v", right, r)
		}
	}
}

func TestSchematicErrors(t *testing.T) {
	_, deep, designed, _ := sketches()
	broken := deep
	broken.Kernel = append([]float64{math.NaN()}, deep.Kernel[1:]...)
	unequal := deep
	unequal.Phi = unequal.Phi[1:]
	on := func(build func(*schematic)) Drawing {
		s := newSchematic(3, 2, 0)
		build(s)
		return s
	}
	box := rect{Max: point{X: 1, Y: 1}}
	for _, tc := range []struct {
		d    Drawing
		want string
	}{
		{newSchematic(0, 1, 0), "want a width and a height"},
		{newSchematic(1, math.Inf(1), 0), "Height of +Inf"},
		{on(func(s *schematic) { s.Text(point{X: math.NaN()}, "x", labelStyle{}) }),
			`text "x" at (NaN, 0)`},
		{on(func(s *schematic) { s.Text(point{}, "x", labelStyle{Size: -1}) }), "size -1 points"},
		{on(func(s *schematic) { s.Text(point{}, "∈", labelStyle{}) }), "'∈'"},
		{on(func(s *schematic) { s.Box(rect{}, boxStyle{}) }), "Min below and left of Max"},
		{on(func(s *schematic) { s.Arrow(arrow{From: point{X: 1}, To: point{X: 1}}) }),
			"two different ends"},
		{on(func(s *schematic) { s.Line(lineSegment{Width: -1}) }), "no negative width"},
		{on(func(s *schematic) { s.Net(netPicture{Frame: box, Layers: []int{1}}) }),
			"a net of 1 layers"},
		{on(func(s *schematic) { s.Net(netPicture{Frame: box, Layers: []int{1, 0}}) }),
			"layer 1 of a net has 0 nodes"},
		{on(func(s *schematic) {
			s.Net(netPicture{Frame: box, Layers: []int{1, 1},
				Labels: []string{"x"}})
		}), "1 labels"},
		{on(func(s *schematic) { s.Net(netPicture{Layers: []int{1, 1}}) }),
			"Min below and left of Max"},
		{on(func(s *schematic) { s.Inset(inset{Frame: box}) }), "0 curves"},
		{on(func(s *schematic) {
			s.Inset(inset{Frame: box,
				Curves: []insetCurve{{X: []float64{1}, Y: []float64{1}}}})
		}), "two or more"},
		{NetworksAndKernels(), "0 nets"},
		{NetworksAndKernels(deep), "none of the 1 nets is Designed"},
		{NetworksAndKernels(NetSketch{}), "has no name"},
		{NetworksAndKernels(NetSketch{Name: "a", Layers: []int{1, 1}}), "2 layers"},
		{NetworksAndKernels(broken), `kernel of net "4HL ReLU": value NaN at index 0`},
		{Flattening(unequal, designed), `activation of net "4HL ReLU": 201 values of x, 200 of y`},
		{Flattening(designed, deep), "has 4 hidden layers: want one"},
		{PatchesAndKernel(deep, 0), "0 windows to each side"},
		{PatchesAndKernel(deep, 6), "want 1 to 5"},
		{PatchesAndKernel(NetSketch{}, 2), "has no name"},
		{PatchesAndKernel(broken, 2), `kernel of net "4HL ReLU": value NaN at index 0`},
		{(*schematic)(nil), "nil *schematic"},
	} {
		if _, err := PNG(tc.d); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
	var de *DataError
	if err := NetworksAndKernels(broken).Err(); !errors.As(err, &de) || de.Index != 0 {
		t.Errorf("%v is not a *DataError at index 0", err)
	}
}
