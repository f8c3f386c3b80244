package plotting

import (
	"fmt"
	"image/color"
)

// A NetSketch is one net in [NetworksAndKernels], [Flattening] and [PatchesAndKernel]: how it is
// drawn, and the curves that belong to it.
type NetSketch struct {
	// Name stands above the net and chooses its colour, the same in every figure.
	Name string
	// Layers are the numbers of nodes drawn, inputs first, outputs last: a picture of the depth,
	// not of the widths. PatchesAndKernel does not ask for them.
	Layers []int
	// Activation is the symbol below each hidden layer, such as "ReLU" or "φ̃".
	Activation string
	// Z and Phi are the activation's curve, Phi[i] at pre-activation Z[i]. Flattening alone draws
	// it, and wants it of both nets.
	Z, Phi []float64
	// Designed says that the net was found from its kernel. NetworksAndKernels and PatchesAndKernel
	// lead the highlighted arrow back to it.
	Designed bool
	// C and Kernel are the curve of the net's kernel, Kernel[i] at normalised inner product C[i].
	C, Kernel []float64
}

func (n NetSketch) check(i int) error {
	if n.Name != "" && (len(n.Layers) < 3 || len(n.Layers) > 12) {
		return fmt.Errorf(
			"plotting: net %q has %d layers: want inputs, one to ten hidden layers, and outputs",
			n.Name, len(n.Layers))
	}
	return n.checkKernel(i)
}

// checkKernel returns what is wrong with the name and the kernel of net i, or nil.
func (n NetSketch) checkKernel(i int) error {
	if n.Name == "" {
		return fmt.Errorf("plotting: net %d of the schematic has no name", i+1)
	}
	return insetCurve{X: n.C, Y: n.Kernel}.check(fmt.Sprintf("kernel of net %q", n.Name))
}

// depth is the number of hidden layers.
func (n NetSketch) depth() int { return len(n.Layers) - 2 }

var (
	paleBlue   = color.NRGBA{R: 0xF3, G: 0xF7, B: 0xFB, A: 0xFF}
	paleYellow = color.NRGBA{R: 0xFD, G: 0xF8, B: 0xEF, A: 0xFF}
	paleEdge   = color.NRGBA{R: 0xD3, G: 0xDA, B: 0xE2, A: 0xFF}
	warmEdge   = color.NRGBA{R: 0xE8, G: 0xDB, B: 0xC4, A: 0xFF}
)

// NetworksAndKernels draws networks on the left, the kernels they have on the right, and between
// them the two maps: from a network to its kernel, which was known, and from a kernel back to a
// network designed to have it, which is highlighted. It takes one to five nets, one per row, at
// least one of them Designed. The picture is 7 inches wide and 1.3 high per row and 0.62 more.
func NetworksAndKernels(nets ...NetSketch) Drawing {
	r := newNetRows(len(nets))
	r.title = "Networks on the left, their kernels on the right; arrows lead from each network " +
		"to its kernel, and from a kernel to the network designed for it"
	designed, err := checkNetRows(nets)
	if err != nil {
		r.fail(err)
		return r.schematic
	}
	r.drawColumns()
	for i, n := range nets {
		y := r.middle(i)
		r.drawNet(n, y)
		r.drawKernel(n, y)
		r.drawMaps(n, y)
	}
	r.nameMaps(r.middle(0), r.middle(designed))
	return r.schematic
}

// checkNetRows returns the last of the designed nets, or what is wrong with the nets of
// NetworksAndKernels.
func checkNetRows(nets []NetSketch) (designed int, err error) {
	if len(nets) < 1 || len(nets) > 5 {
		return 0, fmt.Errorf("plotting: %d nets in a schematic: want 1 to 5", len(nets))
	}
	designed = -1
	for i, n := range nets {
		if err := n.check(i); err != nil {
			return 0, err
		}
		if n.Designed {
			designed = i
		}
	}
	if designed < 0 {
		return 0, fmt.Errorf(
			"plotting: none of the %d nets is Designed: no arrow would lead from a kernel to a "+
				"network", len(nets))
	}
	return designed, nil
}

// netRows is the picture of NetworksAndKernels: a row per net, between a header and a footer, and
// in every row the net in the left column, its kernel in the right one and arrows between them.
type netRows struct {
	*schematic
	height      float64
	left, right rect // the columns
}

const (
	rowHeight    = 1.3
	headerHeight = 0.5
	footerHeight = 0.12
)

func newNetRows(rows int) netRows {
	const width = 7.0
	h := headerHeight + footerHeight + rowHeight*float64(max(1, rows))
	return netRows{
		schematic: newSchematic(width, h, 0),
		height:    h,
		left:      rect{Min: point{X: 0.05, Y: 0.05}, Max: point{X: 2.75, Y: h - 0.05}},
		right:     rect{Min: point{X: 4.6, Y: 0.05}, Max: point{X: 6.95, Y: h - 0.05}},
	}
}

// middle is the height of the middle of row i; row 0 is at the top.
func (r netRows) middle(i int) float64 {
	return r.height - headerHeight - rowHeight*(float64(i)+0.5)
}

// gap returns the ends of the arrows in the gap between the columns.
func (r netRows) gap() (x0, x1 float64) { return r.left.Max.X + 0.1, r.right.Min.X - 0.1 }

// drawColumns draws the columns, empty, and the headings.
func (r netRows) drawColumns() {
	r.Box(r.left, boxStyle{Fill: paleBlue, Edge: paleEdge, Width: 1, Radius: 0.14})
	r.Box(r.right, boxStyle{Fill: paleYellow, Edge: warmEdge, Width: 1, Radius: 0.14})
	heading := labelStyle{Size: 13, Bold: true}
	r.Text(point{X: r.left.center().X, Y: r.height - 0.27}, "networks", heading)
	r.Text(point{X: r.right.center().X, Y: r.height - 0.27}, "kernels", heading)
}

// drawNet draws a net in the left column, with its name above it, its activation below it, and its
// input and output beside it.
func (r netRows) drawNet(n NetSketch, y float64) {
	x, name := r.left.center().X, inkStyle{Name: n.Name}
	r.Text(point{X: x, Y: y + 0.52}, n.Name,
		labelStyle{Size: 10, Bold: true, Ink: &name, Room: 2.5})
	r.Net(netPicture{Frame: boxAround(x, y+0.04, 1.8, 0.7), Layers: n.Layers, Ink: name})
	r.Text(point{X: x, Y: y - 0.37}, activationLabel(n),
		labelStyle{Size: 9.5, Anchor: anchorBelow, Room: 2.5})
	r.Text(point{X: x - 1.0, Y: y + 0.04}, "x", labelStyle{Size: 10, Anchor: anchorRight})
	r.Text(point{X: x + 1.0, Y: y + 0.04}, "f(x)", labelStyle{Size: 10, Anchor: anchorLeft})
}

// drawKernel draws the curve of a net's kernel in the right column.
func (r netRows) drawKernel(n NetSketch, y float64) {
	r.Inset(inset{
		Frame: rect{
			Min: point{X: r.right.Min.X + 0.45, Y: y - 0.4},
			Max: point{X: r.right.Max.X - 0.4, Y: y + 0.4},
		},
		Curves: []insetCurve{{Name: n.Name, X: n.C, Y: n.Kernel}},
		X:      "c",
		Y:      "K(c)",
	})
}

// drawMaps draws the arrow from a net to its kernel and, below it, the highlighted one back to a
// designed net.
func (r netRows) drawMaps(n NetSketch, y float64) {
	x0, x1 := r.gap()
	up := 0.0
	if n.Designed {
		up = 0.09
		r.Arrow(arrow{
			From:  point{X: x1, Y: y - up},
			To:    point{X: x0, Y: y - up},
			Width: 3.2,
			Ink:   inkStyle{Color: vermillion},
		})
	}
	r.Arrow(arrow{From: point{X: x0, Y: y + up}, To: point{X: x1, Y: y + up}, Width: 1.6})
}

// nameMaps writes what the arrows mean, each once: above the row at the height of top, and below
// that of a designed net at bottom.
func (r netRows) nameMaps(top, bottom float64) {
	x0, x1 := r.gap()
	mid := (x0 + x1) / 2
	r.Text(point{X: mid, Y: top + 0.22}, "network → kernel\n(known)",
		labelStyle{Size: 9.5, Anchor: anchorAbove, Ink: &inkStyle{Color: axisInk}})
	r.Text(point{X: mid, Y: bottom - 0.24}, "kernel → network\n(this work)", labelStyle{
		Size: 10.5, Bold: true, Anchor: anchorBelow, Ink: &inkStyle{Color: vermillion}})
}

// activationLabel is the text below the hidden layers.
func activationLabel(n NetSketch) string {
	if n.Activation == "" || n.depth() == 1 {
		return n.Activation
	}
	return fmt.Sprintf("%d × %s", n.depth(), n.Activation)
}

// Flattening draws how depth is traded for an activation: a deep net on the left, its kernel in the
// middle, and on the right a net of one hidden layer whose own activation gives it the same kernel.
// The curves of both activations stand below the nets, those of both kernels in one pair of axes.
// The picture is 7 by 3.5 inches.
func Flattening(deep, shallow NetSketch) Drawing {
	f := flattening{newSchematic(7, flatteningHeight, 0)}
	f.title = fmt.Sprintf(
		"%s, a net of %d hidden layers, and %s, a net of one hidden layer with the same kernel",
		deep.Name, deep.depth(), shallow.Name)
	if err := checkFlattening(deep, shallow); err != nil {
		f.fail(err)
		return f.schematic
	}
	f.drawNet(deep, 1.26, 1.8)
	f.drawNet(shallow, 5.86, 1.2)
	kernel := boxAround(3.66, netY, 1.12, 1.12)
	f.drawKernels(kernel, deep, shallow)
	f.drawKernelKey(kernel, deep, shallow)
	f.Arrow(arrow{
		From:  point{X: 2.48, Y: netY},
		To:    point{X: kernel.Min.X - 0.08, Y: netY},
		Width: 1.6,
	})
	f.Arrow(arrow{
		From:      point{X: kernel.Max.X + 0.2, Y: netY},
		To:        point{X: 5.06, Y: netY},
		Width:     3.2,
		Ink:       inkStyle{Color: vermillion},
		Label:     "design",
		LabelBold: true,
	})
	return f.schematic
}

// checkFlattening returns what is wrong with the nets of Flattening, or nil.
func checkFlattening(deep, shallow NetSketch) error {
	for i, n := range []NetSketch{deep, shallow} {
		if err := n.check(i); err != nil {
			return err
		}
		activation := insetCurve{X: n.Z, Y: n.Phi}
		if err := activation.check(fmt.Sprintf("activation of net %q", n.Name)); err != nil {
			return err
		}
	}
	if shallow.depth() != 1 {
		return fmt.Errorf("plotting: the flattened net %q has %d hidden layers: want one",
			shallow.Name, shallow.depth())
	}
	return nil
}

// flattening is the picture of Flattening: headings at one height, below them the nets and between
// these the kernels at another, and below the nets their activations at a third.
type flattening struct{ *schematic }

const (
	flatteningHeight = 3.5
	headingY         = flatteningHeight - 0.16
	netY             = 2.34
	activationY      = 0.58
)

// drawNet draws a net of a width around x, with its name above it, its input and output beside it,
// and the symbol and the curve of its activation below it.
func (f flattening) drawNet(n NetSketch, x, width float64) {
	const height = 1.5
	name := inkStyle{Name: n.Name}
	f.Text(point{X: x, Y: headingY}, n.Name,
		labelStyle{Size: 12, Bold: true, Ink: &name, Room: 2.1})
	f.Net(netPicture{Frame: boxAround(x, netY, width, height), Layers: n.Layers, Ink: name})
	f.Text(point{X: x, Y: netY - height/2 - 0.06}, activationLabel(n),
		labelStyle{Size: 10.5, Anchor: anchorBelow, Room: 2.1})
	f.Text(point{X: x - width/2 - 0.08, Y: netY}, "x",
		labelStyle{Size: 10.5, Anchor: anchorRight})
	f.Text(point{X: x + width/2 + 0.06, Y: netY}, "f(x)",
		labelStyle{Size: 10.5, Anchor: anchorLeft})
	f.Inset(inset{
		Frame:  boxAround(x, activationY, 1.35, 0.75),
		Curves: []insetCurve{{Name: n.Name, X: n.Z, Y: n.Phi}},
		X:      "z",
		Y:      n.Activation + "(z)",
	})
}

// drawKernels draws the kernels of both nets in one pair of axes.
func (f flattening) drawKernels(frame rect, deep, shallow NetSketch) {
	f.Text(point{X: frame.center().X, Y: headingY}, "the same kernel",
		labelStyle{Size: 12, Bold: true})
	f.Inset(inset{
		Frame: frame,
		Curves: []insetCurve{
			{Name: deep.Name, X: deep.C, Y: deep.Kernel},
			{Name: shallow.Name, X: shallow.C, Y: shallow.Kernel},
		},
		X: "c",
		Y: "K(c)",
	})
}

// drawKernelKey says below the frame of the kernels which is whose; the shallow net's is dashed.
func (f flattening) drawKernelKey(frame rect, deep, shallow NetSketch) {
	x := frame.center().X
	for i, n := range []NetSketch{deep, shallow} {
		y := frame.Min.Y - 0.28 - 0.2*float64(i)
		f.Line(lineSegment{
			From:   point{X: x - 0.58, Y: y},
			To:     point{X: x - 0.26, Y: y},
			Width:  2,
			Dashed: i > 0,
			Ink:    inkStyle{Name: n.Name},
		})
		f.Text(point{X: x - 0.18, Y: y}, n.Name,
			labelStyle{Size: 9.5, Anchor: anchorLeft, Room: 1.3})
	}
}
