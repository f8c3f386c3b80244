package plotting

import (
	"hash/fnv"
	"image/color"
	"strings"
)

// Okabe and Ito's palette, which stays distinct for every common form of colour
// blindness, without its yellow (unreadable on white); the last three are of Paul
// Tol's "muted" scheme, for figures with many series.
var (
	blue          = color.NRGBA{R: 0x00, G: 0x72, B: 0xB2, A: 0xFF}
	bluishGreen   = color.NRGBA{R: 0x00, G: 0x9E, B: 0x73, A: 0xFF}
	vermillion    = color.NRGBA{R: 0xD5, G: 0x5E, B: 0x00, A: 0xFF}
	black         = color.NRGBA{A: 0xFF}
	orange        = color.NRGBA{R: 0xE6, G: 0x9F, B: 0x00, A: 0xFF}
	reddishPurple = color.NRGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 0xFF}
	skyBlue       = color.NRGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 0xFF}
	wine          = color.NRGBA{R: 0x88, G: 0x22, B: 0x55, A: 0xFF}
	indigo        = color.NRGBA{R: 0x33, G: 0x22, B: 0x88, A: 0xFF}
	olive         = color.NRGBA{R: 0x99, G: 0x99, B: 0x33, A: 0xFF}
)

// Greys of everything that is not data.
var (
	ink       = color.NRGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xFF}
	axisInk   = color.NRGBA{R: 0x44, G: 0x44, B: 0x44, A: 0xFF}
	quietInk  = color.NRGBA{R: 0x66, G: 0x66, B: 0x66, A: 0xFF}
	gridInk   = color.NRGBA{R: 0xE4, G: 0xE4, B: 0xE4, A: 0xFF}
	minorGrid = color.NRGBA{R: 0xF2, G: 0xF2, B: 0xF2, A: 0xFF}
	white     = color.NRGBA{R: 0xFF, G: 0xFF, B: 0xFF, A: 0xFF}
	veil      = color.NRGBA{R: 0xFF, G: 0xFF, B: 0xFF, A: 0xDC}
)

// free are the colours for names without one of their own.
var free = [...]color.NRGBA{orange, reddishPurple, skyBlue, wine, indigo, olive}

// colorOf returns the colour of a name, the same in every figure:
//
//	1HL ReLU        bluish green  #009E73
//	4HL ReLU, ReLU  blue          #0072B2
//	1HL mimic       vermillion    #D55E00, the one that stands out
//	target          black         #000000
//	(no name)       grey          #666666
//
// Any other name gets one of six further colours, by a hash of the name. Where two
// names in one drawing hash to the same colour, the one that was added later gets
// the next colour that is not taken. A net's NTK, "4HL ReLU NTK", has the colour of
// the net.
func colorOf(name string) color.NRGBA {
	name = netOf(name)
	if c, ok := reserved(name); ok {
		return c
	}
	return free[slot(name)]
}

// netOf is the name that a colour goes by: of a net for its NTK.
func netOf(name string) string { return strings.TrimSuffix(name, " NTK") }

func reserved(name string) (color.NRGBA, bool) {
	switch name {
	case "":
		return quietInk, true
	case "1HL ReLU":
		return bluishGreen, true
	case "4HL ReLU", "ReLU":
		return blue, true
	case "1HL mimic":
		return vermillion, true
	case "target":
		return black, true
	}
	return color.NRGBA{}, false
}

func slot(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % uint32(len(free)))
}

// A palette gives the names of one drawing, by their nets, their colours.
type palette map[string]color.NRGBA

// paletteOf resolves clashes among names, in the order of their first use.
func paletteOf(names []string) palette {
	p := make(palette, len(names))
	var taken [len(free)]bool
	for _, n := range names {
		n = netOf(n)
		if _, ok := p[n]; ok {
			continue
		}
		c, ok := reserved(n)
		if !ok {
			k := slot(n)
			for i := range free {
				if j := (k + i) % len(free); !taken[j] {
					k = j
					break
				}
			}
			taken[k] = true
			c = free[k]
		}
		p[n] = c
	}
	return p
}

func (p palette) color(name string) color.NRGBA {
	if c, ok := p[netOf(name)]; ok {
		return c
	}
	return colorOf(name)
}

func withAlpha(c color.Color, alpha float64) color.NRGBA {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = uint8(float64(n.A)*alpha + 0.5)
	return n
}
