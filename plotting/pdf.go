package plotting

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"slices"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pdfOf returns the drawing as a PDF of one page of its size. Its letters are outlines, so that it
// looks the same everywhere and needs no font.
func pdfOf(d Drawing) ([]byte, error) {
	dim, err := check(d)
	if err != nil {
		return nil, err
	}
	c := vgpdf.New(vg.Length(dim.width)*vg.Inch, vg.Length(dim.height)*vg.Inch)
	if err := d.render(border(draw.New(outlines{c})), paletteOf(d.colorNames())); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("plotting: encoding a PDF: %w", err)
	}
	return timestamps.ReplaceAll(buf.Bytes(), []byte("${1}20000101000000")), nil
}

// timestamps are the times that a PDF was made at: a drawing always has the same bytes. The length
// of what replaces one must be its own, as a PDF knows its parts by their offsets.
var timestamps = regexp.MustCompile(`(/(?:Creation|Mod)Date \(D:)\d{14}`)

// outlines draws on a PDF in cubic curves alone: vgpdf's own text has Western European letters
// only, its arcs are paths of their own, which leaves fills with holes, its quadratic curves come
// out as cubic ones of other shape, and its translucent colours too dark.
type outlines struct{ vg.CanvasSizer }

func (o outlines) Stroke(p vg.Path) { o.CanvasSizer.Stroke(cubic(thin(p))) }
func (o outlines) Fill(p vg.Path)   { o.CanvasSizer.Fill(cubic(thin(p))) }

func (o outlines) SetColor(c color.Color) {
	if c != nil {
		c = straight(color.NRGBAModel.Convert(c).(color.NRGBA))
	}
	o.CanvasSizer.SetColor(c)
}

// straight is a colour whose RGBA are not multiplied by its alpha, which vgpdf applies itself.
type straight color.NRGBA

func (s straight) RGBA() (r, g, b, a uint32) {
	return uint32(s.R) * 0x101, uint32(s.G) * 0x101, uint32(s.B) * 0x101, uint32(s.A) * 0x101
}

// thin leaves out points of a polygon without which it stays within a hundredth of a point: most of
// a smooth curve's.
func thin(p vg.Path) vg.Path {
	if len(p) < 3 {
		return p
	}
	for i, comp := range p {
		if i == 0 && comp.Type != vg.MoveComp ||
			i > 0 && comp.Type != vg.LineComp && (comp.Type != vg.CloseComp || i < len(p)-1) {
			return p
		}
	}
	keep := make([]bool, len(p))
	last := len(p) - 1
	if p[last].Type == vg.CloseComp {
		keep[last] = true
		last--
	}
	keep[0], keep[last] = true, true
	for open := [][2]int{{0, last}}; len(open) > 0; {
		lo, hi := open[len(open)-1][0], open[len(open)-1][1]
		open = open[:len(open)-1]
		worst, at := 0.01, -1
		for i := lo + 1; i < hi; i++ {
			if d := distance(p[i].Pos, p[lo].Pos, p[hi].Pos); d > worst {
				worst, at = d, i
			}
		}
		if at > 0 {
			keep[at] = true
			open = append(open, [2]int{lo, at}, [2]int{at, hi})
		}
	}
	var out vg.Path
	for i, comp := range p {
		if keep[i] {
			out = append(out, comp)
		}
	}
	return out
}

// distance is that of p from the segment from a to b.
func distance(p, a, b vg.Point) float64 {
	ab, ap := b.Sub(a), p.Sub(a)
	if l := ab.Dot(ab); l > 0 {
		ap = ap.Sub(ab.Scale(max(0, min(1, ap.Dot(ab)/l))))
	}
	return math.Sqrt(float64(ap.Dot(ap)))
}

// cubic returns the path with its arcs and quadratic curves replaced by cubic ones.
func cubic(p vg.Path) vg.Path {
	var out vg.Path
	var at vg.Point
	for _, comp := range p {
		switch {
		case comp.Type == vg.ArcComp:
			n := int(math.Ceil(math.Abs(comp.Angle) / (math.Pi / 2)))
			step := comp.Angle / float64(n)
			k := comp.Radius * vg.Length(4./3*math.Tan(step/4))
			on := func(a float64) (p, tangent vg.Point) {
				sin, cos := math.Sincos(a)
				return vg.Point{
						X: comp.Pos.X + comp.Radius*vg.Length(cos),
						Y: comp.Pos.Y + comp.Radius*vg.Length(sin),
					},
					vg.Point{
						X: vg.Length(-sin),
						Y: vg.Length(cos),
					}
			}
			a, ta := on(comp.Start)
			if len(out) == 0 {
				out.Move(a)
			} else if a != at {
				out.Line(a)
			}
			for i := range n {
				b, tb := on(comp.Start + step*float64(i+1))
				out.CubeTo(a.Add(ta.Scale(k)), b.Sub(tb.Scale(k)), b)
				a, ta = b, tb
			}
			at = a
		case comp.Type == vg.CurveComp && len(comp.Control) == 1:
			q := comp.Control[0].Scale(2. / 3)
			out.CubeTo(at.Scale(1./3).Add(q), comp.Pos.Scale(1./3).Add(q), comp.Pos)
			at = comp.Pos
		default:
			comp.Control = slices.Clone(comp.Control)
			out = append(out, comp)
			if comp.Type != vg.CloseComp {
				at = comp.Pos
			}
		}
	}
	for i := range out {
		out[i].Pos = rounded(out[i].Pos)
		for j := range out[i].Control {
			out[i].Control[j] = rounded(out[i].Control[j])
		}
	}
	return out
}

// rounded keeps a place to a hundredth of a point.
func rounded(p vg.Point) vg.Point {
	return vg.Point{
		X: vg.Length(math.Round(100*float64(p.X)) / 100),
		Y: vg.Length(math.Round(100*float64(p.Y)) / 100),
	}
}

// FillString fills the outlines of the letters, set apart as [font.Face.Width] has it.
func (o outlines) FillString(f font.Face, at vg.Point, s string) {
	var buf sfnt.Buffer
	ppem := fixed.Int26_6(f.Face.UnitsPerEm())
	scale := f.Font.Size / vg.Length(ppem)
	var last sfnt.GlyphIndex
	for i, r := range s {
		glyph, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue // checkText has seen every character
		}
		if i > 0 {
			if k, err := f.Face.Kern(&buf, last, glyph, ppem, xfont.HintingNone); err == nil {
				at.X += vg.Length(k) * scale
			}
		}
		last = glyph
		segments, err := f.Face.LoadGlyph(&buf, glyph, ppem, nil)
		if err != nil {
			continue
		}
		var path vg.Path
		on := func(p fixed.Point26_6) vg.Point {
			return vg.Point{X: vg.Length(p.X) * scale, Y: -vg.Length(p.Y) * scale}
		}
		for _, g := range segments {
			switch g.Op {
			case sfnt.SegmentOpMoveTo:
				path.Move(on(g.Args[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(on(g.Args[0]))
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(on(g.Args[0]), on(g.Args[1]))
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(on(g.Args[0]), on(g.Args[1]), on(g.Args[2]))
			}
		}
		if len(path) > 0 {
			// Moved as a whole, so that a letter is the same bytes wherever it stands: half the
			// size, compressed.
			o.Push()
			o.Translate(at)
			o.Fill(path)
			o.Pop()
		}
		if a, err := f.Face.GlyphAdvance(&buf, glyph, ppem, xfont.HintingNone); err == nil {
			at.X += vg.Length(a) * scale
		}
	}
}
