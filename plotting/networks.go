package plotting

import (
	"fmt"
	"image/color"
)

// A NetSketch is one net in [NetworksAndKernels] and [Flattening]: how it is drawn, and the curves
// that belong to it.
type NetSketch struct {
	// Name stands above the net and chooses its colour, the same in every figure.
	Name string
	// Layers are the numbers of nodes drawn, inputs first, outputs last: a picture of the depth,
	// not of the widths.
	Layers []int
	// Activation is the symbol below each hidden layer, such as "ReLU" or "φ̃".
	Activation string
	// Z and Phi are the activation's curve, Phi[i] at pre-activation Z[i]. NetworksAndKernels does
	// not draw it; Flattening wants it of both nets.
	Z, Phi []float64
	// Designed says that the net was found from its kernel. NetworksAndKernels leads the
	// highlighted arrow back to it.
	Designed bool
	// C and Kernel are the curve of the net's kernel, Kernel[i] at normalised inner product C[i].
	C, Kernel []float64
}

func (n NetSketch) check(i int) error {
	if n.Name == "" {
		return fmt.Errorf("plotting: net %d of the schematic has no name", i+1)
	}
	if len(n.Layers) < 3 || len(n.Layers) > 12 {
		return fmt.Errorf(
			"plotting: net %q has %d layers: want inputs, one to ten hidden layers, and outputs",
			n.Name, len(n.Layers))
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
	const (
		width  = 7.0
		row    = 1.3
		header = 0.5
		footer = 0.12
	)
	h := header + footer + row*float64(max(1, len(nets)))
	s := newSchematic(width, h, 0)
	s.title = "Networks on the left, their kernels on the right; arrows lead from each network " +
		"to its kernel, and from a kernel to the network designed for it"
	if len(nets) < 1 || len(nets) > 5 {
		s.fail(fmt.Errorf("plotting: %d nets in a schematic: want 1 to 5", len(nets)))
		return s
	}
	for i, n := range nets {
		if err := n.check(i); err != nil {
			s.fail(err)
			return s
		}
	}

	left := rect{Min: point{X: 0.05, Y: 0.05}, Max: point{X: 2.75, Y: h - 0.05}}
	right := rect{Min: point{X: 4.6, Y: 0.05}, Max: point{X: 6.95, Y: h - 0.05}}
	s.Box(left, boxStyle{Fill: paleBlue, Edge: paleEdge, Width: 1, Radius: 0.14})
	s.Box(right, boxStyle{Fill: paleYellow, Edge: warmEdge, Width: 1, Radius: 0.14})
	s.Text(point{X: left.center().X, Y: h - 0.27}, "networks", labelStyle{Size: 13, Bold: true})
	s.Text(point{X: right.center().X, Y: h - 0.27}, "kernels", labelStyle{Size: 13, Bold: true})

	forward, inverse := inkStyle{}, inkStyle{Color: vermillion}
	x0, x1 := left.Max.X+0.1, right.Min.X-0.1
	mid := (x0 + x1) / 2
	designed := -1 // the last of them
	for i, n := range nets {
		y := h - header - row*(float64(i)+0.5)
		s.Text(point{X: left.center().X, Y: y + 0.52}, n.Name,
			labelStyle{Size: 10, Bold: true, Ink: &inkStyle{Name: n.Name}})
		s.Net(netPicture{
			Frame:  boxAround(left.center().X, y+0.04, 1.8, 0.7),
			Layers: n.Layers,
			Ink:    inkStyle{Name: n.Name},
		})
		s.Text(point{X: left.center().X, Y: y - 0.37}, activationLabel(n),
			labelStyle{Size: 9.5, Anchor: anchorBelow})
		s.Text(point{X: left.center().X - 1.0, Y: y + 0.04}, "x",
			labelStyle{Size: 10, Anchor: anchorRight})
		s.Text(point{X: left.center().X + 1.0, Y: y + 0.04}, "f(x)",
			labelStyle{Size: 10, Anchor: anchorLeft})
		s.Inset(inset{
			Frame: rect{
				Min: point{X: right.Min.X + 0.45, Y: y - 0.4},
				Max: point{X: right.Max.X - 0.4, Y: y + 0.4},
			},
			Curves: []insetCurve{{Name: n.Name, X: n.C, Y: n.Kernel}},
			X:      "c",
			Y:      "K(c)",
		})
		up := 0.0
		if n.Designed {
			up = 0.09
			s.Arrow(
				arrow{
					From:  point{X: x1, Y: y - up},
					To:    point{X: x0, Y: y - up},
					Width: 3.2,
					Ink:   inverse,
				},
			)
			designed = i
		}
		s.Arrow(
			arrow{
				From:  point{X: x0, Y: y + up},
				To:    point{X: x1, Y: y + up},
				Width: 1.6,
				Ink:   forward,
			},
		)
	}
	top := h - header - row*0.5
	if designed < 0 {
		s.fail(
			fmt.Errorf(
				"plotting: none of the %d nets is Designed: no arrow would lead from a kernel "+
					"to a network", len(nets)),
		)
		return s
	}
	bottom := h - header - row*(float64(designed)+0.5)
	s.Text(point{X: mid, Y: top + 0.22}, "network → kernel\n(known)",
		labelStyle{Size: 9.5, Anchor: anchorAbove, Ink: &inkStyle{Color: axisInk}})
	s.Text(point{X: mid, Y: bottom - 0.24}, "kernel → network\n(this work)",
		labelStyle{Size: 10.5, Bold: true, Anchor: anchorBelow, Ink: &inverse})
	return s
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
	const width, height = 7.0, 3.5
	s := newSchematic(width, height, 0)
	s.title = fmt.Sprintf(
		"%s, a net of %d hidden layers, and %s, a net of one hidden layer with the same kernel",
		deep.Name, deep.depth(), shallow.Name)
	for i, n := range []NetSketch{deep, shallow} {
		err := n.check(i)
		if err == nil {
			err = insetCurve{X: n.Z, Y: n.Phi}.check(fmt.Sprintf("activation of net %q", n.Name))
		}
		if err != nil {
			s.fail(err)
			return s
		}
	}
	if shallow.depth() != 1 {
		s.fail(
			fmt.Errorf("plotting: the flattened net %q has %d hidden layers: want one",
				shallow.Name, shallow.depth()),
		)
		return s
	}

	const (
		netY    = 2.34
		netH    = 1.5
		insetY  = 0.58
		leftX   = 1.26
		kernelX = 3.66
		rightX  = 5.86
		heading = height - 0.16
	)
	for _, n := range []struct {
		NetSketch
		x, width float64
	}{{deep, leftX, 1.8}, {shallow, rightX, 1.2}} {
		name := inkStyle{Name: n.Name}
		s.Text(point{X: n.x, Y: heading}, n.Name, labelStyle{Size: 12, Bold: true, Ink: &name})
		s.Net(netPicture{Frame: boxAround(n.x, netY, n.width, netH), Layers: n.Layers, Ink: name})
		s.Text(point{X: n.x, Y: netY - netH/2 - 0.06}, activationLabel(n.NetSketch),
			labelStyle{Size: 10.5, Anchor: anchorBelow})
		s.Text(point{X: n.x - n.width/2 - 0.08, Y: netY}, "x", labelStyle{Size: 10.5, Anchor: anchorRight})
		s.Text(point{X: n.x + n.width/2 + 0.06, Y: netY}, "f(x)",
			labelStyle{Size: 10.5, Anchor: anchorLeft})
		s.Inset(inset{
			Frame:  boxAround(n.x, insetY, 1.35, 0.75),
			Curves: []insetCurve{{Name: n.Name, X: n.Z, Y: n.Phi}},
			X:      "z", Y: n.Activation + "(z)",
		})
	}

	kernel := boxAround(kernelX, netY, 1.12, 1.12)
	s.Text(point{X: kernelX, Y: heading}, "the same kernel", labelStyle{Size: 12, Bold: true})
	s.Inset(inset{
		Frame: kernel,
		Curves: []insetCurve{
			{Name: deep.Name, X: deep.C, Y: deep.Kernel},
			{Name: shallow.Name, X: shallow.C, Y: shallow.Kernel},
		},
		X: "c",
		Y: "K(c)",
	})
	for i, n := range []NetSketch{deep, shallow} {
		y := kernel.Min.Y - 0.28 - 0.2*float64(i)
		s.Line(
			lineSegment{
				From:   point{X: kernelX - 0.58, Y: y},
				To:     point{X: kernelX - 0.26, Y: y},
				Width:  2,
				Dashed: i > 0,
				Ink:    inkStyle{Name: n.Name},
			},
		)
		s.Text(point{X: kernelX - 0.18, Y: y}, n.Name, labelStyle{Size: 9.5, Anchor: anchorLeft})
	}
	s.Arrow(
		arrow{
			From:  point{X: 2.48, Y: netY},
			To:    point{X: kernel.Min.X - 0.08, Y: netY},
			Width: 1.6,
		},
	)
	s.Arrow(arrow{
		From: point{
			X: kernel.Max.X + 0.2,
			Y: netY,
		},
		To:        point{X: 5.06, Y: netY},
		Width:     3.2,
		Ink:       inkStyle{Color: vermillion},
		Label:     "design",
		LabelBold: true,
	})
	return s
}
