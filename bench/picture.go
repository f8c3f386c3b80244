package main

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/kernelsmith/kernelsmith/internal/atomicfile"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colours of the peers, and of what is lost.
var (
	colours = map[string]color.Color{
		neuralTangents: color.RGBA{0x1f, 0x77, 0xb4, 0xff},
		scientific:     color.RGBA{0x2c, 0xa0, 0x2c, 0xff},
		pytorch:        color.RGBA{0x94, 0x67, 0xbd, 0xff},
	}
	lostColour = color.RGBA{0xd6, 0x27, 0x28, 0xff}
)

// drawRatios writes the picture: a line for each row of times that has a peer, and on it a dot for
// each peer at its time over Kernelsmith's; where the peer is quicker, a red cross.
func drawRatios(r *results, path string) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "times as long as Kernelsmith", "row"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{}
	p.X.Min, p.X.Max = 0.5, 2
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(m *measured) bool {
		return m.best() == nil || m.Group == accuracy
	})
	slices.Reverse(rows) // the first is on top
	dots := map[string]plotter.XYs{}
	var lost plotter.XYs
	var names []string
	for i, m := range rows {
		names = append(names, m.ID)
		own := m.side(kernelsmith)
		for _, t := range m.Sides {
			if t == own || t.Lacks != "" || t.Error != "" || own.Median <= 0 || t.Median <= 0 {
				continue
			}
			at := plotter.XY{X: t.Median / own.Median, Y: float64(i)}
			p.X.Min, p.X.Max = min(p.X.Min, at.X/1.5), max(p.X.Max, at.X*1.5)
			if at.X < 1 {
				lost = append(lost, at)
			} else {
				dots[t.Side] = append(dots[t.Side], at)
			}
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.7, float64(len(rows))-0.3
	p.Y.Padding = 0
	one, err := plotter.NewLine(plotter.XYs{{X: 1, Y: p.Y.Min}, {X: 1, Y: p.Y.Max}})
	if err != nil {
		return err
	}
	p.Add(plotter.NewGrid(), one)
	for _, name := range peers {
		if err := addDots(p, name, dots[name], draw.CircleGlyph{}, colours[name]); err != nil {
			return err
		}
	}
	if err := addDots(p, "lost", lost, draw.CrossGlyph{}, lostColour); err != nil {
		return err
	}
	p.Legend.Top = true
	p.X.Max *= 20 // room for the legend
	height := vg.Length(len(rows)+6) * 0.19 * vg.Inch
	w, err := p.WriterTo(8*vg.Inch, height, "png")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(to io.Writer) error {
		_, err := w.WriteTo(to)
		return err
	})
}

func addDots(
	p *plot.Plot, name string, at plotter.XYs, shape draw.GlyphDrawer, c color.Color,
) error {
	if len(at) == 0 {
		return nil
	}
	dots, err := plotter.NewScatter(at)
	if err != nil {
		return err
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(3.5), Shape: shape}
	p.Add(dots)
	p.Legend.Add(name, dots)
	return nil
}

// decades are ticks at the powers of ten, with short ones at 2 to 9 between them.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for k := range 9 {
			v := float64(k+1) * math.Pow(10, e)
			if v < low || v > high {
				continue
			}
			label := ""
			if k == 0 {
				label = strconv.FormatFloat(v, 'g', -1, 64)
			}
			ticks = append(ticks, plot.Tick{Value: v, Label: label})
		}
	}
	return ticks
}
