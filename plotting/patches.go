package plotting

import (
	"fmt"
	"math"
)

// PatchesAndKernel draws a net of one convolutional layer with average pooling, and below it the
// kernel that it has. The net, from left to right: an image x, one of its patches x_p, N filters
// W_i with the activation, the places of the patches, pooled over windows w_s, and the readout V.
// The kernel: two images with a patch each, the curve κ of the net's kernel at the cosine
// c_pp′ = x_p·y_p′/q of two patches of norm √q, and its mean over the pairs of patches of a window
// and over the windows, K(x, y). To each side of an image there are windows, 1 to 5; one is a
// global average. If the net is Designed, the highlighted arrow leads from κ to the activation. The
// picture is 7 by 4.6 inches.
func PatchesAndKernel(net NetSketch, windows int) Drawing {
	s := patchSketch{schematic: newSchematic(7, patchHeight, 0), net: net, windows: windows}
	s.title = fmt.Sprintf(
		"%s, a net of one convolutional layer with pooling over %d × %d windows, and its kernel: "+
			"the mean over pairs of patches of a function of their cosine",
		net.Name, windows, windows)
	if windows < 1 || windows > 5 {
		s.fail(fmt.Errorf(
			"plotting: %d windows to each side of an image of the schematic: want 1 to 5", windows))
	}
	s.fail(net.checkKernel(0))
	if s.err != nil {
		return s.schematic
	}
	s.block = max(2, 6/windows)
	s.ink = inkStyle{Name: net.Name}
	s.drawBands()
	s.drawPatch()
	s.drawFilters()
	s.drawReadout()
	s.drawPair()
	s.drawKernel()
	s.drawMeans()
	return s.schematic
}

// patchSketch is the picture of PatchesAndKernel: the net in one band, its kernel in another one
// below, and what there is of either along the middle of its band.
type patchSketch struct {
	*schematic
	net     NetSketch
	windows int // to each side
	block   int // places of patches to each side of a window
	ink     inkStyle
}

const (
	patchHeight = 4.6
	patchSide   = 3 // pixels
	bandEdge    = 2.1
	convY       = 3.52 // the middle of the net
	captionY    = 2.73 // below the parts of the net
	kernelY     = 0.98 // the middle of the kernel
	filterX     = 3.16
)

// The places of two patches of one window, whatever the windows, by row and column from the top.
var (
	patchX = [2]int{1, 4}
	patchY = [2]int{0, 5}
)

// filterY are the heights of the filters drawn, the first two and the last.
var filterY = [3]float64{convY + 0.52, convY + 0.07, convY - 0.54}

// drawBands draws the bands, empty, and their headings.
func (s patchSketch) drawBands() {
	const left, right = 0.05, 6.95
	above := rect{
		Min: point{X: left, Y: bandEdge + 0.2},
		Max: point{X: right, Y: patchHeight - 0.05},
	}
	below := rect{Min: point{X: left, Y: 0.05}, Max: point{X: right, Y: bandEdge}}
	s.Box(above, boxStyle{Fill: paleBlue, Edge: paleEdge, Width: 1, Radius: 0.14})
	s.Box(below, boxStyle{Fill: paleYellow, Edge: warmEdge, Width: 1, Radius: 0.14})
	s.Text(point{X: 0.2, Y: above.Max.Y - 0.19}, s.net.Name,
		labelStyle{Size: 12, Bold: true, Anchor: anchorLeft, Ink: &s.ink, Room: 6.6})
	s.Text(point{X: 0.2, Y: below.Max.Y - 0.19}, "its kernel",
		labelStyle{Size: 12, Bold: true, Anchor: anchorLeft})
}

// label writes text of the usual size at (x, y).
func (s patchSketch) label(x, y float64, text string, at anchor) {
	s.Text(point{X: x, Y: y}, text, labelStyle{Size: 9.5, Anchor: at})
}

// caption names a part of the net below it.
func (s patchSketch) caption(x float64, text string) { s.label(x, captionY, text, anchorBelow) }

// flow draws an arrow to the right at a height.
func (s patchSketch) flow(x0, x1, y float64) {
	s.Arrow(arrow{From: point{X: x0, Y: y}, To: point{X: x1, Y: y}, Width: 1})
}

// image draws an image with one patch outlined, and the patch enlarged beside it; level is the part
// of black in a pixel.
func (s patchSketch) image(
	at, enlarged rect, patch [2]int, level func(u, v float64) float64,
) {
	n := s.windows*s.block + patchSide - 1
	shade := func(row, col int) (float64, bool) {
		return level((float64(col)+0.5)/float64(n), (float64(row)+0.5)/float64(n)), true
	}
	image := mesh{Frame: at, Cells: n, Ink: s.ink, Shade: shade}
	outlined := image.part(patch[0], patch[1], patchSide)
	s.Mesh(image)
	for _, ends := range [2][2]point{
		{{X: outlined.Max.X, Y: outlined.Max.Y}, {X: enlarged.Min.X, Y: enlarged.Max.Y}},
		{{X: outlined.Max.X, Y: outlined.Min.Y}, {X: enlarged.Min.X, Y: enlarged.Min.Y}},
	} {
		s.Line(lineSegment{From: ends[0], To: ends[1], Width: 0.8, Ink: s.ink})
	}
	s.Mesh(mesh{Frame: enlarged, Cells: patchSide, Ink: s.ink,
		Shade: func(row, col int) (float64, bool) { return shade(patch[0]+row, patch[1]+col) }})
	for _, r := range []rect{outlined, enlarged} {
		s.Box(r, boxStyle{Ink: &s.ink, Width: 1.8})
	}
}

// spot and ring are the images x and y.
func spot(u, v float64) float64 {
	return 0.06 + 0.5*math.Exp(-10*(math.Pow(u-0.58, 2)+math.Pow(v-0.42, 2)))
}

func ring(u, v float64) float64 {
	return 0.06 + 0.5*math.Exp(-60*math.Pow(math.Hypot(u-0.55, v-0.45)-0.32, 2))
}

// drawPatch draws the image and its patch.
func (s patchSketch) drawPatch() {
	const x = 0.92
	s.image(boxAround(x, convY, 1.2, 1.2), boxAround(2.05, convY, 0.48, 0.48), patchX, spot)
	s.caption(x, "image x")
	s.caption(2.05, "patches x_{p}\nof norm √q")
}

// nodes draws nodes of one radius.
func (s patchSketch) nodes(radius float64, hidden bool, at ...point) {
	s.elements = append(s.elements, func(p pen) {
		for _, q := range at {
			p.node(q, radius, s.ink, hidden)
		}
	})
}

// edge draws a thin line as between the nodes of a net.
func (s patchSketch) edge(from, to point) {
	s.Line(lineSegment{From: from, To: to, Width: 0.6, Ink: inkStyle{Color: edgeInk}})
}

// places draws the places of all patches of an image, that of x_p in the colour of the net and
// those in its window in a part of it.
func (s patchSketch) places(at rect) {
	s.Mesh(mesh{Frame: at, Cells: s.windows * s.block, Block: s.block, Ink: s.ink,
		Shade: func(row, col int) (float64, bool) {
			switch {
			case [2]int{row, col} == patchX:
				return 1, false
			case s.home(row/s.block, col/s.block):
				return 0.22, false
			}
			return 0, true
		}})
}

// pools draws the windows, and in colour that of the two patches.
func (s patchSketch) pools(at rect) {
	s.Mesh(mesh{Frame: at, Cells: s.windows, Block: 1, Ink: s.ink,
		Shade: func(row, col int) (float64, bool) {
			if s.home(row, col) {
				return 0.5, false
			}
			return 0, true
		}})
}

// home says whether a window is that of the two patches.
func (s patchSketch) home(row, col int) bool {
	return row == patchX[0]/s.block && col == patchX[1]/s.block
}

// Positions of the parts of the net from its filters on.
const (
	filterRadius = 0.15
	placesX      = 4.06
	placesSide   = 0.4
	poolsX       = 5.05
	poolsSide    = 0.32
	outputX      = 6.26
	outputRadius = 0.11
)

// drawFilters draws the filters, and at the places of the patches what each makes of them.
func (s patchSketch) drawFilters() {
	for i, y := range filterY {
		for j := range patchSide {
			s.edge(point{X: 2.31, Y: convY + 0.16*float64(1-j)}, point{X: filterX, Y: y})
		}
		s.nodes(filterRadius, true, point{X: filterX, Y: y})
		s.Text(point{X: filterX, Y: y}, [...]string{"W_{1}", "W_{2}", "W_{N}"}[i],
			labelStyle{Size: 9})
		s.flow(filterX+filterRadius+0.05, placesX-placesSide/2-0.05, y)
		s.places(boxAround(placesX, y, placesSide, placesSide))
	}
	s.caption(filterX, "N filters W_{i}")
	if s.net.Activation != "" {
		s.Text(point{X: filterX, Y: captionY - 0.165}, "activation "+s.net.Activation,
			labelStyle{Size: 9.5, Anchor: anchorBelow, Room: 1.14})
	}
	s.caption(placesX, "one map\nper filter")
	s.more(filterX, placesX, poolsX)
}

// more draws the dots that stand for the filters left out.
func (s patchSketch) more(xs ...float64) {
	mid := (filterY[1] + filterY[2]) / 2
	s.elements = append(s.elements, func(p pen) {
		p.SetColor(quietInk)
		for _, x := range xs {
			for _, y := range []float64{mid - 0.04, mid, mid + 0.04} {
				p.Fill(circlePath(p.at(point{X: x, Y: y}), p.pt(0.9)))
			}
		}
	})
}

// drawReadout draws the pooled maps and the readout.
func (s patchSketch) drawReadout() {
	output := point{X: outputX, Y: convY}
	for _, y := range filterY {
		s.flow(placesX+placesSide/2+0.05, poolsX-poolsSide/2-0.05, y)
		for j := range s.windows {
			up := poolsSide * ((float64(j)+0.5)/float64(s.windows) - 0.5)
			s.edge(point{X: poolsX + poolsSide/2, Y: y + up}, output)
		}
		s.pools(boxAround(poolsX, y, poolsSide, poolsSide))
	}
	s.nodes(outputRadius, false, output)
	s.Text(point{X: outputX + outputRadius + 0.06, Y: convY}, "f(x)",
		labelStyle{Size: 10.5, Anchor: anchorLeft})
	pooled := "pooled over\nwindows w_{s}"
	if s.windows == 1 {
		pooled = "global\naverage"
	}
	s.caption(poolsX, pooled)
	s.caption((poolsX+outputX)/2+0.2, "readout V")
}

// drawPair draws two images with a patch each, and their cosine.
func (s patchSketch) drawPair() {
	const x, side = 0.72, 0.72
	upper, lower := kernelY+0.39, kernelY-0.46
	s.image(boxAround(x, upper, side, side), boxAround(1.42, upper, 0.32, 0.32), patchX, spot)
	s.image(boxAround(x, lower, side, side), boxAround(1.42, lower, 0.32, 0.32), patchY, ring)
	for _, l := range []struct {
		y           float64
		image, part string
	}{{upper, "x", "x_{p}"}, {lower, "y", "y_{p′}"}} {
		s.Text(point{X: x - side/2 - 0.08, Y: l.y}, l.image,
			labelStyle{Size: 10.5, Anchor: anchorRight})
		s.Text(point{X: 1.66, Y: l.y}, l.part, labelStyle{Size: 10.5, Anchor: anchorLeft})
	}
	mid := point{X: 2.2, Y: kernelY}
	s.label(mid.X, mid.Y, "c_{pp′} = x_{p}·y_{p′}/q", anchorMiddle)
	for _, y := range []float64{upper, lower} {
		sign := math.Copysign(1, y-kernelY)
		s.Arrow(arrow{From: point{X: 1.9, Y: y - sign*0.06},
			To: point{X: mid.X, Y: kernelY + sign*0.13}, Bend: sign * 0.05, Width: 1})
	}
}

// drawKernel draws κ, and the arrow from it to the activation of a net that was designed.
func (s patchSketch) drawKernel() {
	frame := boxAround(3.5, kernelY, 0.92, 0.8)
	s.flow(2.63, frame.Min.X-0.08, kernelY)
	s.Inset(inset{
		Frame:  frame,
		Curves: []insetCurve{{Name: s.net.Name, X: s.net.C, Y: s.net.Kernel}},
		X:      "c",
		Y:      "κ(c)",
	})
	if !s.net.Designed {
		return
	}
	const x = filterX + 0.24
	highlight := inkStyle{Color: vermillion}
	s.Arrow(arrow{
		From:  point{X: x, Y: frame.Max.Y + 0.1},
		To:    point{X: x, Y: captionY - 0.39},
		Width: 3.2,
		Ink:   highlight,
	})
	s.Text(point{X: x + 0.1, Y: bandEdge - 0.2}, "design",
		labelStyle{Size: 9.5, Bold: true, Anchor: anchorLeft, Ink: &highlight})
}

// drawMeans draws the means over the pairs of patches of a window, and over the windows.
func (s patchSketch) drawMeans() {
	const below = kernelY - 0.47
	pairsX, pairsText := 4.78, "mean over pairs\np, p′ in w_{s}"
	if s.windows == 1 {
		pairsX, pairsText = 5.1, "mean over all\npairs p, p′"
	}
	s.flow(4.14, pairsX-0.42, kernelY)
	s.drawPairs(pairsX)
	s.label(pairsX, below, pairsText, anchorBelow)
	last := pairsX + 0.3
	if s.windows > 1 {
		const x, side = 5.72, 0.4
		s.flow(last, x-side/2-0.08, kernelY)
		s.pools(boxAround(x, kernelY, side, side))
		s.label(x, below, "mean over\nwindows w_{s}", anchorBelow)
		last = x + side/2 + 0.08
	}
	s.flow(last, 6.22, kernelY)
	s.Text(point{X: 6.54, Y: kernelY}, "K(x, y)", labelStyle{Size: 11.5, Bold: true})
}

// drawPairs draws some patches of a window in either image and all pairs of them, one of which
// stands out.
func (s patchSketch) drawPairs(x float64) {
	pairs := netPicture{
		Frame:  boxAround(x, kernelY, 0.44, 0.8),
		Layers: []int{4, 4},
		Radius: 0.04,
	}
	s.Net(pairs)
	nodes := pairs.nodes()
	one, other := nodes[0][2], nodes[1][0]
	s.Line(lineSegment{From: one, To: other, Width: 1.8, Ink: s.ink})
	s.nodes(0.05, true, one, other)
	s.label(one.X-0.1, one.Y, "p", anchorRight)
	s.label(other.X+0.09, other.Y, "p′", anchorLeft)
}
