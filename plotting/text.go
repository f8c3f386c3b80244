package plotting

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of letters, in points, for a picture about seven inches wide.
const (
	tickSize   = 9
	labelSize  = 10.5
	titleSize  = 11.5
	legendSize = 9.5
	noteSize   = 9.5
)

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

func sansOf(size float64, bold bool) font.Font {
	f := font.From(sans, vg.Points(size))
	if bold {
		f.Weight = xfont.WeightBold
	}
	return f
}

const (
	scriptScale = 0.7   // size of a superscript or subscript
	raise       = 0.36  // of the size: baseline of a superscript
	lower       = -0.16 // and of a subscript
	capHeight   = 0.716 // of the size, Liberation Sans
)

// scripts maps Unicode superscripts and subscripts to what is raised or lowered.
var scripts = map[rune]struct {
	r     rune
	shift float64
}{
	'⁰': {'0', raise},
	'¹': {'1', raise},
	'²': {'2', raise},
	'³': {'3', raise},
	'⁴': {'4', raise},
	'⁵': {'5', raise},
	'⁶': {'6', raise},
	'⁷': {'7', raise},
	'⁸': {'8', raise},
	'⁹': {'9', raise},
	'⁺': {
		'+',
		raise,
	},
	'⁻': {'−', raise},
	'⁽': {'(', raise},
	'⁾': {')', raise},
	'ⁿ': {'n', raise},
	'ⁱ': {'i', raise},
	'ᵏ': {'k', raise},
	'ˡ': {'l', raise},
	'ᵈ': {'d', raise},
	'ᵗ': {'t', raise},
	'ᵀ': {'T', raise},
	'₀': {'0', lower},
	'₁': {'1', lower},
	'₂': {'2', lower},
	'₃': {'3', lower},
	'₄': {'4', lower},
	'₅': {'5', lower},
	'₆': {'6', lower},
	'₇': {'7', lower},
	'₈': {'8', lower},
	'₉': {'9', lower},
	'₊': {'+', lower},
	'₋': {'−', lower},
	'₍': {'(', lower},
	'₎': {')', lower},
	'ᵢ': {
		'i',
		lower,
	},
	'ⱼ': {'j', lower},
	'ₖ': {'k', lower},
	'ₗ': {'l', lower},
	'ₘ': {'m', lower},
	'ₙ': {'n', lower},
	'ₜ': {'t', lower},
}

// accents maps combining marks to the spacing marks that are drawn for them.
var accents = map[rune]rune{'\u0303': '˜', '\u0302': 'ˆ', '\u0304': '¯'}

// A run is text of one size on one baseline; accent, if not 0, goes over its last letter.
type run struct {
	text   string
	scale  float64
	shift  float64 // of the full size
	accent rune
}

// runsOf splits one line into runs.
func runsOf(line string) []run {
	var runs []run
	add := func(s string, scale, shift float64) {
		if n := len(runs) - 1; n >= 0 && runs[n].accent == 0 && runs[n].scale == scale &&
			runs[n].shift == shift {
			runs[n].text += s
			return
		}
		runs = append(runs, run{text: s, scale: scale, shift: shift})
	}
	rs := []rune(line)
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		if a, ok := accents[r]; ok && len(runs) > 0 && runs[len(runs)-1].accent == 0 {
			runs[len(runs)-1].accent = a
			continue
		}
		if s, ok := scripts[r]; ok {
			add(string(s.r), scriptScale, s.shift)
			continue
		}
		if (r == '^' || r == '_') && i+1 < len(rs) && rs[i+1] == '{' {
			if n := indexRune(rs[i+2:], '}'); n >= 0 {
				shift := raise
				if r == '_' {
					shift = lower
				}
				for _, inner := range runsOf(string(rs[i+2 : i+2+n])) {
					inner.scale *= scriptScale
					inner.shift = inner.shift*scriptScale + shift
					runs = append(runs, inner)
				}
				i += 2 + n
				continue
			}
		}
		add(string(r), 1, 0)
	}
	return runs
}

func indexRune(rs []rune, r rune) int {
	for i, x := range rs {
		if x == r {
			return i
		}
	}
	return -1
}

// checkText returns an error if the font has no shape for a character of s.
func checkText(what, s string) error {
	face := font.DefaultCache.Lookup(sans, 1)
	var buf sfnt.Buffer
	for line := range strings.SplitSeq(s, "\n") {
		for _, rn := range runsOf(line) {
			for _, r := range rn.text {
				if i, err := face.Face.GlyphIndex(&buf, r); err != nil || i == 0 {
					return fmt.Errorf(
						"plotting: %s %q: Liberation Sans has no shape for %q (%U); write it "+
							"another way", what, s, r, r)
				}
			}
		}
	}
	return nil
}

// markup is the text handler behind every label. See the package documentation for what it
// understands.
type markup struct{}

var _ text.Handler = markup{}

func (markup) Cache() *font.Cache { return font.DefaultCache }

func (markup) Extents(f font.Font) font.Extents {
	face := font.DefaultCache.Lookup(f, f.Size)
	return face.Extents()
}

func (markup) Lines(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") }

func (m markup) Box(s string, f font.Font) (width, height, depth vg.Length) {
	for _, rn := range runsOf(s) {
		face := font.DefaultCache.Lookup(f, f.Size*vg.Length(rn.scale))
		width += face.Width(rn.text)
	}
	e := m.Extents(f)
	return width, e.Ascent, e.Descent
}

func (markup) width(s string, size float64) vg.Length {
	return caption{text: s, size: size}.width()
}

func (markup) height(s string, size float64) vg.Length {
	return caption{text: s, size: size}.height()
}

// Draw places text as gonum/plot's own handlers do: its axes rely on where the baseline falls.
func (m markup) Draw(c vg.Canvas, s string, sty text.Style, pt vg.Point) {
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return
	}
	if sty.Rotation != 0 {
		c.Push()
		defer c.Pop()
		c.Rotate(sty.Rotation)
		sin, cos := math.Sincos(-sty.Rotation)
		pt = vg.Point{
			X: pt.X*vg.Length(cos) - pt.Y*vg.Length(sin),
			Y: pt.X*vg.Length(sin) + pt.Y*vg.Length(cos),
		}
	}
	lines := m.Lines(s)
	baseline := pt.Y + sty.Height(s)*vg.Length(
		sty.YAlign) - m.Extents(sty.Font).Ascent + sty.Font.Size*vg.Length(
		len(lines),
	)
	for _, line := range lines {
		w, _, _ := m.Box(line, sty.Font)
		drawLine(c, line, sty.Font, sty.Color, pt.X+w*vg.Length(sty.XAlign), baseline)
		baseline -= sty.Font.Size
	}
}

// drawLine draws one line of markup with its baseline's left end at (x, y).
func drawLine(c vg.Canvas, line string, f font.Font, col color.Color, x, y vg.Length) {
	if col == nil {
		col = ink
	}
	c.SetColor(col)
	for _, rn := range runsOf(line) {
		size := f.Size * vg.Length(rn.scale)
		face := font.DefaultCache.Lookup(f, size)
		base := y + f.Size*vg.Length(rn.shift)
		c.FillString(face, vg.Point{X: x, Y: base}, rn.text)
		w := face.Width(rn.text)
		if rn.accent != 0 {
			rs := []rune(rn.text)
			letter := rs[len(rs)-1]
			left, right, _, top := inkBox(face, letter)
			al, ar, ab, _ := inkBox(face, rn.accent)
			start := x + w - face.Width(string(letter)) // of the letter
			at := vg.Point{
				X: start + (left+right)/2 - (al+ar)/2,
				Y: base + top - ab + 0.06*size,
			}
			c.FillString(face, at, string(rn.accent))
		}
		x += w
	}
}

// inkBox returns the edges of what is drawn for r, from its origin.
func inkBox(face font.Face, r rune) (left, right, bottom, top vg.Length) {
	b, scale := glyphBounds(face, r)
	return vg.Length(
			b.Min.X,
		) * scale, vg.Length(b.Max.X) * scale, -vg.Length(
			b.Max.Y) * scale, -vg.Length(b.Min.Y) * scale
}

func glyphBounds(face font.Face, r rune) (fixed.Rectangle26_6, vg.Length) {
	var buf sfnt.Buffer
	ppem := fixed.Int26_6(face.Face.UnitsPerEm())
	i, err := face.Face.GlyphIndex(&buf, r)
	if err != nil {
		return fixed.Rectangle26_6{}, 0
	}
	b, _, err := face.Face.GlyphBounds(&buf, i, ppem, xfont.HintingNone)
	if err != nil {
		return fixed.Rectangle26_6{}, 0
	}
	return b, face.Font.Size / vg.Length(ppem)
}

// textStyle is gonum/plot's description of our text.
func textStyle(size float64, bold bool, col color.Color) text.Style {
	return text.Style{Font: sansOf(size, bold), Color: col, Handler: markup{}}
}

// A caption is text placed by what is seen: its widest line and the height of its capitals.
type caption struct {
	text  string
	size  float64 // points
	bold  bool
	color color.Color
}

const linePitch = 1.25 // of the size

func (t caption) lines() []string { return markup{}.Lines(t.text) }

func (t caption) width() vg.Length {
	var w vg.Length
	for _, l := range t.lines() {
		lw, _, _ := markup{}.Box(l, sansOf(t.size, t.bold))
		w = max(w, lw)
	}
	return w
}

// height is from the top of the first line's capitals to the last baseline.
func (t caption) height() vg.Length {
	return vg.Points(t.size * (capHeight + linePitch*float64(len(t.lines())-1)))
}

// rect is what the text covers, descenders included, when drawn at (x, y) with alignments h and v:
// 0 puts the left edge or the last baseline there, ½ the middle, 1 the right edge or the top.
func (t caption) rect(x, y vg.Length, h, v float64) vg.Rectangle {
	w, ht := t.width(), t.height()
	x -= w * vg.Length(h)
	y -= ht * vg.Length(v)
	return vg.Rectangle{
		Min: vg.Point{X: x, Y: y - vg.Points(0.21*t.size)},
		Max: vg.Point{X: x + w, Y: y + ht},
	}
}

func (t caption) draw(c draw.Canvas, x, y vg.Length, h, v float64) {
	f := sansOf(t.size, t.bold)
	lines := t.lines()
	y -= t.height() * vg.Length(v)
	for i, l := range lines {
		w, _, _ := markup{}.Box(l, f)
		drawLine(c, l, f, t.color, x-w*vg.Length(h),
			y+vg.Points(t.size*linePitch*float64(len(lines)-1-i)))
	}
}
