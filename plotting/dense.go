package plotting

import (
	"image"
	"image/color"
	stddraw "image/draw"
	"math"

	"golang.org/x/image/vector"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	// denseLine is how many points of a line are drawn as they are.
	denseLine = 8192
	// denseDots is how many dots of a figure are shapes of their own, about 100 bytes each in an
	// SVG.
	denseDots = 5000
	// column is the width of a column in points: less than a pixel of a PNG at the usual
	// resolution, an eighth of a usual line.
	column = 0.25
	// crowded is how often a path may run across a picture: drawn as one shape, it takes a time
	// that is quadratic in that.
	crowded = 150
)

// pixels are what a canvas in pixels has, below the parts of it that canvases may be.
type pixels interface {
	DPI() float64
	Image() stddraw.Image
}

func pixelsOf(c draw.Canvas) (pixels, bool) {
	for {
		inner, part := c.Canvas.(draw.Canvas)
		if !part {
			p, ok := c.Canvas.(pixels)
			return p, ok
		}
		c = inner
	}
}

func hasPixels(c draw.Canvas) bool {
	_, ok := pixelsOf(c)
	return ok
}

// crosses returns how often lines run across the canvas.
func crosses(c draw.Canvas, lines ...[]vg.Point) float64 {
	var way float64
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			d := line[i].Sub(line[i-1])
			way += math.Abs(float64(d.X)) + math.Abs(float64(d.Y))
		}
	}
	return way / float64(c.Max.Y-c.Min.Y)
}

// dashed cuts lines into the dashes of a pattern, the lengths of a dash and of the gap after it.
func dashed(lines [][]vg.Point, pattern []vg.Length) [][]vg.Point {
	if len(pattern) == 0 {
		return lines
	}
	var dashes [][]vg.Point
	for _, line := range lines {
		part, left := 0, pattern[0]
		dash := line[:1:1]
		for i := 1; i < len(line); i++ {
			from, to := line[i-1], line[i]
			for {
				way := vg.Length(math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y)))
				if way <= left {
					left -= way
					break
				}
				from = from.Add(to.Sub(from).Scale(left / way))
				if part == 0 {
					dashes = append(dashes, append(dash, from))
				}
				dash = []vg.Point{from}
				part = 1 - part
				left = pattern[part]
			}
			if part == 0 {
				dash = append(dash, to)
			}
		}
		if part == 0 && len(dash) > 1 {
			dashes = append(dashes, dash)
		}
	}
	return dashes
}

// thinned leaves out points of a dense polyline that cannot be seen: of those that follow each
// other in one column it keeps the first, the lowest, the highest and the last, and of what is
// still dense the like in rows.
func thinned(pts []vg.Point) []vg.Point {
	if len(pts) > denseLine {
		pts = extremes(pts, func(p vg.Point) (along, across vg.Length) { return p.X, p.Y })
	}
	if len(pts) > denseLine {
		pts = extremes(pts, func(p vg.Point) (along, across vg.Length) { return p.Y, p.X })
	}
	return pts
}

func extremes(pts []vg.Point, split func(vg.Point) (along, across vg.Length)) []vg.Point {
	var kept []vg.Point
	for i := 0; i < len(pts); {
		along, across := split(pts[i])
		cell := math.Floor(float64(along) / column)
		low, high, last := i, i, i
		least, most := across, across
		for j := i + 1; j < len(pts); j++ {
			along, across := split(pts[j])
			if math.Floor(float64(along)/column) != cell {
				break
			}
			last = j
			if across < least {
				low, least = j, across
			}
			if across > most {
				high, most = j, across
			}
		}
		kept = append(kept, pts[i])
		for _, j := range []int{min(low, high), max(low, high), last} {
			if p := pts[j]; p != kept[len(kept)-1] {
				kept = append(kept, p)
			}
		}
		i = last + 1
	}
	return kept
}

// A stain is what many dots or lines of one colour leave in pixels: those of the picture where it
// has pixels, else those of the usual resolution.
type stain struct {
	c      draw.Canvas
	color  color.NRGBA
	scale  float64 // pixels per point
	x0, y1 int     // left and upper edge in pixels from the lower left corner of the picture
	mask   *image.Alpha
}

func newStain(c draw.Canvas, col color.NRGBA, room vg.Length) *stain {
	dpi := float64(defaultDPI)
	if p, ok := pixelsOf(c); ok {
		dpi = p.DPI()
	}
	s := &stain{c: c, color: col, scale: dpi / 72}
	r := grow(c.Rectangle, room)
	s.x0, s.y1 = int(math.Floor(float64(r.Min.X)*s.scale)), int(math.Ceil(float64(r.Max.Y)*s.scale))
	x1, y0 := int(math.Ceil(float64(r.Max.X)*s.scale)), int(math.Floor(float64(r.Min.Y)*s.scale))
	s.mask = image.NewAlpha(image.Rect(0, 0, x1-s.x0, s.y1-y0))
	return s
}

// pixel is where a point is in the mask, in pixels to the right and down.
func (s *stain) pixel(p vg.Point) (x, y float64) {
	return float64(p.X)*s.scale - float64(s.x0), float64(s.y1) - float64(p.Y)*s.scale
}

// disc is how much of each pixel a disc covers, of 255; the middle is at (r+1+dx, r+1+dy) of a
// square of pixels.
type disc struct {
	side   int
	covers []uint8
}

func newDisc(radius, dx, dy float64) disc {
	m := math.Ceil(radius) + 1
	d := disc{side: 2*int(m) + 1}
	for y := range d.side {
		for x := range d.side {
			far := math.Hypot(float64(x)+0.5-m-dx, float64(y)+0.5-m-dy)
			d.covers = append(d.covers, uint8(255*max(0, min(1, radius+0.5-far))+0.5))
		}
	}
	return d
}

// stamps puts discs on the mask, their middles rounded to a quarter of a pixel.
type stamps struct {
	*stain
	radius float64 // pixels
	discs  [16]*disc
}

func (s *stamps) put(x, y float64) {
	x, y = math.Round(4*x)/4, math.Round(4*y)/4
	fx, fy := x-math.Floor(x), y-math.Floor(y)
	d := &s.discs[int(16*fx)+int(4*fy)]
	if *d == nil {
		made := newDisc(s.radius, fx, fy)
		*d = &made
	}
	half, alpha := (*d).side/2, uint32(s.color.A)
	left, top := int(math.Floor(x))-half, int(math.Floor(y))-half
	b := s.mask.Rect
	for i := max(0, -top); i < min((*d).side, b.Max.Y-top); i++ {
		row := s.mask.Pix[(top+i)*s.mask.Stride:][:b.Max.X]
		for j := max(0, -left); j < min((*d).side, b.Max.X-left); j++ {
			if c := uint32((*d).covers[i*(*d).side+j]) * alpha / 255; c > 0 {
				v := &row[left+j]
				*v += uint8((255 - uint32(*v)) * c / 255)
			}
		}
	}
}

// dots puts a disc at each point on the canvas. Of opaque ones that are less than a sixteenth of
// their radius apart, or half a pixel, it puts one.
func (s *stain) dots(pts []vg.Point, radius vg.Length) {
	st := stamps{stain: s, radius: float64(radius) * s.scale}
	cell := max(0.5, st.radius/16)
	w := int(float64(s.mask.Rect.Max.X)/cell) + 1
	taken := make([]bool, w*(int(float64(s.mask.Rect.Max.Y)/cell)+1))
	for _, p := range pts {
		if !s.c.Contains(p) {
			continue
		}
		x, y := s.pixel(p)
		if at := int(y/cell)*w + int(x/cell); s.color.A < 255 {
			st.put(x, y)
		} else if !taken[at] {
			taken[at] = true
			st.put(x, y)
		}
	}
}

// lines marks the pixels that lines pass, each once, and puts a disc of their width on each.
func (s *stain) lines(lines [][]vg.Point, width vg.Length) {
	w, h := s.mask.Rect.Max.X, s.mask.Rect.Max.Y
	passed := make([]bool, w*h)
	for _, line := range lines {
		for i, p := range line[1:] {
			x, y := s.pixel(line[i])
			x1, y1 := s.pixel(p)
			n := math.Ceil(max(math.Abs(x1-x), math.Abs(y1-y), 1))
			dx, dy := (x1-x)/n, (y1-y)/n
			for range int(n) + 1 {
				if at := int(y)*w + int(x); at >= 0 && at < len(passed) {
					passed[at] = true
				}
				x, y = x+dx, y+dy
			}
		}
	}
	alpha := s.color.A // of the lines as a whole: they do not show through each other
	s.color.A = 255
	st := stamps{stain: s, radius: float64(width) / 2 * s.scale}
	for at, is := range passed {
		if is {
			st.put(float64(at%w)+0.5, float64(at/w)+0.5)
		}
	}
	if s.color.A = alpha; alpha < 255 {
		for i, v := range s.mask.Pix {
			s.mask.Pix[i] = uint8(uint32(v) * uint32(alpha) / 255)
		}
	}
}

// strokeDense draws a line that is thinned, in pixels where it is still too much for a shape.
func strokeDense(c draw.Canvas, sty draw.LineStyle, pts []vg.Point) {
	lines := c.ClipLinesXY(pts)
	if len(pts) <= 2*denseLine && !(hasPixels(c) && crosses(c, lines...) > crowded) {
		c.StrokeLines(sty, lines...)
		return
	}
	many := newStain(c, color.NRGBAModel.Convert(sty.Color).(color.NRGBA), sty.Width)
	many.lines(dashed(lines, sty.Dashes), sty.Width)
	many.draw()
}

// area covers a polygon.
func (s *stain) area(polygon []vg.Point) {
	r := vector.NewRasterizer(s.mask.Rect.Max.X, s.mask.Rect.Max.Y)
	for i, p := range polygon {
		if x, y := s.pixel(p); i == 0 {
			r.MoveTo(float32(x), float32(y))
		} else {
			r.LineTo(float32(x), float32(y))
		}
	}
	r.ClosePath()
	r.Draw(s.mask, s.mask.Rect, image.NewUniform(color.Alpha{A: s.color.A}), image.Point{})
}

// draw puts the stain on the canvas.
func (s *stain) draw() {
	if p, ok := pixelsOf(s.c); ok {
		img := p.Image()
		opaque := s.color
		opaque.A = 255
		at := image.Pt(s.x0, img.Bounds().Max.Y-s.y1)
		stddraw.DrawMask(img, s.mask.Rect.Add(at), image.NewUniform(opaque), image.Point{}, s.mask,
			image.Point{}, stddraw.Over)
		return
	}
	img := image.NewNRGBA(s.mask.Rect)
	for i, a := range s.mask.Pix {
		if a > 0 {
			copy(img.Pix[4*i:], []uint8{s.color.R, s.color.G, s.color.B, a})
		}
	}
	low := vg.Point{
		X: vg.Length(float64(s.x0) / s.scale),
		Y: vg.Length(float64(s.y1-s.mask.Rect.Max.Y) / s.scale),
	}
	s.c.DrawImage(vg.Rectangle{Min: low, Max: low.Add(vg.Point{
		X: vg.Length(float64(s.mask.Rect.Max.X) / s.scale),
		Y: vg.Length(float64(s.mask.Rect.Max.Y) / s.scale),
	})}, img)
}
